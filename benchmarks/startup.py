"""Measure what a worker pays to load TensorFlow, with and without the libraries it does not use.

    python -m benchmarks.startup --pairs 10

Each pair starts two processes in turns, one with `prepare` and one with `prepare_worker` of
`evoae.training.setup`, and compares their processor seconds and resident memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

PROGRAM = """
import json, time, psutil
from evoae.training import setup
setup.{prepare}()
print(json.dumps([time.process_time(), psutil.Process().memory_info().rss / 2**20]))
"""


def measured(prepare: str) -> tuple[float, float]:
    """Return the processor seconds and the mebibytes of a process that is ready to train."""
    program = PROGRAM.format(prepare=prepare)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def main() -> None:
    """Print the medians of both and of their ratios as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    pairs = []
    for number in range(parser.parse_args().pairs):
        order = ("prepare", "prepare_worker") if number % 2 else ("prepare_worker", "prepare")
        found = {prepare: measured(prepare) for prepare in order}
        pairs.append((found["prepare"], found["prepare_worker"]))
    line: dict[str, float] = {"pairs": len(pairs)}
    for axis, what in enumerate(("seconds", "mebibytes")):
        line[f"{what}_all"] = statistics.median(whole[axis] for whole, _ in pairs)
        line[f"{what}_worker"] = statistics.median(lean[axis] for _, lean in pairs)
        line[f"{what}_ratio"] = statistics.median(b[axis] / a[axis] for a, b in pairs)
    print(json.dumps({name: round(value, 3) for name, value in line.items()}))


if __name__ == "__main__":
    main()
