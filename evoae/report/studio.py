"""The trained models and what they make of validation items: loaded once, for all sections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evoae.errors import EvoaeError
from evoae.report.record import Record
from evoae.runs.files import refit_path
from evoae.use.model import Floats, Model
from evoae.wording import short

if TYPE_CHECKING:
    from evoae.data.dataset import Labels
    from evoae.use.items import Items

_MOST_ITEMS = 1000  # of the validation split that are looked at
_MOST_VALUES = 2**25  # that they may have together: 128 MiB


@dataclass(frozen=True, eq=False)
class View:
    """What one model makes of the items.

    Attributes:
        name: for people; says whether it was refitted.
        model: itself.
        copies: (n, *shape), as it rebuilds them.
        errors: (n,), see `evoae.use.score`.
    """

    name: str
    model: Model
    copies: Floats
    errors: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Its mean error."""
        return float(self.errors.mean())


@dataclass(frozen=True, eq=False)
class Studio:
    """Models and items.

    Attributes:
        best: the best model; None if there is none, or it cannot be loaded.
        items: of the validation split; None if they cannot be had.
        originals: (n, *shape), the items; None with them.
        corrupted: what goes into the models instead, where the run corrupts its inputs.
        views: what the best models make of them, best first.
        missing: sentences about what cannot be had.
    """

    best: Model | None
    items: Items | None
    originals: Floats | None
    corrupted: Floats | None
    views: tuple[View, ...]
    missing: tuple[str, ...]

    @property
    def labels(self) -> Labels | None:
        """Of the items; None if they have none."""
        return None if self.items is None else self.items.labels


def open_studio(record: Record, top: int) -> Studio:
    """Load the `top` best models of a run, and have them rebuild its validation items.

    A model that was refitted stands in that form. What cannot be loaded is told in `missing`.
    """
    from evoae.use.items import choose
    from evoae.use.model import open_model

    models: list[tuple[str, Model]] = []
    missing: list[str] = []
    for entry in record.hall[:top]:
        try:
            model = open_model(record.run.path, entry.id)
        except EvoaeError as why:
            missing.append(str(why))
            continue
        refitted = model.path == refit_path(record.run.path, entry.id)
        models.append((short(entry.id) + (", refitted" if refitted else ""), model))
    if not models:
        return Studio(None, None, None, None, (), tuple(missing))
    best = models[0][1]
    try:
        items = choose(best)
    except EvoaeError as why:
        # Its advice is for commands that take other data.
        return Studio(best, None, None, None, (), (*missing, f"{why.place}: {why.value}"))
    most = max(16, _MOST_VALUES // math.prod(best.input_shape))
    items = items.first(min(_MOST_ITEMS, most))
    views = tuple(_view(name, model, items) for name, model in models)
    return Studio(best, items, items.all(), _corrupted(best, items), views, tuple(missing))


def _view(name: str, model: Model, items: Items) -> View:
    from evoae.use.reconstruct import rebuilt
    from evoae.use.score import errors

    parts = [(batches[0], batches[-1]) for batches in rebuilt(model, items)]
    found = [errors(before, after, model.loss) for before, after in parts]
    return View(name, model, np.concatenate([p[1] for p in parts]), np.concatenate(found))


def _corrupted(model: Model, items: Items) -> Floats | None:
    """Return what goes in, where the run corrupts its inputs; see `evoae.use.reconstruct`."""
    corruption = model.corruption
    if corruption is None:
        return None
    numbers = np.arange(len(items), dtype=np.int32)
    return np.asarray(corruption.in_validation(items.all(), numbers))
