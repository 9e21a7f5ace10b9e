"""Measure the memory of workers over hundreds of real trainings, with and without recycling.

    python -m benchmarks.worker_memory --candidates 320

Trains networks drawn from a small space on digits in one worker process, and samples its resident
memory whenever a training is done. Prints the peak, and the slope of a line through the samples
after the first tenth, when what is loaded once has been loaded. Recycling is worth its start-up
time if the slope without it is large.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
import psutil

from evoae.config.load import make_config
from evoae.config.schema import Config
from evoae.data.load import load
from evoae.data.shared_memmap import share
from evoae.evaluation import Task, seed_for
from evoae.execution.executor import run_all
from evoae.execution.local import LocalExecutor
from evoae.genome.canonical import candidate_id
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.models.plan import measure
from evoae.training.setup import prepare
from evoae.training.train import train
from tests.conftest import TINY, with_changes

CONFIG = with_changes(TINY, training={"epochs": 1})
MIB = 2**20


@dataclass(frozen=True)
class Measured:
    """One series of trainings.

    Attributes:
        resident: bytes of the worker after each training.
        peak: bytes, the most that any worker ever held.
        workers: processes that it took.
        seconds: of the whole series.
    """

    resident: list[int]
    peak: int
    workers: int
    seconds: float

    @property
    def slope(self) -> float:
        """Bytes per candidate."""
        settled = self.resident[len(self.resident) // 10 :]
        return float(np.polyfit(np.arange(len(settled)), settled, 1)[0])


def tasks(config: Config, count: int) -> list[Task]:
    """Draw `count` different networks."""
    data = load(config.data, config.seed).reduced(config.data.reduce, config.seed)
    shape, model = data.input_shape, config.model
    defaults = NetworkDefaults(shape, min_side=model.min_side)
    space = Space(model, shape, measure(defaults))
    rng = np.random.default_rng(config.seed)
    genomes = {}
    while len(genomes) < count:
        genome = sample(rng, space)
        genomes[candidate_id(genome)] = genome
    shared = share(data)
    return [
        Task(
            id,
            genome,
            defaults,
            shared,
            config.objective,
            config.training,
            seed=seed_for(config.seed, id),
        )
        for id, genome in genomes.items()
    ]


def measured(work: list[Task], recycle_after: int | None) -> Measured:
    """Train `work` in one worker at a time, looking at its memory after each."""
    began, resident, peak, workers = time.monotonic(), [], 0, set()
    with LocalExecutor(1, train=train, prepare=prepare, recycle_after=recycle_after) as executor:
        for evaluation in run_all(executor, work):
            assert evaluation.fitness is not None, evaluation
            assert evaluation.peak_memory is not None
            peak = max(peak, evaluation.peak_memory)
            alive = [each for each in psutil.Process().children() if _works(each)]
            if not alive:  # just recycled
                continue
            workers.add(alive[0].pid)
            resident.append(alive[0].memory_info().rss if alive else evaluation.peak_memory)
    return Measured(resident, peak, len(workers), time.monotonic() - began)


def _works(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=320)
    parser.add_argument("--recycle-after", type=int, default=50)
    arguments = parser.parse_args()
    work = tasks(make_config(CONFIG), arguments.candidates)
    figures: dict[str, object] = {"benchmark": "worker_memory", "candidates": len(work)}
    print(
        f"{'recycled after':<16}{'peak':>10}{'slope per candidate':>22}{'workers':>9}{'took':>8}"
    )
    for recycle_after in (None, arguments.recycle_after):
        found = measured(work, recycle_after)
        name = "never" if recycle_after is None else str(recycle_after)
        peak, slope = found.peak / MIB, found.slope / 1024
        row = (name, f"{peak:.0f} MiB", f"{slope:.1f} KiB", found.workers, round(found.seconds))
        print("".join(f"{cell:>20}" for cell in row))
        figures[f"recycled_{name}"] = {
            "peak_mib": round(peak, 1),
            "slope_kib_per_candidate": round(slope, 1),
            "workers": found.workers,
            "seconds": round(found.seconds, 1),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
