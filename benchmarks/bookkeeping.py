"""What does a search spend besides its trainings? Time, memory and disk of 1,000 candidates.

    python -m benchmarks.bookkeeping [--candidates 1000] [--trainings 7] [--kind NAME ...]

Runs whole searches on Fashion-MNIST whose trainings answer at once with made-up losses: what is
left is asking, telling, recording and reporting. Each kind of search has a process of its own,
whose processor time is compared with that of as many trainings of the median of some random
networks, really trained (2,048 images, batch 32, 3 epochs, one thread); of those that racing
stopped, only the epochs that they got count. Prints a JSON line for each kind; exits with 1 if one
of them spends more than 1% on itself.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import evoae
from evoae.config.load import make_config
from evoae.evaluation import Evaluation, Outcome, Task
from evoae.execution.inline import InlineExecutor
from evoae.experiments.simulation import answered
from evoae.models.plan import plan
from evoae.runs.files import disk_bytes

TARGET = 0.01
EPOCHS = 3
_TRAINING = "training"
RACING = {"racing": {"keep": 0.33, "after": 12}}
KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "unguided": {"surrogate": 1},
    "aging": {"algorithm": "aging"},
    "nsga2": {"algorithm": "nsga2", "population": 40},
    "racing": RACING,
    "all": {
        **RACING,
        "algorithm": "aging",
        "repeats": 3,
    },
}


def config(candidates: int, **search: object) -> dict[str, Any]:
    """Return the search; a budget of trainings ends it."""
    search = {"generations": None, "budget": {"evaluations": candidates}, **search}
    return {
        "data": {"name": "fashion_mnist", "reduce": {"train": 2048, "validation": 1000}},
        "model": {"min_latent": 8, "max_latent": 32, "max_flops": 25_000_000},
        "search": search,
        "training": {"epochs": EPOCHS, "batch_size": 32},
        "execution": {"kind": "inline"},
        "report": {"baselines": []},
    }


class AtOnce:
    """Trainings that take no time; counts what answering takes all the same."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def train(self, task: Task) -> Evaluation:
        """Return a score that follows from the network's size and the seed."""
        begin = time.process_time()
        size = plan(task.genome, task.defaults).size
        luck = 1 + (task.seed % 1000) / 30_000
        fitness = 0.5 / (size.flops**0.1 + size.latent) * luck
        losses = tuple(fitness * (1 + left) for left in reversed(range(task.training.epochs)))
        evaluation = answered(task, losses)
        self.seconds += time.process_time() - begin
        return evaluation


def bookkeeping(kind: str, candidates: int) -> dict[str, Any]:
    """Run one search in this process."""
    conductor = importlib.import_module("evoae.engine.session")
    trainings = AtOnce()
    conductor.executor_for = lambda *_: InlineExecutor(trainings.train)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        small = config(4, generations=1, population=4)
        evoae.search(small, run=Path(folder) / "warm")  # data and libraries are loaded
        resident, trainings.seconds = _peak(), 0.0
        begin = time.process_time()
        run = evoae.search(config(candidates, **KINDS[kind]), run=Path(folder) / "run")
        spent = time.process_time() - begin - trainings.seconds
        epochs = sum(len(each.validation_loss) for each in run.first_evaluations())
        begin = time.process_time()
        status = run.status()
        run.hall_of_fame(), run.front()
        reported = time.process_time() - begin
        return {
            "kind": kind,
            "trainings": status.scored + status.failed + status.repeated,
            "raced": status.raced,
            "epochs": epochs + status.repeated * run.config.training.epochs,
            "seconds": round(spent, 2),
            "report_seconds": round(reported, 3),
            "memory_mb": round((_peak() - resident) / 2**20, 1),
            "disk_mb": round(disk_bytes(run.path) / 2**20, 2),
        }


def training(count: int) -> float:
    """Return the processor time of the median of `count` random networks' trainings."""
    from evoae.data.shared_memmap import share
    from evoae.engine.problem import Problem
    from evoae.evolution.algorithm import batch_rng
    from evoae.genome.sampling import sample
    from evoae.training.train import train

    problem = Problem.make(make_config(config(count)))
    rng, shared, seconds = batch_rng(1, 1), share(problem.dataset), []
    for number in range(-1, count):  # the first one loads TensorFlow
        task = problem.task(sample(rng, problem.space), shared)
        begin = time.process_time()
        outcome = train(task).outcome
        if number >= 0 and outcome is Outcome.SCORED:
            seconds.append(time.process_time() - begin)
    return median(seconds)


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Train some, keep books without training, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--trainings", type=int, default=7)
    parser.add_argument("--kind", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--alone", choices=(*KINDS, _TRAINING), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone == _TRAINING:
        print(json.dumps(training(options.trainings)))
        return
    if options.alone:
        print(json.dumps(bookkeeping(options.alone, options.candidates)))
        return

    def alone(kind: str) -> Any:
        command = [sys.executable, "-m", "benchmarks.bookkeeping", "--alone", kind]
        command += ["--candidates", str(options.candidates)]
        command += ["--trainings", str(options.trainings)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    one, too_much = alone(_TRAINING), False
    for kind in options.kind:
        found = alone(kind)
        trained = one * found["epochs"] / EPOCHS
        share = (found["seconds"] + found["report_seconds"]) / trained
        told = {"benchmark": "bookkeeping", **found, "training_seconds": round(one, 2)}
        print(json.dumps({**told, "share": round(share, 5), "target": TARGET}), flush=True)
        too_much = too_much or share > TARGET
    sys.exit(too_much)


if __name__ == "__main__":
    main()
