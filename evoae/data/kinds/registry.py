"""All kinds of data there are. A further one is its file beside this one and an entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from evoae.data.dataset import AbstractKind
from evoae.data.kinds.images import ImageKind
from evoae.data.kinds.tables import Table
from evoae.errors import DataError

KINDS: dict[str, AbstractKind] = {kind.name: kind for kind in (ImageKind(), Table())}


def kind_of_array(array: NDArray[Any]) -> AbstractKind:
    """Return the kind that an array in a file is of: the last one that takes it.

    Images if none does; they say why.
    """
    return next((kind for kind in reversed(KINDS.values()) if kind.takes(array)), KINDS["images"])


def kind_of(shape: tuple[int, ...]) -> AbstractKind:
    """Return the likeliest kind of items of this shape, the first, with nothing fitted.

    Raises:
        DataError: none has so many axes.
    """
    for kind in KINDS.values():
        if kind.rank == len(shape):
            return kind
    ranks = " or ".join(f"{kind.rank} ({kind.items})" for kind in KINDS.values())
    raise DataError("items", f"{len(shape)} axes, shape {shape}", f"expected {ranks}")


def restore(stored: Mapping[str, Any]) -> AbstractKind:
    """Return the kind that `AbstractKind.to_json` described.

    Raises:
        DataError: no kind has this name, or what was fitted is damaged.
    """
    name = stored.get("name")
    if name not in KINDS:
        raise DataError("kind", f"{name!r}", f"known are {', '.join(KINDS)}")
    try:
        fitted: AbstractKind = TypeAdapter(type(KINDS[name])).validate_python(stored["fitted"])
    except (KeyError, ValidationError) as why:
        step = "restore the run's database from a copy"
        raise DataError(f"kind {name}", "what was fitted on its data is damaged", step) from why
    return fitted
