"""Learning curves: the validation loss of every candidate by epoch, and the refit of the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evoae.experiments.refit_records import judged_by
from evoae.formatting import loss, plural, short
from evoae.report.blocks import Figure, Figures, Form, Ink, Key, Section, Table, Text
from evoae.report.drawing.chart import Mark, chart
from evoae.report.drawing.svg import SHEER
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.files import REFIT

_CROWD = 60  # curves from which on they are drawn fainter, so that some are still seen
_MOST = 400  # curves that are drawn
_ELITES: tuple[tuple[Ink, Form], ...] = (  # the best ones, whose curves are strong
    ("blue", "line"),
    ("vermilion", "dash"),
    ("green", "dash-dot"),
    ("purple", "dot"),
    ("orange", "dash"),
)


def section(snapshot: RunSnapshot) -> Section | None:
    """Draw the curve of every candidate, and that of the refit; None without any."""
    title = "Learning curves"
    lengths = {
        e.id: len(e.validation_loss)
        for e in snapshot.evaluations.values()
        if e.fitness is not None
    }
    refit = _refit(snapshot)
    figures = [] if refit is None else [refit]
    if max(lengths.values(), default=0) > 1:
        figures.insert(0, _search(snapshot, [id for id, epochs in lengths.items() if epochs]))
    elif lengths and not figures:
        return Section("curves", title, (Text("Every network was trained for one epoch."),))
    return Section("curves", title, (Figures(tuple(figures)),)) if figures else None


def _search(snapshot: RunSnapshot, known: Sequence[str]) -> Figure:
    """Draw the curves of candidates faintly, those of the best ones strongly."""
    curves = {id: snapshot.evaluations[id].validation_loss for id in known}
    strong = snapshot.chosen or snapshot.hall[: len(_ELITES)]
    elites = [entry.id for entry in strong if entry.id in curves]
    others = [id for id in known if id not in elites]
    step = -(-len(others) // _MOST) or 1
    drawn = others[::step]
    alt = f"Validation loss by epoch of {plural(len(known), 'network')}."
    if elites and (best := curves[elites[0]]):
        alt += f" The best one's goes from {loss(best[0])} to {loss(best[-1])}."
    faint = {"alpha": SHEER * min(1.0, math.sqrt(_CROWD / max(1, len(drawn)))), "linewidth": 0.7}
    keys = [Key(*style, short(id)) for id, style in zip(elites, _ELITES, strict=False)]
    rest = Key("faint", "line", "the others")
    styled = [(id, rest, faint) for id in drawn]
    styled += [(id, key, {"linewidth": 2.2}) for id, key in zip(elites, keys, strict=True)][::-1]
    marks = []
    for id, key, style in styled:
        dot = {"marker": "o"} if len(curves[id]) == 1 else {}
        epochs = range(1, len(curves[id]) + 1)
        marks.append(Mark(key, epochs, curves[id], snapshot.described(id), {**style, **dot}))
    note = "" if step == 1 else f"Of the others one in {step} is drawn."
    keys += [rest] if drawn else []
    table = _table([(id, curves[id]) for id in elites]) if elites else None
    return chart("curves", "In the search", alt, marks, keys=keys, note=note, table=table)


def _table(curves: Sequence[tuple[str, Sequence[float]]]) -> Table:
    epochs = _thinned(range(1, max(len(curve) for _, curve in curves) + 1))
    rows = []
    for id, curve in curves:
        losses = [loss(value) for value in _thinned(curve)]
        rows.append((short(id), *losses, *["-"] * (len(epochs) - len(losses))))
    return Table("The best ones", ("epoch", *map(str, epochs)), tuple(rows))


def _thinned(values: Sequence[float]) -> Sequence[float]:
    """Return at most a dozen of a curve's values, the last one among them."""
    step = -(-len(values) // 12) or 1
    return values[::-1][::step][::-1]


def _refit(snapshot: RunSnapshot) -> Figure | None:
    """Draw the refit of the best model; None before one."""
    if snapshot.refit is None or snapshot.best is None:
        return None
    trainings = [
        result
        for (id, kind), result in snapshot.results.items()
        if id == snapshot.best.id
        and kind.startswith(f"{REFIT} ")
        and result["settings"] == snapshot.refit["settings"]
        and result["outcome"] == "scored"
    ]
    if not trainings:
        return None
    kept = min(trainings, key=lambda training: judged_by(training)[-1])
    validation = Key("blue", "line", "validation"), kept["validation_history"]
    training = Key("orange", "dash", "training"), kept["train_history"]
    shown = [training, validation] if validation[1] else [training]
    key, losses = shown[-1]
    alt = (
        f"The refit's {key.words} loss over {plural(len(losses), 'epoch')}: from "
        f"{loss(losses[0])} to {loss(losses[-1])}, the least {loss(min(losses))}."
    )
    marks = [Mark(key, range(1, len(losses) + 1), losses) for key, losses in shown]
    keys = [key for key, _ in shown[::-1]]
    title = f"The refit of {short(snapshot.best.id)}"
    return chart("refit", title, alt, marks, ("epoch", "loss"), keys=keys)
