"""Models that were asked for, side by side: their figures; their copies stand further below."""

from __future__ import annotations

from collections.abc import Callable

from evoae.formatting import count, flops, loss, short
from evoae.report.blocks import Facts, Section, Table, Text
from evoae.report.model_views import ModelViews
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.hall_of_fame import Entry

_FIGURES: dict[str, Callable[[Entry], str]] = {  # those that no model has are left out
    "search": lambda entry: loss(entry.val_loss),
    "search, PCA": lambda entry: loss(entry.pca),
    "refit": lambda entry: loss(entry.refit_loss),
    "refit, PCA": lambda entry: loss(entry.refit_pca),
    "test": lambda entry: loss(entry.test_loss),
    "test, PCA": lambda entry: loss(entry.test_pca),
    "explained": lambda entry: _share(entry.standing.explained),
    "latent size": lambda entry: count(entry.latent),
    "parameters": lambda entry: count(entry.parameters),
}


def section(snapshot: RunSnapshot, models: ModelViews) -> Section | None:
    """Set the figures of the models beside each other; None where none were asked for."""
    if not snapshot.chosen:
        return None
    names = [short(entry.id) for entry in snapshot.chosen]
    rows = [(name, *map(figure, snapshot.chosen)) for name, figure in _FIGURES.items()]
    costs = (snapshot.evaluations[entry.id].flops for entry in snapshot.chosen)
    rows.append(("cost", *(flops(cost) if cost else "-" for cost in costs)))
    found = {view.model.id: loss(view.mean) for view in models.views}
    rows.append(("error below", *(found.get(e.id, "-") for e in snapshot.chosen)))
    known = tuple(row for row in rows if set(row[1:]) != {"-"})
    said = (
        f"A loss is the {snapshot.measured}: by the search in validation, after a refit on the "
        "whole validation split, and on the test set if it was measured there; PCA has the same "
        "size and the same items. What is explained is a share of the variance; the cost is that "
        "of an item. Their pictures or rows stand side by side below, with their errors, as their "
        "curves and drawings do."
    )
    table = Table("Figures", ("", *names), known, folded=False)
    genomes = Facts(dict(zip(names, (e.genome for e in snapshot.chosen), strict=True)))
    return Section("models", "Side by side", (Text(said), table, genomes))


def _share(explained: float | None) -> str:
    return "-" if explained is None else f"{explained:.1%}"
