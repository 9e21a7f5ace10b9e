"""Call every reader from the command line beside a running search, and time one of a large run.

    python -m benchmarks.readers --calls 500

A search on digits runs with two workers; `hof`, `status`, `evaluations`, `failures`, `show`,
`lineage`, `compare` and `report` are called on it until there were so many calls. Then a run of
5,000 evaluations is made up, and `status` of it is timed against a command that reads nothing.
Exits with 1 if a call failed, or if reading takes .25 s or more.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import yaml

import evoae
from evoae.evaluation import TrainingKey
from evoae.runs.folder import create
from evoae.runs.records import Generation
from evoae.runs.store import Store
from tests.conftest import TINY, with_changes
from tests.runs.samples import CONFIG, METADATA, candidate, scored

EVOAE = [sys.executable, "-m", "evoae.cli.main"]
COMMANDS = (
    ("hof",),
    ("status",),
    ("evaluations", "--json"),
    ("failures",),
    ("show",),
    ("lineage",),
    ("hof", "--front", "--json"),
    ("status", "--json"),
)
SLOW = (("report", "--force"),)  # one in forty
SEARCH = with_changes(
    TINY,
    search={
        "algorithm": "aging",
        "population": 6,
        "generations": None,
        "budget": {"minutes": 60},
        "repeats": 3,
        "repeat_share": 0.3,
    },
    execution={"kind": "local", "workers": 2},
)
EVALUATIONS, SIZE = 5_000, 50
PAIRS = 11


def hammer(folder: Path, calls: int) -> dict[str, object]:
    """Call readers beside a search; return how many of each there were and which failed."""
    (folder / "busy.yaml").write_text(yaml.safe_dump(SEARCH))
    run = folder / "run"
    search = subprocess.Popen(
        [*EVOAE, "search", "--config", str(folder / "busy.yaml"), "--run", str(run)],
        stderr=subprocess.DEVNULL,
    )
    while not (run.is_dir() and evoae.Run.open(run).evaluations()):
        if search.poll() is not None:
            raise RuntimeError("the search ended at once")
        time.sleep(0.2)
    made: Counter[str] = Counter()
    failed: list[str] = []
    commands = itertools.cycle([*COMMANDS * 5, *SLOW])
    while sum(made.values()) < calls:
        word, *options = next(commands)
        place = ["--out", str(folder / "page.html")] if word == "report" else []
        done = subprocess.run(
            [*EVOAE, word, str(run), *options, *place], capture_output=True, text=True, check=False
        )
        made[word] += 1
        if done.returncode or "Traceback" in done.stderr:
            failed.append(f"{word}: {done.returncode} {done.stderr[-300:]}")
        if search.poll() is not None:
            raise RuntimeError(f"the search ended after {sum(made.values())} calls")
    search.send_signal(signal.SIGTERM)
    code = search.wait()
    trained = len(evoae.Run.open(run).evaluations())
    return {"calls": dict(made), "failed": failed, "trained": trained, "search_ended": code}


def large_run(path: Path) -> Path:
    """Make up a run of `EVALUATIONS` evaluations in generations of `SIZE`."""
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(EVALUATIONS)]
    curve = tuple(0.1 / (epoch + 1) for epoch in range(10))
    create(path, CONFIG, METADATA)
    with Store.writer(path) as store:
        store._followers = ()  # no log, no TensorBoard: nothing here reads them
        store._connection.execute("PRAGMA synchronous = OFF")
        for start in range(0, EVALUATIONS, SIZE):
            number = start // SIZE + 1
            for position, id in enumerate(ids[start : start + SIZE]):
                store.add_candidate(replace(candidate(1, number, position), id=id, parents=()))
                one = scored(1, 0.1 + 1 / (start + position + 10))
                store.add_evaluation(
                    replace(
                        one,
                        key=TrainingKey(id),
                        train_loss=curve,
                        validation_loss=curve,
                        cost=10**9,
                    )
                )
            members = tuple(ids[start : start + SIZE])
            row = {"trained": SIZE, "duplicates": 0, "failed": 0}
            store.finish_generation(Generation(number, members, members[-10:], row, 1.0))
    return path


def seconds_of(*arguments: object) -> float:
    """Return the processor seconds of one command."""
    code = (
        "import resource, sys; from evoae.cli.main import cli\n"
        "try: cli(sys.argv[1:])\n"
        "finally:\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print(used.ru_utime + used.ru_stime, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stderr.splitlines()[-1])


def time_status(folder: Path) -> dict[str, object]:
    """Time `status` of a large run in pairs with a command that reads no run."""
    run = large_run(folder / "large")
    pairs = [(seconds_of("status", run), seconds_of("--version")) for _ in range(PAIRS)]
    reading = [status - bare for status, bare in pairs]
    return {
        "evaluations": EVALUATIONS,
        "status_seconds": round(statistics.median(status for status, _ in pairs), 3),
        "bare_seconds": round(statistics.median(bare for _, bare in pairs), 3),
        "reading_seconds": round(statistics.median(reading), 3),
        "ratio": round(statistics.median(status / bare for status, bare in pairs), 2),
    }


def main() -> None:
    """Hammer, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        timed = time_status(Path(folder))
        print(json.dumps({"benchmark": "readers", **timed}), flush=True)
        hammered = hammer(Path(folder), arguments.calls) if arguments.calls else {"failed": []}
        print(json.dumps({"benchmark": "readers", **hammered}))
    sys.exit(bool(hammered["failed"]) or float(str(timed["reading_seconds"])) >= 0.25)


if __name__ == "__main__":
    main()
