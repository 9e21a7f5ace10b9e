from __future__ import annotations

from pathlib import Path

import pytest

from evoae.config.load import make_config
from evoae.execution import factory, gpus
from evoae.execution.factory import executor_for
from evoae.execution.gpus import Gpu, environments, installed_gpus, usable_gpus, visible_gpus
from evoae.execution.local import LocalExecutor
from evoae.execution.machine import usable_cores
from evoae.execution.probe import TensorFlow
from tests.conftest import TINY, with_changes
from tests.execution import trainers
from tests.execution.trainers import task


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up `nvidia-smi` that lists two cards, alone on the PATH."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA A, 1024, 1000'\necho '1, NVIDIA B, [N/A], 7'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def test_cards_are_those_that_nvidia_smi_lists(smi: Path) -> None:
    assert installed_gpus() == (
        Gpu("0", "NVIDIA A", 2**30, 1000 * 2**20),
        Gpu("1", "NVIDIA B", None, 7 * 2**20),
    )
    assert visible_gpus() == ("0", "1")


def test_a_driver_out_of_order_means_no_cards(smi: Path) -> None:
    smi.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert installed_gpus() == ()


def test_without_nvidia_smi_there_are_no_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == ()


@pytest.mark.parametrize(
    ("told", "visible"),
    [
        ("1", ("1",)),
        ("2, 0", ("2", "0")),
        ("GPU-4f3a,MIG-77", ("GPU-4f3a", "MIG-77")),
        ("1,-1,0", ("1",)),
        ("-1", ()),
        ("", ()),
    ],
)
def test_cuda_visible_devices_counts_more_than_nvidia_smi(
    told: str, visible: tuple[str, ...], smi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert visible_gpus() == visible


def test_a_gpu_that_tensorflow_cannot_use_is_not_used(
    smi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "ask_tensorflow", lambda: TensorFlow(None, cuda=True))
    assert usable_gpus() == ()
    monkeypatch.setattr(gpus, "ask_tensorflow", lambda: TensorFlow(None, ("A", "B"), cuda=True))
    assert usable_gpus() == ("0", "1")


def test_without_gpus_tensorflow_is_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.delattr(gpus, "ask_tensorflow")
    assert usable_gpus() == ()


def test_every_worker_is_pinned_to_a_gpu_of_its_own() -> None:
    with LocalExecutor(
        2, train=trainers.environment, environments=environments(("0", "GPU-4f3a"))
    ) as executor:
        for number in range(4):
            executor.start(task(number))
        told = [executor.wait().message for _ in range(4)]
    assert {str(line).split()[-1] for line in told} == {"0", "GPU-4f3a"}


def test_without_gpus_a_worker_is_pinned_to_none() -> None:
    assert environments(()) == ({},)


@pytest.mark.parametrize(
    ("found", "wanted", "workers"),
    [
        (("0", "1", "2"), "auto", 3),
        (("0", "1", "2"), 5, 5),
        ((), "auto", usable_cores()),
        ((), 1, 1),
    ],
)
def test_a_search_has_a_worker_for_each_gpu_or_else_for_each_core(
    found: tuple[str, ...],
    wanted: int | str,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(factory, "usable_gpus", lambda: found)
    execution = {"kind": "local", "workers": wanted}
    with executor_for(make_config(with_changes(TINY, execution=execution)).execution) as executor:
        assert executor.workers == workers
