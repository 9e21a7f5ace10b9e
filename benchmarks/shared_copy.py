"""What does it cost to compare the shared copy of the images with the images themselves?

    python -m benchmarks.shared_copy [--images N] [--side N]

Writes a file of random images, loads it as a search does, and shares it twice: the second time the
copy is there and only compared. Prints the seconds of each step, and the comparison's share of
what a search spends on loading and digesting the same images.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from evoae.config.data import DataConfig
from evoae.data.load import load
from evoae.data.shared_memmap import share

Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what `work` returns and the seconds that it took, and print these."""
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    print(f"{what:10} {seconds:8.3f} s")
    return result, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--side", type=int, default=64)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVOAE_CACHE"] = f"{folder}/cache"
        file = Path(folder) / "images.npy"
        shape = (given.images, given.side, given.side)
        np.save(file, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        dataset, loading = timed("loading", lambda: load(DataConfig(path=str(file)), 0))
        _, digesting = timed("digesting", lambda: dataset.digest)
        timed("writing", lambda: share(dataset))
        _, comparing = timed("comparing", lambda: share(dataset))
    size = dataset.train.nbytes + dataset.validation.nbytes
    share_of = comparing / (loading + digesting)
    print(f"{size / 2**20:.0f} MiB; comparing takes {share_of:.1%} of loading and digesting")


if __name__ == "__main__":
    main()
