"""Real trainings, each made once: what an interrupted comparison has trained is not lost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evoae.evaluation import Evaluation, Outcome, Seconds, Task
from evoae.execution.executor import AbstractExecutor, run_all
from evoae.genome.text import render


class Recorded:
    """Trains by an executor what no earlier call has trained.

    Args:
        executor: does it.
        file: a line of JSON for each training. Several processes may append to it.
    """

    def __init__(self, executor: AbstractExecutor, file: Path) -> None:
        self._executor, self._file = executor, file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, Evaluation] = {}
        lines = file.read_text().splitlines() if file.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                known = json.loads(line) if line else None
            except json.JSONDecodeError:  # whoever wrote it was killed
                print(f"{file}:{number} is torn and passed over")
                continue
            if known is not None:
                self._known[known["key"]] = _read(known["evaluation"])

    def __call__(self, task: Task) -> Evaluation:
        """Return what the training earns; no model is kept."""
        key = _key(task)
        if key not in self._known:
            (evaluation,) = run_all(self._executor, [replace(task, keep=None)])
            line = json.dumps({"key": key, "evaluation": asdict(replace(evaluation, id=""))})
            with self._file.open("a") as file:
                file.write(f"\n{line}\n")  # so that no torn line spoils it
            self._known[key] = evaluation
        return replace(self._known[key], id=task.id)


def _key(task: Task) -> str:
    """Return a digest of all that the result depends on."""
    parts = [
        render(task.genome),
        repr(task.defaults),
        task.data.name,
        task.objective.model_dump_json(),
        task.training.model_dump_json(),
        task.seed,
        task.noise_seed,
        *task.thresholds,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _read(raw: dict[str, Any]) -> Evaluation:
    changed = {
        "outcome": Outcome(raw["outcome"]),
        "train_loss": tuple(raw["train_loss"]),
        "validation_loss": tuple(raw["validation_loss"]),
        "seconds": Seconds(**raw["seconds"]),
    }
    return Evaluation(**{**raw, **changed})
