"""What `evoae doctor` says, for people and for programs, of machines that have or lack things."""

import json

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.data.sources import fetchers
from evoae.execution import doctor
from evoae.execution.gpus import Gpu
from evoae.execution.machine import Memory
from evoae.execution.probe import TensorFlow

KEYS = {
    "evoae",
    "able",
    "software",
    "cores",
    "workers",
    "memory",
    "cpu_flags",
    "bfloat16",
    "gpus",
    "visible_gpus",
    "tensorflow",
    "data",
    "runs",
    "cache",
    "data_places",
    "missing",
}
WORKING = TensorFlow(None, cuda=True)  # on the processor
CARD = Gpu("0", "NVIDIA A", 80 * 10**9, None)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A bare machine with room and a TensorFlow that works on the processor."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    for variable in ("EVOAE_DATA", "KERAS_HOME", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fetchers, "SYSTEM", tmp_path / "system")
    monkeypatch.chdir(tmp_path)
    has(monkeypatch)


def has(monkeypatch, *, cards=(), tensorflow=WORKING, free=2**36, cores=4):
    """Give the machine these things."""
    monkeypatch.setattr(doctor, "installed_gpus", lambda: cards)
    monkeypatch.setattr(doctor, "visible_gpus", lambda: tuple(card.index for card in cards))
    monkeypatch.setattr(doctor, "ask_tensorflow", lambda: tensorflow)
    monkeypatch.setattr(doctor, "memory", lambda: Memory(2**37, free, None))
    monkeypatch.setattr(doctor, "usable_cores", lambda: cores)


def run(*arguments, exit_code=0):
    done = CliRunner().invoke(cli, ["doctor", *arguments])
    assert done.exit_code == exit_code, done.output
    return done.stdout


def examined(*arguments, exit_code=0):
    found = json.loads(run("--json", *arguments, exit_code=exit_code))
    commands = {missing["command"].rpartition(" -m ")[2]: missing for missing in found["missing"]}
    return found, commands


def test_a_machine_that_lacks_only_data_sets_can_search():
    lines = run().splitlines()
    labelled = {line.split()[0]: line for line in lines if line[:1].strip()}
    assert all(name in labelled["software"] for name in ("evoae 0.", "Python 3.", "TensorFlow 2."))
    assert labelled["memory"] == "memory      137 GB, 69 GB free"
    assert labelled["GPUs"] == "GPUs        no NVIDIA card found · TensorFlow uses none"
    assert labelled["workers"] == "workers     4 (execution.workers: auto)"
    assert "data        fashion_mnist  not here" in lines
    assert "data        digits         scikit-learn" in lines
    told = lines.index("Could be better: data set fashion_mnist is not here")
    assert lines[told + 1] == "  evoae data get fashion_mnist"
    assert lines[-1] == "A search can run here."


def test_the_json_has_the_promised_keys(tmp_path):
    found, commands = examined()
    assert found.keys() == KEYS
    assert found["able"] is True
    assert found["data"]["digits"] == "scikit-learn"
    assert found["cache"]["path"] == str(tmp_path / "cache")
    assert found["data_places"][0]["path"] == str(tmp_path / ".keras" / "datasets")
    assert commands.keys() == {
        f"evoae data get {name}" for name in ("fashion_mnist", "mnist", "cifar10", "heart")
    }


def test_a_card_that_tensorflow_cannot_use_asks_for_the_cuda_extra(monkeypatch):
    has(monkeypatch, cards=(CARD,))
    found, commands = examined()
    assert "CUDA packages are missing" in commands["pip install 'evoae[cuda]'"]["what"]
    assert found["workers"] == 4
    assert "0: NVIDIA A, 80 GB · TensorFlow uses none" in run()


def test_a_card_that_tensorflow_uses_gets_the_worker(monkeypatch):
    has(monkeypatch, cards=(CARD,), tensorflow=TensorFlow(None, ("NVIDIA A",), cuda=True))
    found, commands = examined()
    assert found["workers"] == 1
    assert all(command.startswith("evoae data get") for command in commands)


def test_a_gpu_that_no_worker_is_pinned_to_is_told(monkeypatch):
    has(monkeypatch, tensorflow=TensorFlow(None, ("A", "B"), cuda=True))
    assert "export CUDA_VISIBLE_DEVICES=0,1" in examined()[1]


def test_a_tensorflow_that_cannot_compute_forbids_a_search(monkeypatch):
    has(monkeypatch, tensorflow=TensorFlow("ends its process by SIGILL"))
    lines = run(exit_code=1).splitlines()
    assert "Needed: TensorFlow ends its process by SIGILL" in lines
    assert lines[-1] == "A search cannot run here."
    assert examined(exit_code=1)[0]["able"] is False


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "has instructions for it"),
        ({"avx512_bf16": False, "amx_bf16": False}, "emulated, likely slower than float32"),
        (None, "unknown"),
    ],
)
def test_it_says_whether_bfloat16_is_emulated(flags, said, monkeypatch):
    monkeypatch.setattr(doctor, "cpu_flags", lambda: flags)
    (line,) = (line for line in run().splitlines() if line.startswith("bfloat16"))
    assert said in line


def test_quick_does_not_ask_tensorflow(monkeypatch):
    monkeypatch.delattr(doctor, "ask_tensorflow")
    assert examined("--quick")[0]["tensorflow"] is None
    assert "TensorFlow not asked" in run("--quick")


def test_a_cache_that_cannot_be_written_forbids_a_search(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "file" / "cache"))
    _, commands = examined(exit_code=1)
    assert commands["export EVOAE_CACHE=FOLDER"]["fatal"] is True


def test_too_little_memory_for_every_core_asks_for_fewer_workers(monkeypatch):
    has(monkeypatch, free=2 * doctor.BASE_BYTES + 1)
    assert "add --set execution.workers=2 to search or resume" in examined()[1]
    has(monkeypatch, free=1)
    assert examined(exit_code=1)[0]["missing"][0]["fatal"] is True
