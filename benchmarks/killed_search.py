"""Kill a whole search with SIGKILL, resume it each time, and compare it with an undisturbed one.

    python -m benchmarks.killed_search [--config configs/quickstart.yaml] [--kills 3] [--seed 1]

The driver and its workers are killed together, at random shares of the trainings that are left.
Exits with 1 if the two runs differ in anything: populations, losses, logbook, hall of fame or the
weights of its models.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import evoae
from benchmarks.crash import weights_agree
from tests.conftest import history

EVOAE = [sys.executable, "-m", "evoae.cli.main"]


def begin(*arguments: object) -> subprocess.Popen[bytes]:
    """Start `evoae` in a process group of its own."""
    return subprocess.Popen([*EVOAE, *map(str, arguments)], start_new_session=True)


def kill_after(process: subprocess.Popen[bytes], run: Path, trained: int) -> None:
    """Kill the whole group once the run holds `trained` evaluations."""
    while not run.is_dir() or len(evoae.Run.open(run).first_evaluations()) < trained:
        if process.poll() is not None:
            raise RuntimeError(f"the search ended before {trained} trainings")
        time.sleep(0.2)
    time.sleep(random.random() * 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> None:
    """Search, kill, resume, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("configs/quickstart.yaml"))
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, killed = Path(folder) / "undisturbed", Path(folder) / "killed"
        if begin("search", "--config", arguments.config, "--run", undisturbed).wait():
            raise RuntimeError("the undisturbed search failed")
        whole = len(evoae.Run.open(undisturbed).first_evaluations())
        instants = sorted(random.sample(range(1, whole - 1), arguments.kills))
        process = begin("search", "--config", arguments.config, "--run", killed)
        for trained in instants:
            kill_after(process, killed, trained)
            process = begin("resume", killed)
        if process.wait():
            raise RuntimeError("the last resume failed")
        one, other = evoae.Run.open(undisturbed), evoae.Run.open(killed)
        equal = history(one) == history(other) and weights_agree(one, other)
        hall = [entry.val_loss for entry in other.hall_of_fame()]
    told = {"kills": len(instants), "after": instants, "evaluations": whole, "equal": equal}
    print(json.dumps({"benchmark": "killed_search", **told, "best": hall[0], "hall": len(hall)}))
    sys.exit(not equal)


if __name__ == "__main__":
    main()
