"""Training one recorded candidate again, to compare what comes out with the record."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from evoae.data.load import of_run
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation
from evoae.genome.text import parse
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.run import Run
from evoae.training.train import train


def replay(run: str | Path, candidate: str) -> tuple[CandidateResult, Evaluation]:
    """Train one candidate of a run again: same network, data and seed, in this process.

    A training that racing stopped ends after as many epochs.

    Args:
        run: a run's folder, or its name under `runs/`.
        candidate: any unambiguous prefix of its id, or `best`.

    Returns:
        what the run holds of it, and what it earned now. Nothing is recorded.

    Raises:
        EvoaeError: no such run or candidate, or its data are gone.
    """
    opened = Run.open(run)
    found = opened.find(candidate)
    with of_run(opened.path):
        problem = Problem.make(opened.config)
    task = problem.task(parse(found.candidate.genome), share(problem.dataset))
    recorded = found.evaluation
    if recorded is not None and recorded.raced:
        task = replace(task, thresholds=((len(recorded.validation_loss), -math.inf),))
    return found, train(task)
