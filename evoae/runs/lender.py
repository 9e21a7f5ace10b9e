"""Trainings taken over from another run, where they would come out the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoae.config.load import make_config
from evoae.evaluation import Evaluation, Outcome
from evoae.runs.agreement import check_equal_trainings
from evoae.runs.files import model_path, sync_folder
from evoae.runs.folder import CONFIG, locate
from evoae.runs.store import Store

_REPEATABLE = (Outcome.SCORED, Outcome.DIVERGED)  # other outcomes tell of the machine as well


class Lender:
    """A run whose trainings another run takes over; opened once, read only.

    Args:
        run: its folder, or its name under `runs/`.
        facts: what the borrowing run records of itself.

    Raises:
        RunError: no run, or one whose trainings would come out differently.
        ConfigError: its recorded configuration is not one that this evoae can read.
    """

    def __init__(self, run: str, facts: Mapping[str, Any]) -> None:
        self.path = locate(run)
        with Store.reader(self.path) as store:
            theirs = store.facts()
            # Read anew, so that settings younger than it have the values they always had.
            config = make_config(theirs.get("config", {}), source=str(self.path / CONFIG))
            theirs["config"] = config.model_dump(mode="json")
            check_equal_trainings(self.path, theirs, facts)
            self._evaluations = store.evaluations()

    def lend(self, candidate_id: str, keep: Path, keep_below: float | None) -> Evaluation | None:
        """Return an evaluation of this run and copy its model; None if it has none to give.

        Args:
            candidate_id: of the network that would be trained otherwise.
            keep: where its trained model is wanted.
            keep_below: the model is wanted only if the fitness is below this; None for always.
        """
        evaluation = self._evaluations.get(candidate_id)
        if evaluation is None or evaluation.outcome not in _REPEATABLE:
            return None
        fitness = evaluation.fitness
        if fitness is None or (keep_below is not None and fitness >= keep_below):
            return evaluation
        source = model_path(self.path, candidate_id)
        if not source.is_file():  # it left the hall of fame there; a training makes it anew
            return None
        temporary = keep.with_name(f".{keep.name}.borrowed")
        shutil.copyfile(source, temporary)
        temporary.replace(keep)
        sync_folder(keep.parent)
        return evaluation
