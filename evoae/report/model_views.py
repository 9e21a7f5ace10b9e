"""The trained models and what they make of validation items: loaded once, for all sections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evoae.data.pca import LARGEST, pca_copies
from evoae.errors import EvoaeError
from evoae.formatting import count, figure, plural, short
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.files import refit_path
from evoae.use.model import Floats, Model

if TYPE_CHECKING:
    from evoae.data.arrays import Labels
    from evoae.data.dataset import AbstractKind, Dataset
    from evoae.use.items import Items

_FEWEST_ITEMS = 100  # of fewer, the worst ones and a map of codes say little
_MOST_ITEMS = 1000  # of the validation split that are looked at
_MOST_VALUES = 2**25  # that they may have together: 128 MiB
_MOST_FITTED = 4000  # training items that PCA is fitted on: more take longer than they tell


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
class Linear:
    """What PCA makes of the items.

    Attributes:
        size: of its code.
        fitted: on so many training items.
        reconstructions: (n, *shape), as it rebuilds the items.
        errors: (n,), mean squared.
    """

    size: int
    fitted: int
    reconstructions: Floats
    errors: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelViews:
    """Models and items.

    Attributes:
        best: the best model, or the first of those that were asked for; None if there is none, or
            it cannot be loaded.
        items: of the validation split; None if they cannot be had.
        origin: which they are, to follow "From" or "of"; "" without them.
        caveat: why their errors may rank the models in another way than the run does; "" where
            there is no reason.
        originals: (n, *shape), the items; None with them.
        corrupted: what goes into the models instead, where the run corrupts its inputs.
        views: what the best models make of them, best first; or those that were asked for.
        missing: sentences about what cannot be had.
        answer: what the run's best model makes of them; None if it cannot be loaded.
        linear: what PCA of its size does; None of other items than pictures, or where a loss
            is no squared error.
        compared: whether the models were asked for, to be seen side by side.
    """

    best: Model | None
    items: Items | None
    origin: str
    caveat: str
    originals: Floats | None
    corrupted: Floats | None
    views: tuple[View, ...]
    missing: tuple[str, ...]
    answer: View | None = None
    linear: Linear | None = None
    compared: bool = False

    @property
    def labels(self) -> Labels | None:
        """Of the items; None if they have none."""
        return None if self.items is None else self.items.labels


def open_models(snapshot: RunSnapshot, top: int) -> ModelViews:
    """Load the `top` best models of a run, and have them rebuild its validation items.

    Those that the snapshot was told to look at instead, if any. A model that was refitted stands
    in that form. What cannot be loaded is told in `missing`.

    Raises:
        EvoaeError: a model that was asked for cannot be loaded.
    """
    from evoae.use.items import choose_validated, own_data

    models, missing = _opened(snapshot, top)
    if not models:
        return ModelViews(None, None, "", "", None, None, (), tuple(missing))
    best = models[0][1]
    try:
        whole = own_data(best)
        chosen, measured_on = choose_validated(best, _FEWEST_ITEMS, whole)
    except EvoaeError as why:
        # Its advice is for commands that take other data.
        missing.append(f"{why.place}: {why.value}")
        return ModelViews(best, None, "", "", None, None, (), tuple(missing))
    most = max(16, _MOST_VALUES // math.prod(best.input_shape))
    items = chosen.first(min(_MOST_ITEMS, most))
    views = tuple(_view(name, model, items) for name, model in models)
    answer = _answer(snapshot, views, items)
    refitted = any(
        model.path == refit_path(snapshot.run.path, model.id or "") for _, model in models
    )
    return ModelViews(
        best,
        items,
        _origin(snapshot, len(items), len(chosen), measured_on=measured_on),
        _caveat(snapshot, same=measured_on and len(items) == len(chosen), refitted=refitted),
        items.all(),
        _corrupted(best, items),
        views,
        tuple(missing),
        answer,
        None if answer is None else _linear(answer.model, whole, items),
        compared=bool(snapshot.chosen),
    )


def _opened(snapshot: RunSnapshot, top: int) -> tuple[list[tuple[str, Model]], list[str]]:
    """Return the models with their names, and why others cannot be had."""
    if snapshot.chosen:
        return [_open(snapshot, entry.id) for entry in snapshot.chosen], []
    models, missing = [], []
    for entry in snapshot.hall[:top]:
        try:
            models.append(_open(snapshot, entry.id))
        except EvoaeError as why:
            missing.append(str(why))
    return models, missing


def _open(snapshot: RunSnapshot, id: str) -> tuple[str, Model]:
    """Load a model; return it with its name, which says whether it was refitted."""
    from evoae.use.model import open_model

    model = open_model(snapshot.run.path, id)
    if model.path != refit_path(snapshot.run.path, id):
        return short(id), model
    seen = " with the validation items" if model.saw_validation else ""
    return f"{short(id)}, refitted{seen}", model


def _answer(snapshot: RunSnapshot, views: Sequence[View], items: Items) -> View | None:
    """Return what the run's best model makes of the items, which need not be among `views`."""
    if snapshot.best is None:
        return None
    for view in views:
        if view.model.id == snapshot.best.id:
            return view
    if not snapshot.chosen:
        return None  # it could not be loaded
    try:
        return _view(*_open(snapshot, snapshot.best.id), items)
    except EvoaeError:
        return None


def _linear(model: Model, whole: Dataset, items: Items) -> Linear | None:
    """Return what PCA of a model's size makes of the items, where it may stand beside the model.

    It is fitted on the training items of the search, or the first of them where they are many.
    """
    assert model.run is not None
    config, features = model.run.config, math.prod(items.shape)
    if not model.kind.pictures or not config.objective.is_squared_error or features > LARGEST:
        return None
    train = whole.reduced(config.data.reduce, config.seed).train
    train = train[: min(_MOST_FITTED, max(16, _MOST_VALUES // features))]
    originals = items.all()
    copies = pca_copies(train, model.latent)(originals)
    errors = ((copies - originals) ** 2).reshape(len(originals), -1).mean(axis=1)
    return Linear(model.latent, len(train), copies, errors.astype(np.float64))


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
