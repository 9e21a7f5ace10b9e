"""How well each column of a table comes out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evoae.data.kinds.tables import Table as Columns
from evoae.formatting import figure, short
from evoae.report.blocks import Section, Table, Text
from evoae.report.model_views import ModelViews
from evoae.use.model import Floats


@dataclass(frozen=True, slots=True)
class ColumnError:
    """Of one column over all validation rows.

    Attributes:
        name: of the column.
        unexplained: share of its variance that is lost, mean over its inputs, weighted by
            variance; None if it does not vary.
        typical: mean absolute error in its units, or the share of rows whose category is right.
        of_guess: the same of the best constant guess: the median, or the most common category.
        categories: whether it holds categories.
    """

    name: str
    unexplained: float | None
    typical: float
    of_guess: float
    categories: bool


def column_errors(table: Columns, originals: Floats, rebuilt: Floats) -> list[ColumnError]:
    """Return the errors of every column, worst first.

    Args:
        table: how rows become inputs.
        originals: (n, features) as the network sees them.
        rebuilt: (n, features), likewise.
    """
    errors = []
    for column, part in table.parts():
        before, after = originals[:, part].astype(np.float64), rebuilt[:, part].astype(np.float64)
        spread = float(before.var(axis=0).sum())
        lost = float(((before - after) ** 2).mean(axis=0).sum())
        unexplained = lost / spread if spread > 0 else None
        if column.categories:
            truth = before.argmax(axis=1)
            typical = float((truth == after.argmax(axis=1)).mean())
            guess = float(np.bincount(truth).max() / len(truth))
        else:
            typical = float(np.abs(before - after).mean() * column.scale)
            guess = float(np.abs(before - np.median(before)).mean() * column.scale)
        kind = bool(column.categories)
        errors.append(ColumnError(column.name, unexplained, typical, guess, kind))
    return sorted(errors, key=lambda error: -(error.unexplained or 0))


def section(models: ModelViews) -> Section | None:
    """List the columns' errors; None for images, or without a trained model."""
    kind = None if models.items is None else models.items.kind
    if not isinstance(kind, Columns) or models.originals is None:
        return None
    if models.compared:
        return _compared(models, kind, models.originals)
    view = models.views[0]
    errors = column_errors(kind, models.originals, view.reconstructions)
    said = (
        f"Measured anew on {models.origin}, by {view.name}; the worst first. A column "
        "that loses 0% of its variance is rebuilt exactly, one that loses 100% no better than by "
        "its mean."
    )
    rows = []
    for error in errors:
        lost = "-" if error.unexplained is None else f"{error.unexplained:.0%}"
        rows.append(
            (error.name, lost, _worded(error.typical, error), _worded(error.of_guess, error))
        )
    header = ("column", "variance lost", "mean error, or right", "of the best constant")
    table = Table("Error by column", header, tuple(rows), folded=False)
    return Section("columns", "Columns", (Text(said), table))


def _compared(models: ModelViews, kind: Columns, originals: Floats) -> Section:
    """List the columns' errors by each model, in the order of the first one's."""
    ids = [short(view.model.id or view.name) for view in models.views]
    by_view = [
        {error.name: error for error in column_errors(kind, originals, view.reconstructions)}
        for view in models.views
    ]
    said = (
        f"Measured anew on {models.origin}; the worst for {models.views[0].name} first. A column "
        "that loses 0% of its variance is rebuilt exactly, one that loses 100% no better than by "
        "its mean."
    )
    rows = []
    for name, first in by_view[0].items():
        same = [errors[name] for errors in by_view]
        lost = ["-" if e.unexplained is None else f"{e.unexplained:.0%}" for e in same]
        typical = [_worded(e.typical, e) for e in same]
        rows.append((name, *lost, *typical, _worded(first.of_guess, first)))
    header = (
        "column",
        *(f"variance lost, {id}" for id in ids),
        *(f"mean error, or right, {id}" for id in ids),
        "of the best constant",
    )
    table = Table("Error by column", header, tuple(rows), folded=False)
    return Section("columns", "Columns", (Text(said), table))


def _worded(value: float, error: ColumnError) -> str:
    return f"{value:.0%} right" if error.categories else figure(value)
