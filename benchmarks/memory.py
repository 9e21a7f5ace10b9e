"""Compare the memory estimate of `evoae.models.memory` with what trainings really take.

Every genome is trained for one epoch over 256 images in a fresh worker process, and the peak of
its resident memory is compared with the estimate. The process itself is the larger part of both;
so the last column leaves it out: (measured - base) / (estimate - base).

    python benchmarks/memory.py [--genomes 20] [--seed 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from dataclasses import asdict, dataclass

import numpy as np

from evoae.config.model import ModelConfig
from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.data.dataset import Dataset
from evoae.data.kinds.images import ImageKind
from evoae.data.shared_memmap import share
from evoae.evaluation import Outcome, Task
from evoae.execution.executor import run_all
from evoae.execution.local import LocalExecutor
from evoae.genome.canonical import candidate_id
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.models.memory import BASE_BYTES, training_bytes
from evoae.models.plan import measure, plan
from evoae.training.setup import prepare
from evoae.training.train import train

SHAPES = ((28, 28, 1), (32, 32, 3))
BATCHES = (32, 128, 256)
IMAGES = 256
VALIDATION = 64
MAX_FLOPS = 60_000_000  # of one image's forward pass, so that 20 trainings take minutes


@dataclass(frozen=True)
class Row:
    """One training; bytes."""

    shape: tuple[int, int, int]
    batch: int
    parameters: int
    estimate: int
    measured: int

    @property
    def ratio(self) -> float:
        """Measured over estimated."""
        return self.measured / self.estimate

    @property
    def ratio_above_base(self) -> float:
        """The same without what the process takes before its network."""
        return (self.measured - BASE_BYTES) / (self.estimate - BASE_BYTES)


def dataset(shape: tuple[int, int, int]) -> Dataset:
    """Return random images; memory does not depend on what they show."""
    shown = np.random.default_rng(0).integers(0, 256, (IMAGES + VALIDATION, *shape), np.uint8)
    return Dataset("random", shown[:IMAGES], shown[IMAGES:], shown[:1], (str(shape),), ImageKind())


def measured(genome: Genome, data: Dataset, batch: int) -> Row:
    """Train `genome` alone in a process of its own."""
    layers = plan(genome, NetworkDefaults(data.input_shape))
    task = Task(
        id=candidate_id(genome),
        genome=genome,
        defaults=NetworkDefaults(data.input_shape),
        data=share(data),
        objective=ReconstructionConfig(),
        training=TrainingConfig(epochs=1, batch_size=batch, time_limit=None),
        seed=1,
    )
    with LocalExecutor(1, train=train, prepare=prepare) as executor:
        (evaluation,) = run_all(executor, [task])
    if evaluation.outcome is not Outcome.SCORED or evaluation.peak_memory is None:
        raise SystemExit(f"{task.id}: {evaluation.outcome}, {evaluation.message}")
    estimate = training_bytes(
        layers, batch_size=batch, data_bytes=data.train.nbytes + data.validation.nbytes
    )
    return Row(data.input_shape, batch, layers.size.parameters, estimate, evaluation.peak_memory)


def span(ratios: list[float]) -> dict[str, float]:
    """Return least, median and greatest."""
    ends = (min(ratios), statistics.median(ratios), max(ratios))
    return {
        name: round(ratio, 3) for name, ratio in zip(("min", "median", "max"), ends, strict=True)
    }


def main() -> None:
    """Measure, print a line for each training, then the ratios, then all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--genomes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    model = ModelConfig(max_flops=MAX_FLOPS)
    rows = []
    print("input    batch  parameters  estimate MiB  measured MiB  ratio  above base")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["EVOAE_CACHE"] = cache
        for number in range(asked.genomes):
            shape = SHAPES[number % len(SHAPES)]
            genome = sample(rng, Space(model, shape, measure(NetworkDefaults(shape))))
            row = measured(genome, dataset(shape), BATCHES[number % len(BATCHES)])
            rows.append(row)
            print(
                f"{'×'.join(map(str, shape)):<8} {row.batch:>5}  {row.parameters:>10,}  "
                f"{row.estimate / 2**20:>12,.0f}  {row.measured / 2**20:>12,.0f}  "
                f"{row.ratio:>5.2f}  {row.ratio_above_base:>10.2f}",
                flush=True,
            )
    ratios = span([row.ratio for row in rows])
    above = span([row.ratio_above_base for row in rows])
    for name, said in (("measured / estimate", ratios), ("above base", above)):
        print(f"{name}: " + ", ".join(f"{which} {ratio:.2f}" for which, ratio in said.items()))
    print(
        json.dumps(
            {
                "benchmark": "memory",
                "genomes": len(rows),
                "ratio": ratios,
                "ratio_above_base": above,
                "rows": [asdict(row) for row in rows],
            }
        )
    )


if __name__ == "__main__":
    main()
