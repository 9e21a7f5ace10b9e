"""How many times longer does a training step take with the contractive penalty?

    python benchmarks/contractive.py [--filters N] [--batch N] [--repeats N]

Trains one small network on made-up 28×28×1 images in the compiled loop, on one thread, plainly and
with the penalty in turns. Each figure is the median processor time of a step.

Prints a table, and the same as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from statistics import median

import numpy as np

from evoae.config.objectives import ObjectiveConfig
from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import Shared
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.objectives.base import objective_for
from evoae.models.plan import plan
from evoae.training.base import AbstractFitLoop
from evoae.training.setup import prepare

STEPS = 8  # in an epoch


def loop(kind: str, latent: int, filters: int, batch: int) -> AbstractFitLoop:
    """Return the loop of a network that is about to be trained."""
    from evoae.models.build import build
    from evoae.training.fit_compiled import CompiledLoop

    layers = [f"{{0}}({filters},3x3)"] * 2
    text = " ".join([*layers, f"| latent({latent}) |", *layers])
    encoder, _, decoder = text.partition("|")
    genome = parse(f"{encoder.format('conv')}|{decoder.format('upconv')}")
    images = np.random.default_rng(0).random((STEPS * batch, 28, 28, 1), np.float32)
    return CompiledLoop(
        build(plan(genome, NetworkDefaults((28, 28, 1))), seed=1),
        objective_for(ObjectiveConfig.kinds()[kind](), 1, bounded=True),
        Shared(images, images[:batch]),
        TrainingConfig(batch_size=batch),
    )


def step_ms(made: AbstractFitLoop, batch: int) -> float:
    """Train one epoch; return the milliseconds of processor time that a step took."""
    order = np.arange(STEPS * batch, dtype=np.int32)
    begin = time.process_time()
    made.train_epoch(order)
    return 1e3 * (time.process_time() - begin) / STEPS


def main() -> None:
    """Measure two latent sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=16, help="of each of two layers a side")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    prepare()
    found = {}
    print("latent  reconstruction  contractive   ratio")
    for latent in (8, 32):
        kinds = ("reconstruction", "contractive")
        loops = [loop(kind, latent, options.filters, options.batch) for kind in kinds]
        for made in loops:
            step_ms(made, options.batch)  # the first epoch warms up
        turns = [[step_ms(m, options.batch) for m in loops] for _ in range(options.repeats)]
        plain, penalised = (median(each) for each in zip(*turns, strict=True))
        found[latent] = penalised / plain
        print(f"{latent:6}  {plain:11.1f} ms  {penalised:8.1f} ms  {found[latent]:5.1f}×")
    print(json.dumps({"ratio": found, **vars(options)}))


if __name__ == "__main__":
    main()
