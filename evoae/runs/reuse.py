"""Trainings reused from another run, where they would come out the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Literal

from evoae.config.load import make_config
from evoae.evaluation import Evaluation, Outcome, Task, stopped_after
from evoae.runs.compatibility import check_equal_trainings
from evoae.runs.files import model_path, replacing, translate_os_errors
from evoae.runs.folder import CONFIG, locate
from evoae.runs.metadata import RunMetadata
from evoae.runs.store import Store

_REPEATABLE = (Outcome.SCORED, Outcome.DIVERGED)  # other outcomes tell of the machine as well


class ReusableRun:
    """A run whose trainings another run takes over; opened once, read only.

    Args:
        run: its folder, or its name under `runs/`.
        metadata: what the run that reuses them records of itself.

    Raises:
        RunError: no run, or one whose trainings would come out differently.
        ConfigError: its recorded configuration is not one that this evoae can read.
    """

    def __init__(self, run: str, metadata: RunMetadata) -> None:
        self.path = locate(run)
        with Store.reader(self.path) as store:
            theirs = store.metadata()
            # Read anew, so that settings younger than it have the values they always had.
            config = make_config(theirs.config, source=str(self.path / CONFIG))
            theirs = replace(theirs, config=config.model_dump(mode="json"))
            check_equal_trainings(self.path, theirs, metadata)
            self._evaluations, self._fitness = store.evaluations(), config.training.fitness

    def evaluation(self, task: Task) -> Evaluation | None:
        """Return an evaluation of this run and copy its model; None if it has none to give.

        Args:
            task: what would be trained otherwise; its `keep` says where the model is wanted.

        Raises:
            RunError: the model cannot be copied.
        """
        evaluation = self._evaluations.get(task.id)
        if evaluation is None or not ends_alike(evaluation, task, self._fitness):
            return None
        fitness, keep = evaluation.fitness, task.keep
        if fitness is None or evaluation.raced or keep is None:
            return evaluation
        if task.keep_below is not None and fitness >= task.keep_below:
            return evaluation
        source = model_path(self.path, task.id)
        if not source.is_file():  # it left the hall of fame there; a training makes it anew
            return None
        with translate_os_errors(keep), replacing(keep) as temporary:
            shutil.copyfile(source, temporary)
        return evaluation


def ends_alike(evaluation: Evaluation, task: Task, fitness: Literal["last", "best"]) -> bool:
    """Tell whether a training would end as an earlier one did, and after as many epochs.

    Args:
        evaluation: what the earlier one earned.
        task: what would be trained.
        fitness: which epoch's loss counts, see `training.fitness`.
    """
    if evaluation.outcome not in _REPEATABLE:
        return False
    stopped = stopped_after(evaluation.so_far(fitness), task.thresholds)
    return stopped == (len(evaluation.validation_loss) if evaluation.raced else None)
