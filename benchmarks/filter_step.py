"""Do filters in multiples of 16 pay in bfloat16?

    python -m benchmarks.filter_step [--data NAME]

Trains one network for an epoch of 2,048 images with 24 to 48 filters, twice each and in turns, on
one thread, and prints process time and FLOPs in relation to those of 32 filters.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import fmean

from evoae.config.load import make_config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.genome.canonical import canonical
from evoae.genome.text import parse

FILTERS = (24, 31, 32, 33, 40, 48)
NETWORK = (
    "down(stride) up(upsample) head(mirror) conv({0},5x3) res(1) | latent(32) | "
    "upconv({0},3x3) res(2)"
)


def main() -> None:
    """Measure, and print a line for each width."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="fashion_mnist")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from evoae.training.train import train

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = make_config(
        {
            "data": {"name": options.data, "reduce": {"train": 2048, "validation": 200}},
            "training": {"epochs": 1, "batch_size": 32, "precision": "bfloat16"},
        }
    )
    problem = Problem.make(config)
    shared = share(problem.dataset)
    seconds: dict[int, list[float]] = {filters: [] for filters in FILTERS}
    flops: dict[int, int] = {}
    for _ in range(2):
        for filters, measured in seconds.items():
            task = problem.task(canonical(parse(NETWORK.format(filters))), shared)
            begin = time.process_time()
            train(task)
            measured.append(time.process_time() - begin)
            flops[filters] = task.flops
    for filters, measured in seconds.items():
        print(
            f"{filters} filters: time x{fmean(measured) / fmean(seconds[32]):.2f}, "
            f"FLOPs x{flops[filters] / flops[32]:.2f}"
        )


if __name__ == "__main__":
    main()
