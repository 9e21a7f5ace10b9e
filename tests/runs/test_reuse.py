"""What a run lends to another one arrives whole, or not at all."""

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.errors import RunError
from evoae.evaluation import Task
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.runs.reuse import ReusableRun


@pytest.fixture
def reusable(tiny_run):
    return ReusableRun(str(tiny_run.path), tiny_run.metadata())


@pytest.fixture
def task(tiny_run, tmp_path):
    """The training of the lending run's best candidate."""
    best = tiny_run.hall_of_fame()[0]
    return Task(
        id=best.id,
        genome=parse(best.genome),
        defaults=NetworkDefaults((8, 8, 1)),
        data=Path(),
        objective=ReconstructionConfig(),
        training=TrainingConfig(),
        seed=0,
        keep=tmp_path / "m.keras",
    )


def test_a_reused_model_is_on_the_disk_before_it_counts(tiny_run, reusable, task, monkeypatch):
    synced, sync = [], os.fsync

    def noting(handle):
        synced.append(os.fstat(handle).st_ino)
        sync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    assert reusable.evaluation(task).id == task.id
    assert task.keep.read_bytes() == tiny_run.hall_of_fame()[0].model_path.read_bytes()
    assert synced == [task.keep.stat().st_ino, task.keep.parent.stat().st_ino]


def test_a_model_that_cannot_be_copied_is_a_sentence_and_leaves_no_part(reusable, task):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RunError) as error:
            reusable.evaluation(task)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (error.value.place, error.value.value) == (str(task.keep), "file too large")
    assert list(task.keep.parent.iterdir()) == []


def test_a_model_for_a_folder_that_is_gone_is_a_sentence(reusable, task):
    with pytest.raises(RunError, match="no such file or directory"):
        reusable.evaluation(replace(task, keep=task.keep.parent / "gone" / "m.keras"))
