"""Kill searches with SIGKILL at random instants, resume them, and count what was lost.

    python -m benchmarks.crash --kills 100 --seed 1

Searches of a few small networks on digits are killed again and again, each time at another point:
the driver, one of its two workers, or all of them; drivers without workers, which start at once,
take a share of the blows. Whatever falls, `resume` must go on from
every evaluation that was committed, train none of them again, and end where the undisturbed run
ended. Exits with 1 if any search did not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

import evoae
from benchmarks.sudden_death import (
    FOLDER,
    MOMENTS,
    POINTS,
    VICTIMS,
    Blow,
    Forked,
    digest,
    word,
    write_session,
)
from evoae.runs.store import Store
from evoae.training.setup import prepare
from tests.conftest import TINY, history, with_changes

# Every lever of the search is on; the surrogate has a say from the third generation on.
LEVERS = {"measures": 2, "remeasure": 0.3, "racing": {"keep": 0.5, "after": 4}}
CONFIG = with_changes(
    TINY,
    search={"population": 6, "generations": 3, **LEVERS},
    execution={"kind": "local", "workers": 2},
)
MOST_IDLE = 5  # runs in a row that come to their end though blows are left
PATIENCE = 300.0  # seconds after which a session hangs
_DRIVE = "import sys; from benchmarks.sudden_death import drive; drive(*sys.argv[1:])"


@dataclass
class Tally:
    """What the blows did."""

    fallen: list[Blow] = field(default_factory=list)
    runs: int = 0
    resumes: int = 0
    committed: int = 0
    lost: int = 0
    repeated: int = 0
    different: list[str] = field(default_factory=list)
    never: list[Blow] = field(default_factory=list)  # blows that found nothing to strike

    @property
    def flawless(self) -> bool:
        """Whether every blow fell, and nothing was lost, repeated or changed."""
        return not (self.lost or self.repeated or self.different or self.never)


def draw(kills: int, seed: int) -> list[Blow]:
    """Return `kills` blows in random order.

    One in ten comes from outside. The others are every moment at every point, for every victim
    in turn, then, as far as `kills` goes, for drivers without workers.
    """
    rng = random.Random(seed)
    outside = kills // 10
    aimed = list(itertools.product(POINTS, MOMENTS, VICTIMS, ["local"]))
    alone = list(itertools.product(POINTS, MOMENTS, ["driver"], ["inline"]))
    chosen = rng.sample(aimed, len(aimed))
    while len(chosen) < kills - outside:
        chosen += rng.sample(alone, len(alone))
    chosen = chosen[: kills - outside]
    chosen += [("any", "any", rng.choice(VICTIMS), "local") for _ in range(outside)]
    rng.shuffle(chosen)
    return [
        Blow(number, *what, occurrence=rng.randint(1, 2), share=rng.random())
        for number, what in enumerate(chosen, start=1)
    ]


class Bench:
    """Runs to kill, one after the other, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tally = Tally()
        self.config = folder / "tiny.yaml"
        self.config.write_text(yaml.safe_dump(CONFIG))
        self.sessions = itertools.count(1)
        self.usual: dict[str, float] = {}
        began = time.monotonic()
        process, session = self._start(folder / "undisturbed", [], "local")
        _end(process, session)
        self.usual = _usual(session) | {"any": time.monotonic() - began}
        self.undisturbed = evoae.Run.open(folder / "undisturbed")
        prepare()  # for the drivers that are forked

    def kill(self, blows: Sequence[Blow]) -> Tally:
        """Let every blow fall, on as many runs as it takes, each brought to its end."""
        waiting = deque(blows)
        idle = 0
        while waiting:
            before = len(waiting)
            self.tally.runs += 1
            self._play(self.folder / f"run-{self.tally.runs}", waiting)
            print(f"run {self.tally.runs}: {len(waiting)} blows left", file=sys.stderr)
            idle = idle + 1 if len(waiting) == before else 0
            if idle == MOST_IDLE:
                self.tally.never = list(waiting)
                break
        for number in range(1, self.tally.runs + 1):
            self._judge(self.folder / f"run-{number}")
        return self.tally

    def _play(self, run: Path, waiting: deque[Blow]) -> None:
        """Kill and resume one run until it is finished; judge its end."""
        known: dict[str, str] = {}  # id -> digest of every evaluation seen in the run
        ended = False
        turns = itertools.cycle([("local", "inline"), *[("inline", "local")] * 3])
        while not ended:
            kinds = next(turns)
            kind = next((k for k in kinds if any(b.kind == k for b in waiting)), "inline")
            blows = _for_one_session(waiting, kind)
            self.tally.resumes += run.exists()
            process, session = self._start(run, blows, kind)
            fallen = _strike_from_outside(process, blows, self.usual["any"])
            ended = _end(process, session)
            fallen |= {int(mark.name.partition("-")[2]) for mark in session.glob("struck-*")}
            self.tally.fallen += [blow for blow in blows if blow.number in fallen]
            waiting.extend(blow for blow in blows if blow.number not in fallen)
            known = self._compare(run, session, known)
        self.tally.committed += len(known)

    def _start(
        self, run: Path, blows: Sequence[Blow], kind: str
    ) -> tuple[subprocess.Popen[bytes] | Forked, Path]:
        session = self.folder / "sessions" / str(next(self.sessions))
        write_session(session, list(blows), self.usual)
        if kind == "inline":
            return Forked(run, self.config, session), session
        with (session / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", _DRIVE, str(run), str(self.config), kind],
                cwd=Path(__file__).resolve().parent.parent,
                env={**os.environ, FOLDER: str(session)},
                stderr=stderr,
                start_new_session=True,
            )
        return process, session

    def _compare(self, run: Path, session: Path, known: dict[str, str]) -> dict[str, str]:
        """Count what a session lost or repeated; return what the run holds now."""
        committed = dict(known)
        for line in _log(session):
            if line[0] == "begin" and line[1] in committed:
                self.tally.repeated += 1
            elif line[0] == "committed":
                committed[line[1]] = line[2]
        held = {}
        if run.exists():  # else it was killed before it began
            with Store.reader(run) as store:
                trainings = (*store.evaluations().values(), *store.repeats().values())
            held = {word(each.id): digest(each) for each in trainings}
        self.tally.lost += sum(held.get(id) != whole for id, whole in committed.items())
        return held

    def _judge(self, run: Path) -> None:
        """Compare a finished run with the undisturbed one, down to its models' weights."""
        ended = evoae.Run.open(run)
        same = (
            history(ended) == history(self.undisturbed)
            and ended.status().state == "finished"
            and ended.linear_bound() == self.undisturbed.linear_bound()
            and weights_agree(ended, self.undisturbed)
        )
        if not same:
            self.tally.different.append(run.name)


def _for_one_session(waiting: deque[Blow], kind: str) -> list[Blow]:
    """Take at most one blow that spares the driver, and one that does not.

    Two workers killed in one session could die under one candidate, which has then crashed.
    """
    taken: list[Blow] = []
    for spared in (True, False):
        found = next(
            (b for b in waiting if b.kind == kind and (b.victim == "worker") is spared), None
        )
        if found is not None:
            waiting.remove(found)
            taken.append(found)
    return taken


def _strike_from_outside(
    process: subprocess.Popen[bytes] | Forked, blows: Sequence[Blow], whole: float
) -> set[int]:
    """Let the blows at any instant fall; return the numbers of those that did."""
    fallen: set[int] = set()
    began = time.monotonic()
    for blow in sorted((b for b in blows if b.point == "any"), key=lambda blow: blow.share):
        while process.poll() is None and time.monotonic() - began < blow.share * whole:
            time.sleep(0.002)
        if process.poll() is None and _struck(process, blow):
            fallen.add(blow.number)
    return fallen


def _struck(process: subprocess.Popen[bytes] | Forked, blow: Blow) -> bool:
    if blow.victim == "both":
        os.killpg(process.pid, signal.SIGKILL)
    elif blow.victim == "driver":
        process.kill()
    else:
        try:
            children = psutil.Process(process.pid).children()
            workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
            if not workers:
                return False
            workers[blow.number % len(workers)].kill()
        except psutil.NoSuchProcess:
            return False
    return True


def _end(process: subprocess.Popen[bytes] | Forked, session: Path) -> bool:
    """Wait for a driver; True if it finished its run, False if it was killed."""
    try:
        process.wait(PATIENCE)
    except (subprocess.TimeoutExpired, TimeoutError):
        process.kill()
        raise
    if process.returncode not in (0, -signal.SIGKILL):
        said = (session / "stderr").read_text()
        raise RuntimeError(f"a driver ended with {process.returncode}:\n{said}")
    return process.returncode == 0


def _log(session: Path) -> list[list[str]]:
    log = session / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split(maxsplit=2) for line in lines]


def _usual(session: Path) -> dict[str, float]:
    """Return the median seconds of each point in a session."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    for line in _log(session):
        if line[0] == "took":
            took[line[2]].append(float(line[1]))
    return {point: statistics.median(seconds) for point, seconds in took.items()}


def weights_agree(one: evoae.Run, other: evoae.Run) -> bool:
    """Whether the models of two halls of fame hold the same weights, to the last bit."""
    pairs = zip(one.hall_of_fame(), other.hall_of_fame(), strict=True)
    return all(
        np.array_equal(mine, theirs)
        for a, b in pairs
        for mine, theirs in zip(a.load().get_weights(), b.load().get_weights(), strict=True)
    )


def table(tally: Tally) -> str:
    """Return the kills by point and victim, and the verdicts, as text."""
    columns = [*((victim, "local") for victim in VICTIMS), ("driver", "inline")]
    titles = (*VICTIMS, "lone driver")
    counts = Counter((b.point, b.moment, b.victim, b.kind) for b in tally.fallen)
    lines = [f"{'killed':<26}" + "".join(f"{title:>12}" for title in titles)]
    for point, moment in [*itertools.product(POINTS, MOMENTS), ("any", "any")]:
        where = "at any instant, outside" if point == "any" else f"{moment} {point}"
        killed = (counts[point, moment, *column] for column in columns)
        lines.append(f"{where:<26}" + "".join(f"{count:>12}" for count in killed))
    equal = tally.runs - len(tally.different)
    lines += [
        f"kills {len(tally.fallen)}, resumes {tally.resumes}, runs {tally.runs}",
        f"blows that never fell {len(tally.never)}",
        f"evaluations committed {tally.committed}, lost {tally.lost}, repeated {tally.repeated}",
        f"end states equal to the undisturbed run {equal} of {tally.runs}",
    ]
    return "\n".join(lines)


def summary(tally: Tally, seed: int, seconds: float) -> dict[str, Any]:
    """Return the JSON line."""
    return {
        "benchmark": "crash",
        "seed": seed,
        "kills": len(tally.fallen),
        "kills_by_point": dict(Counter(blow.point for blow in tally.fallen)),
        "kills_by_victim": dict(Counter(blow.victim for blow in tally.fallen)),
        "resumes": tally.resumes,
        "runs": tally.runs,
        "evaluations": tally.committed,
        "lost": tally.lost,
        "repeated": tally.repeated,
        "equal": tally.runs - len(tally.different),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Kill, resume, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = Bench(Path(folder)).kill(draw(arguments.kills, arguments.seed))
    print(table(tally))
    print(json.dumps(summary(tally, arguments.seed, time.monotonic() - began)))
    sys.exit(not tally.flawless)


if __name__ == "__main__":
    main()
