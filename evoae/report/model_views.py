"""The trained models and what they make of validation items: loaded once, for all sections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evoae.errors import EvoaeError
from evoae.formatting import count, figure, plural, short
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.files import refit_path
from evoae.use.model import Floats, Model

if TYPE_CHECKING:
    from evoae.data.arrays import Labels
    from evoae.data.dataset import AbstractKind
    from evoae.use.items import Items

_FEWEST_ITEMS = 100  # of fewer, the worst ones and a map of codes say little
_MOST_ITEMS = 1000  # of the validation split that are looked at
_MOST_VALUES = 2**25  # that they may have together: 128 MiB


@dataclass(frozen=True, eq=False)
class View:
    """What one model makes of the items.

    Attributes:
        name: for people; says whether it was refitted.
        model: itself.
        reconstructions: (n, *shape), as it rebuilds the items.
        errors: (n,), see `evoae.use.score`.
    """

    name: str
    model: Model
    reconstructions: Floats
    errors: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Its mean error."""
        return float(self.errors.mean())


@dataclass(frozen=True, eq=False)
class ModelViews:
    """Models and items.

    Attributes:
        best: the best model; None if there is none, or it cannot be loaded.
        items: of the validation split; None if they cannot be had.
        origin: which they are, to follow "From" or "of"; "" without them.
        caveat: why their errors may rank the models in another way than the run does; "" where
            there is no reason.
        originals: (n, *shape), the items; None with them.
        corrupted: what goes into the models instead, where the run corrupts its inputs.
        views: what the best models make of them, best first.
        missing: sentences about what cannot be had.
    """

    best: Model | None
    items: Items | None
    origin: str
    caveat: str
    originals: Floats | None
    corrupted: Floats | None
    views: tuple[View, ...]
    missing: tuple[str, ...]

    @property
    def labels(self) -> Labels | None:
        """Of the items; None if they have none."""
        return None if self.items is None else self.items.labels


def open_models(snapshot: RunSnapshot, top: int) -> ModelViews:
    """Load the `top` best models of a run, and have them rebuild its validation items.

    A model that was refitted stands in that form. What cannot be loaded is told in `missing`.
    """
    from evoae.use.items import choose_validated
    from evoae.use.model import open_model

    models: list[tuple[str, Model]] = []
    refitted = False
    missing: list[str] = []
    for entry in snapshot.hall[:top]:
        try:
            model = open_model(snapshot.run.path, entry.id)
        except EvoaeError as why:
            missing.append(str(why))
            continue
        again = model.path == refit_path(snapshot.run.path, entry.id)
        seen = " with the validation items" if model.saw_validation else ""
        models.append((short(entry.id) + (f", refitted{seen}" if again else ""), model))
        refitted |= again
    if not models:
        return ModelViews(None, None, "", "", None, None, (), tuple(missing))
    best = models[0][1]
    try:
        chosen, measured_on = choose_validated(best, _FEWEST_ITEMS)
    except EvoaeError as why:
        # Its advice is for commands that take other data.
        missing.append(f"{why.place}: {why.value}")
        return ModelViews(best, None, "", "", None, None, (), tuple(missing))
    most = max(16, _MOST_VALUES // math.prod(best.input_shape))
    items = chosen.first(min(_MOST_ITEMS, most))
    return ModelViews(
        best,
        items,
        _origin(snapshot, len(items), len(chosen), measured_on=measured_on),
        _caveat(snapshot, same=measured_on and len(items) == len(chosen), refitted=refitted),
        items.all(),
        _corrupted(best, items),
        tuple(_view(name, model, items) for name, model in models),
        tuple(missing),
    )


def _origin(snapshot: RunSnapshot, shown: int, there: int, *, measured_on: bool) -> str:
    """Say which items are shown: how many, of how many, and whether the run measured on them."""
    first = "all " if shown == there else f"the first {count(shown)} of the "
    if measured_on:
        return f"{first}{plural(there, 'validation item')} that the run measured its networks on"
    fewer = f"{count(snapshot.metadata.validation_images)} of these only"
    said = f"{first}{plural(there, 'item')} of the validation split"
    return f"{said} (the run measured its networks on {fewer}: too few to show)"


def _caveat(snapshot: RunSnapshot, *, same: bool, refitted: bool) -> str:
    """Say why errors found here may rank models in another way than the run does."""
    reasons = [] if same else ["it is by other items"]
    if added := snapshot.run.config.objective.added:
        reasons.append(f"it counts {added} as well")
    if any(entry.trainings > 1 for entry in snapshot.hall):
        reasons.append(
            "it takes the mean over several trainings of a network, of which one is kept"
        )
    if refitted:
        reasons.append("a refitted model is ranked by its training in the search")
    if not reasons:
        return ""
    return f"The run's own ranking may differ: {'; '.join(reasons)}."


def cells(kind: AbstractKind, values: Floats) -> list[tuple[str, ...]]:
    """Return items (n, *shape) as lines of text, in their original units."""
    return [
        tuple(figure(value, 4) if isinstance(value, float) else str(value) for value in row)
        for row in kind.cells(values)
    ]


def _view(name: str, model: Model, items: Items) -> View:
    from evoae.use.reconstruct import rebuilt
    from evoae.use.score import errors

    parts = [(batches[0], batches[-1]) for batches in rebuilt(model, items)]
    scores = [errors(before, after, model.loss) for before, after in parts]
    made = np.concatenate([after for _, after in parts])
    return View(name, model, made, np.concatenate(scores))


def _corrupted(model: Model, items: Items) -> Floats | None:
    """Return what goes in, where the run corrupts its inputs; see `evoae.use.reconstruct`."""
    if model.corruption is None:
        return None
    numbers = np.arange(len(items), dtype=np.int32)
    return np.asarray(model.corruption.in_validation(items.all(), numbers))
