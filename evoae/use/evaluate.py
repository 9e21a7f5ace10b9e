"""The metrics of a trained model on any data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evoae.config.objectives import ReconstructionConfig
from evoae.data.progress import Say, silent
from evoae.errors import UseError
from evoae.models.objectives.base import objective_for
from evoae.training.measure import measured
from evoae.use.items import AnySplit, choose
from evoae.use.model import open_model


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model reached.

    Attributes:
        model: its name, for people.
        items: what it was measured on, for people.
        count: of items.
        metrics: means over the items, see `measured`.
    """

    model: str
    items: str
    count: int
    metrics: Mapping[str, float]


def evaluate(
    what: str | Path,
    id: str = "best",
    *,
    data: str | None = None,
    split: AnySplit | None = None,
    say: Say = silent,
) -> Figures:
    """Measure a trained model.

    Args:
        what: a run's folder, its name under `runs/`, or the path of a .keras file.
        id: an unambiguous prefix of a candidate's id, or `best`; only `best` with a file.
        data: a named set or a path; None for the data of the model's run.
        split: None for the test split of the run's own data, and for all of `data`.
        say: is told what of `data` is passed over or changed.

    Raises:
        EvoaeError: no such model, or the data cannot be used with it.
    """
    model = open_model(what, id)
    items = choose(model, data=data, split=split or ("test" if data is None else "all"), say=say)
    if not len(items):
        raise UseError(items.name, "no items", "name other data")
    config = ReconstructionConfig() if model.run is None else model.run.config.objective
    seed = 0 if model.run is None else model.run.config.seed
    objective = objective_for(config, seed % 2**31, bounded=model.kind.bounded)
    metrics = measured(model.autoencoder, objective, items.parts, model.kind)
    return Figures(model.name, items.name, len(items), metrics)
