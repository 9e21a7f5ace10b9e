"""How much memory does a search on a thousand 300x300 colour photographs take, all told?

    python -m benchmarks.large_images [--images N] [--side N] [--workers N]

Makes a folder of JPEGs, then runs `evoae search` on it as a person would, with a memory limit for
each worker, and adds up the proportional set sizes (pages that processes share count once) of the
driver and its workers while it runs. Prints the peak, in MiB, and a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import yaml
from PIL import Image

_MIB = 2**20


def photographs(folder: Path, count: int, side: int) -> None:
    """Write `count` JPEGs of smooth random colours."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05}.jpg", quality=90)


def config(folder: Path, side: int, workers: int) -> dict[str, object]:
    """Return the configuration of a short search whose networks stay affordable."""
    return {
        "data": {"path": str(folder), "size": side, "channels": 3},
        "model": {
            "min_latent": 64,
            "max_latent": 128,
            "max_depth": 5,
            "max_parameters": 4_000_000,
            "max_activation_bytes": "10MiB",
            "filters": [8, 32],
            "downsampling": ["max", "stride"],
            "upsampling": ["upsample", "transposed"],
        },
        "search": {"population": 6, "generations": 2},
        "training": {"epochs": 1, "batch_size": 8},
        "execution": {"workers": workers, "memory_limit": "1280MiB"},
    }


class Watch(threading.Thread):
    """Looks at a process and its children until told to stop; keeps the largest sums in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root, self.over = psutil.Process(pid), threading.Event()
        self.peak, self.driver, self.worker = 0, 0, 0

    def run(self) -> None:
        """Look twice a second."""
        while not self.over.wait(0.5):
            sizes = []
            try:
                processes = [self.root, *self.root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in processes:
                try:
                    sizes.append(process.memory_full_info().pss)
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    sizes.append(0)  # it has just ended
            self.peak = max(self.peak, sum(sizes))
            self.driver = max(self.driver, sizes[0])
            self.worker = max(self.worker, *sizes[1:], 0)


def main() -> None:
    """Measure one search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photographs(folder / "photographs", options.images, options.side)
        settings = config(folder / "photographs", options.side, options.workers)
        (folder / "large.yaml").write_text(yaml.safe_dump(settings))
        began = time.monotonic()
        command = [sys.executable, "-m", "evoae.cli.main", "search", "--config"]
        command += [str(folder / "large.yaml"), "--run", str(folder / "run")]
        with subprocess.Popen(command) as process:
            watch = Watch(process.pid)
            watch.start()
            code = process.wait()
            watch.over.set()
        if code:
            sys.exit(f"the search ended with exit code {code}")
        from evoae import Run

        status = Run.open(folder / "run").status()
    found = {
        "benchmark": "large_images",
        "images": options.images,
        "side": options.side,
        "workers": options.workers,
        "peak_mib": round(watch.peak / _MIB),
        "driver_mib": round(watch.driver / _MIB),
        "worker_mib": round(watch.worker / _MIB),
        "scored": status.scored,
        "failed": status.failed,
        "seconds": round(time.monotonic() - began),
    }
    print(f"peak {found['peak_mib']:,} MiB: driver {found['driver_mib']:,}, ", end="")
    print(
        f"largest worker {found['worker_mib']:,}; {status.scored} scored, {status.failed} failed"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
