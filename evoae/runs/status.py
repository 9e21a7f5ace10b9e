"""State, counts and forecast of a run, and their JSON; `evoae.cli.status` puts them into words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from evoae.config.search import BudgetConfig
from evoae.runs.eta import Eta, eta, rate
from evoae.runs.files import REFIT, disk_bytes
from evoae.runs.hall_of_fame import Entry
from evoae.runs.metadata import RunMetadata
from evoae.runs.processes import memory_of
from evoae.runs.records import Baseline
from evoae.runs.refitting import Curve, RefitProgress, progress
from evoae.runs.snapshot import Snapshot
from evoae.runs.trainings import Tally


@dataclass(frozen=True, slots=True)
class Status:
    """State, counts and forecast of a run.

    Attributes:
        run: the folder.
        state: `running`, `finished`, `interrupted`, or `failed` if it stopped because of `why`.
        why: a failed run stopped; None for others.
        pid: of the driver; None unless running, 0 if it cannot be told.
        workers: of the latest driver; None if none has begun.
        generation: number of the generation under way, from 1; of the last one once finished.
        finished: generations that are over.
        generations: how many were asked for; None if only a budget ends the search.
        scored, failed: trainings by outcome.
        raced: of those with a score, the ones that racing stopped early.
        duplicates: proposals in finished generations that were known and cost no training.
        repeated: further trainings of known candidates, with other seeds.
        reused: trainings reused from other runs.
        cost: FLOPs of all trainings, see `evoae.evaluation.cost`; None if one is unknown.
        noise: relative standard deviation of a loss between seeds; None where it was not measured.
        best: id and validation loss in the search; None before the first score.
        refit: how far a refit is; None if none is under way. `state` is then the search's.
        answer: the best model, a refitted one if there is any; None before the first score.
        per_minute: trainings a minute of the latest driver, its start-up time left out; None
            before its first.
        eta_seconds: forecast of what is left, at that pace; 0 once finished, None before the
            first training.
        eta_low, eta_high: its range, see `evoae.runs.eta`; None where there is no forecast.
        memory: bytes that driver and workers take now; None unless running, or if it is unknown.
        disk_bytes: size of the folder.
        baselines: networks and methods that the result is compared with so far.
    """

    run: str
    state: str
    why: str | None
    pid: int | None
    workers: int | None
    generation: int
    finished: int
    generations: int | None
    scored: int
    raced: int
    failed: int
    duplicates: int
    repeated: int
    reused: int
    cost: int | None
    noise: float | None
    best: tuple[str, float] | None
    per_minute: float | None
    eta_seconds: float | None
    eta_low: float | None
    eta_high: float | None
    memory: int | None
    disk_bytes: int
    baselines: tuple[Baseline, ...] = ()
    answer: Entry | None = None
    refit: RefitProgress | None = None

    def summary(self) -> dict[str, object]:
        """Return the JSON object of `status --json`."""
        best = self.best
        values = asdict(self)
        values["best"] = None if best is None else {"id": best[0], "val_loss": best[1]}
        values["answer"] = None if self.answer is None else self.answer.summary()
        return values


def read_status(
    run: Path,
    now: Snapshot,
    budget: BudgetConfig,
    best: tuple[str, float] | None,
    answer: Entry | None,
    baselines: Sequence[Baseline],
) -> Status:
    """Return the status of a run.

    Args:
        run: its folder.
        now: its snapshot.
        budget: what its search may spend.
        best: id and validation loss of the best candidate; None before the first score.
        answer: the best model; None before the first score.
        baselines: networks and methods that it is compared with so far.

    Raises:
        RunError: its database cannot be read.
    """
    pid = now.pid
    metadata, generations, trainings = now.metadata, list(now.generations.values()), now.tallies
    target, done, ended = metadata.generations, len(generations), metadata.ended
    next_one = done + 1 if target is None else max(1, min(done + 1, target))
    refit = None if pid is None else _refit(run, metadata, pid)
    running = pid is not None and refit is None
    state = "running" if running else "finished" if ended else "interrupted"
    why = metadata.stopped if state == "interrupted" else None
    first = [each for each in trainings if each.repeat == 1]
    scored = sum(each.val_loss is not None for each in first)
    duplicates = sum(int(each.stats.get("duplicates") or 0) for each in generations)
    cost = _cost(trainings)
    times, ends = _latest(trainings, metadata.began or "")
    pace = rate(times, ends)
    left: Eta | None = Eta(0, 0, 0)
    if state != "finished":
        seconds = _seconds(metadata, running=state == "running")
        share = budget.spent(trainings=len(trainings), flops=cost, seconds=seconds)
        if metadata.planned:
            share = min(1.0, max(share, (len(trainings) + duplicates) / metadata.planned))
        left = eta(share, len(trainings), times, ends)
    return Status(
        run=str(run),
        state=state if why is None else "failed",
        why=why,
        pid=pid,
        workers=metadata.workers,
        generation=done if ended else next_one,
        finished=done,
        generations=target,
        scored=scored,
        raced=sum(each.raced for each in first),
        failed=len(first) - scored,
        duplicates=duplicates,
        repeated=len(trainings) - len(first),
        reused=sum(each.reused for each in trainings),
        cost=cost,
        noise=generations[-1].stats.get("noise") if generations else None,
        best=best,
        per_minute=60 * pace if pace else None,
        eta_seconds=None if left is None else left.seconds,
        eta_low=None if left is None else left.low,
        eta_high=None if left is None else left.high,
        memory=memory_of(pid) if pid else None,
        disk_bytes=disk_bytes(run),
        baselines=tuple(baselines),
        answer=answer,
        refit=refit,
    )


def _refit(run: Path, metadata: RunMetadata, pid: int) -> RefitProgress | None:
    """Return how far the refit is that process `pid`, 0 if it cannot be told, is at."""
    refitting = metadata.refitting
    if refitting is None or pid not in (0, refitting.pid):
        return None
    left, finished = (
        [Curve(run / REFIT / name, refitting.epochs) for name in names]
        for names in (refitting.left, refitting.finished)
    )
    began = datetime.fromisoformat(refitting.began).timestamp()
    return progress(left, finished, of=refitting.of, seconds=max(0.0, time.time() - began))


def _cost(trainings: Sequence[Tally]) -> int | None:
    """Return the FLOPs of all; None if those of one are unknown."""
    costs = [each.cost for each in trainings if each.cost is not None]
    return sum(costs) if len(costs) == len(trainings) else None


def _latest(trainings: Sequence[Tally], began: str) -> tuple[list[float], list[float]]:
    """Return the seconds, and the end times, of the trainings of the latest driver.

    Args:
        trainings: of the run.
        began: when the driver began, in the format of `Training.finished`.
    """
    own = [each for each in trainings if not each.reused and each.finished >= began]
    ends = [datetime.fromisoformat(each.finished).timestamp() for each in own]
    return [each.seconds for each in own], ends


def _seconds(metadata: RunMetadata, *, running: bool) -> float:
    """Return the wall time of all drivers: what is recorded, and what has passed since then."""
    if not running or metadata.seconds_at is None:
        return metadata.seconds
    recorded = datetime.fromisoformat(metadata.seconds_at).timestamp()
    return metadata.seconds + max(0.0, time.time() - recorded)
