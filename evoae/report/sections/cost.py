"""What the run cost, and what it did not have to spend."""

from __future__ import annotations

from statistics import fmean

from evoae.formatting import duration, flops, plural, size
from evoae.report.blocks import Facts, Section, Table
from evoae.report.run_snapshot import RunSnapshot


def section(snapshot: RunSnapshot) -> Section | None:
    """Say what the run cost and what was spared; None before the first training."""
    if not snapshot.evaluations:
        return None
    status, metadata = snapshot.status, snapshot.metadata
    seconds = [training.seconds.total for training in snapshot.trainings]
    wall = metadata.seconds or sum(row.seconds for row in snapshot.generations)
    workers = plural(metadata.workers or 1, "worker")
    memory = max(evaluation.peak_memory or 0 for evaluation in snapshot.evaluations.values())
    noise = "" if status.noise is None else f"{status.noise:.1%} between seeds"
    facts = {
        "trainings": _trainings(snapshot),
        "wall time": f"{duration(wall)} with {workers}" if wall else "",
        "training time": f"{duration(sum(seconds))}, {fmean(seconds):.1f} s each",
        "cost": flops(status.cost) if status.cost else "",
        "trainings saved": _saved(snapshot, fmean(seconds)),
        "most memory of a worker": size(memory) if memory else "",
        "run folder": size(status.disk_bytes),
        "noise of a loss": noise,
    }
    known = Facts(tuple((name, words) for name, words in facts.items() if words))
    phases = _phases(snapshot)
    return Section("cost", "What it cost", (known,) if phases is None else (known, phases))


def _trainings(snapshot: RunSnapshot) -> str:
    status = snapshot.status
    parts = [f"{status.scored} with a score"]
    if status.raced:
        parts[0] += f", of which {status.raced} were stopped early"
    if status.failed:
        parts.append(f"{status.failed} failed")
    if status.repeated:
        parts.append(f"{status.repeated} further ones of known networks")
    return "; ".join(parts)


def _saved(snapshot: RunSnapshot, mean: float) -> str:
    duplicates, reused = snapshot.status.duplicates, snapshot.status.reused
    saved = duplicates + reused
    if not saved:
        return "none: no network was proposed twice"
    parts = [f"{duplicates} proposals were duplicates"] if duplicates else []
    if reused:
        parts.append(f"{reused} were reused from other runs")
    return f"{saved}, about {duration(saved * mean)}: {'; '.join(parts)}"


def _phases(snapshot: RunSnapshot) -> Table | None:
    """Return what the trainings with a score spent their time on; None if there are none.

    Of those that failed, the parts are not known, and of further ones of a network neither.
    """
    spent = [e.seconds for e in snapshot.evaluations.values() if e.fitness is not None]
    total = sum(seconds.total for seconds in spent)
    if not total:
        return None
    parts = {
        "building the network": sum(seconds.build for seconds in spent),
        "tracing it, up to the first step": sum(seconds.compile for seconds in spent),
        "its epochs, validation included": sum(seconds.epochs for seconds in spent),
    }
    parts["loading data, saving the model"] = max(0.0, total - sum(parts.values()))
    rows = tuple((name, duration(s), f"{s / total:.0%}") for name, s in parts.items())
    caption = f"Time by part, over the {plural(len(spent), 'training')} with a score"
    if snapshot.repeats:
        caption += " (each network's first; of further ones only the whole is known)"
    return Table(caption, ("part", "time", "share"), rows)
