"""Kill searches at random instants, resume them, and count what was lost.

    python -m benchmarks.crash --kills 160 --seed 1

Searches of a few small networks on digits, by every algorithm, with racing, repeats, trainings
taken over from another run, and baselines, are ended again and again, each time at another point:
SIGKILL for the driver, one of its two workers, both workers at once, or all of them, and SIGTERM
for the whole group; drivers without workers, which start at once, take a share of the blows.
Whatever falls, `resume` must go on from every evaluation that was committed, train none of them
again, and end where the undisturbed run ended. Last, models of finished runs are restored with
another instruction set, and that is killed too. Exits with 1 if any search did not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
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
    SPARED,
    VICTIMS,
    Blow,
    Forked,
    digest,
    kill_workers,
    word,
    write_session,
)
from evoae.runs.files import model_path
from evoae.runs.store import Store
from evoae.training.setup import prepare
from tests.conftest import TINY, history, with_changes

# Every lever of the search is on; the surrogate has a say from the third generation on.
_RACING = {"racing": {"keep": 0.5, "after": 4}}
_LEVERS = {"repeats": 2, "repeat_share": 0.3, "population": 6, "generations": 3}
SEARCHES: dict[str, dict[str, Any]] = {
    "generational": _LEVERS | _RACING,
    "mu_plus_lambda": _LEVERS | _RACING | {"algorithm": "mu_plus_lambda"},
    "aging": _LEVERS | _RACING | {"algorithm": "aging", "max_in_flight": 3},
    "nsga2": _LEVERS | {"algorithm": "nsga2"},
    "random": _LEVERS | _RACING | {"algorithm": "random"},
}
# Random search beside the search, as a run inside its run, where it is affordable.
BASELINES = {"nsga2": ["pca", "plain", "random"], "aging": ["pca", "plain", "random"]}
OTHER_PROCESSOR = {"TF_ENABLE_ONEDNN_OPTS": "0", "ONEDNN_MAX_CPU_ISA": "SSE41"}
LENDER = with_changes(TINY, search={"population": 3, "generations": 1})
MOST_IDLE = 5  # runs in a row that come to their end though blows are left
PATIENCE = 300.0  # seconds after which a session hangs
_DRIVE = "import sys; from benchmarks.sudden_death import drive; drive(*sys.argv[1:])"


@dataclass
class Tally:
    """What the blows did to the searches of one algorithm.

    Attributes:
        fallen: blows that struck.
        elsewhere: kills of drivers that restored models with another instruction set.
        runs: that were brought to their end.
        resumes: that it took.
        committed: evaluations that were committed.
        lost: of these, those that a later driver did not find.
        repeated: of these, those that a later driver trained again.
        different: runs whose end is not that of the undisturbed one.
        never: blows that found nothing to strike.
    """

    fallen: list[Blow] = field(default_factory=list)
    elsewhere: int = 0
    runs: int = 0
    resumes: int = 0
    committed: int = 0
    lost: int = 0
    repeated: int = 0
    different: list[str] = field(default_factory=list)
    never: list[Blow] = field(default_factory=list)

    @property
    def flawless(self) -> bool:
        """Whether every blow fell, and nothing was lost, repeated or changed."""
        return not (self.lost or self.repeated or self.different or self.never)


def draw(kills: int, seed: int) -> list[Blow]:
    """Return `kills` blows in random order, the algorithms taking turns.

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
    algorithms = itertools.cycle(SEARCHES)
    return [
        Blow(
            number,
            *what,
            occurrence=1 if what[0] in ("restoring", "baselines") else rng.randint(1, 2),
            share=rng.random(),
            algorithm=next(algorithms),
        )
        for number, what in enumerate(chosen, start=1)
    ]


def config_of(algorithm: str, lender: Path) -> dict[str, Any]:
    """Return the configuration of the searches by an algorithm, which take over from `lender`."""
    return with_changes(
        TINY,
        search={**SEARCHES[algorithm], "reuse": [str(lender)]},
        execution={"kind": "local", "workers": 2},
        report={"baselines": BASELINES.get(algorithm, ["pca", "plain"])},
    )


class Bench:
    """Runs of one algorithm to kill, one after the other.

    Args:
        folder: for the runs.
        algorithm: of the searches.
    """

    def __init__(self, folder: Path, algorithm: str = "generational") -> None:
        self.folder = folder / algorithm
        self.folder.mkdir()
        folder = self.folder
        self.algorithm = algorithm
        self.tally = Tally()
        self.config = folder / "tiny.yaml"
        lender = folder / "lender"
        self.config.write_text(yaml.safe_dump(config_of(algorithm, lender)))
        self.sessions = itertools.count(1)
        self.usual: dict[str, float] = {}
        lent = folder / "lent.yaml"
        lent.write_text(yaml.safe_dump(LENDER))
        _end(*self._start(lender, [], "local", config=lent))
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
            left = f"run {self.tally.runs}: {len(waiting)} blows left"
            print(f"{self.algorithm}, {left}", file=sys.stderr, flush=True)
            idle = idle + 1 if len(waiting) == before else 0
            if idle == MOST_IDLE:
                self.tally.never = list(waiting)
                break
        for number in range(1, self.tally.runs + 1):
            self._judge(self.folder / f"run-{number}")
        return self.tally

    def restore_elsewhere(self, kills: int = 2) -> None:
        """Restore two models of a finished run with another instruction set, killed meanwhile.

        The record must stay as it was, and the models must be the recorded ones up to rounding.
        """
        run = self.folder / "elsewhere"
        shutil.copytree(self.folder / "undisturbed", run)
        found = evoae.Run.open(run)
        removed = [entry.id for entry in found.hall_of_fame()[:2]]
        for id in removed:
            model_path(run, id).unlink()
        for number in range(kills + 1):
            blow = Blow(number, "restoring", "during", "driver", "local", 1, 0.5, self.algorithm)
            blows = [blow] if number < kills else []
            process, session = self._start(run, blows, "local", environment=OTHER_PROCESSOR)
            ended = _end(process, session)
            self.tally.resumes += 1
            self.tally.elsewhere += not ended
        differences = found.metadata().restored.values()
        close = all(abs(each.now / each.recorded - 1) < 1e-4 for each in differences)
        loaded = all(entry.load() is not None for entry in found.hall_of_fame())
        self.tally.runs += 1
        print(f"{self.algorithm}, elsewhere: {list(differences)}", file=sys.stderr, flush=True)
        if not (ended and close and loaded and history(found) == history(self.undisturbed)):
            self.tally.different.append(run.name)

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
        self,
        run: Path,
        blows: Sequence[Blow],
        kind: str,
        *,
        config: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[subprocess.Popen[bytes] | Forked, Path]:
        session = self.folder / "sessions" / str(next(self.sessions))
        write_session(session, list(blows), self.usual)
        if kind == "inline":
            return Forked(run, self.config, session), session
        with (session / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", _DRIVE, str(run), str(config or self.config), kind],
                cwd=Path(__file__).resolve().parent.parent,
                env={**os.environ, **(environment or {}), FOLDER: str(session)},
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
        held: dict[str, str] = {}
        for folder in (run, run / "random"):  # random search is a run of its own inside the run
            if folder.exists():  # else it was killed before it began
                with Store.reader(folder) as store:
                    trainings = (*store.evaluations().values(), *store.repeats().values())
                held |= {word(folder.name, each.id): digest(each) for each in trainings}
        self.tally.lost += sum(held.get(id) != whole for id, whole in committed.items())
        return held

    def _judge(self, run: Path) -> None:
        """Compare a finished run with the undisturbed one, down to its models' weights."""
        ended = evoae.Run.open(run)
        same = (
            _end_state(ended) == _end_state(self.undisturbed)
            and ended.status().state == "finished"
            and weights_agree(ended, self.undisturbed)
        )
        if not same:
            self.tally.different.append(run.name)


def play(folder: Path, algorithm: str, blows: Sequence[Blow]) -> Tally:
    """Return what blows did to the searches of one algorithm."""
    bench = Bench(folder, algorithm)
    tally = bench.kill(blows)
    bench.restore_elsewhere()
    return tally


def _end_state(run: evoae.Run) -> dict[str, object]:
    """Return what must be equal: the search, what it was compared with, and its random search."""
    told: dict[str, object] = {**history(run), "baselines": run.baselines()}
    if (run.path / "random").exists():
        told["random"] = history(evoae.Run.open(run.path / "random"))
    return told


def _for_one_session(waiting: deque[Blow], kind: str) -> list[Blow]:
    """Take at most one blow that spares the driver, and one that does not.

    Two workers killed in one session could die under one candidate, which has then crashed.
    """
    taken: list[Blow] = []
    for spared in (True, False):
        found = next(
            (b for b in waiting if b.kind == kind and (b.victim in SPARED) is spared), None
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
    elif blow.victim == "group, SIGTERM":
        os.killpg(process.pid, signal.SIGTERM)
    elif blow.victim == "all workers":
        return kill_workers(process.pid)
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
    """Wait for a driver; True if it finished its run, False if a signal ended it."""
    try:
        process.wait(PATIENCE)
    except (subprocess.TimeoutExpired, TimeoutError):
        process.kill()
        raise
    # SIGTERM stops a driver cleanly, or ends it at once before it has begun.
    if process.returncode not in (0, 130, -signal.SIGKILL, -signal.SIGTERM):
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


def table(tallies: Mapping[str, Tally]) -> str:
    """Return for each kind of blow and algorithm how often it fell, and the verdicts, as text."""
    fallen = Counter(
        (b.point, b.victim, b.kind, b.algorithm) for t in tallies.values() for b in t.fallen
    )
    lines = [f"{'':<38}" + "".join(f"{algorithm:>15}" for algorithm in tallies)]
    columns = [*((victim, "local") for victim in VICTIMS), ("driver", "inline")]
    for point in (*POINTS, "any"):
        for victim, kind in columns:
            counts = [fallen[point, victim, kind, algorithm] for algorithm in tallies]
            if any(counts):
                where = "any instant" if point == "any" else point
                alone = " alone" if kind == "inline" else ""
                row = f"{where}: {victim}{alone}"
                lines.append(f"{row:<38}" + "".join(f"{count:>15}" for count in counts))
    for title, figure in (
        ("restoring elsewhere: driver", lambda t: t.elsewhere),
        ("kills", kills),
        ("resumes", lambda t: t.resumes),
        ("runs", lambda t: t.runs),
        ("blows that never fell", lambda t: len(t.never)),
        ("evaluations committed", lambda t: t.committed),
        ("lost", lambda t: t.lost),
        ("repeated", lambda t: t.repeated),
        ("unequal end states", lambda t: len(t.different)),
    ):
        lines.append(f"{title:<38}" + "".join(f"{figure(t):>15}" for t in tallies.values()))
    return "\n".join(lines)


def kills(tally: Tally) -> int:
    """Return how often a search was struck."""
    return len(tally.fallen) + tally.elsewhere


def summary(algorithm: str, tally: Tally, seed: int, seconds: float) -> dict[str, Any]:
    """Return the JSON line of one algorithm."""
    return {
        "benchmark": "crash",
        "algorithm": algorithm,
        "seed": seed,
        "kills": kills(tally),
        "kills_by_point": dict(Counter(blow.point for blow in tally.fallen)),
        "kills_by_victim": dict(Counter(blow.victim for blow in tally.fallen)),
        "restored_elsewhere": tally.elsewhere,
        "resumes": tally.resumes,
        "runs": tally.runs,
        "evaluations": tally.committed,
        "lost": tally.lost,
        "repeated": tally.repeated,
        "unequal": len(tally.different),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Kill, resume, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--algorithms", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    arguments = parser.parse_args()
    blows = draw(arguments.kills, arguments.seed)
    tallies: dict[str, Tally] = {}
    alone = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for algorithm in arguments.algorithms:
            began = time.monotonic()
            mine = [blow for blow in blows if blow.algorithm == algorithm]
            # Each in a process of its own: one that has compared weights cannot be forked from.
            with ProcessPoolExecutor(1, alone) as pool:
                tallies[algorithm] = pool.submit(play, Path(folder), algorithm, mine).result()
            seconds = time.monotonic() - began
            line = summary(algorithm, tallies[algorithm], arguments.seed, seconds)
            print(json.dumps(line), flush=True)
    print(table(tallies))
    sys.exit(not all(tally.flawless for tally in tallies.values()))


if __name__ == "__main__":
    main()
