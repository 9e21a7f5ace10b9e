"""Arrays as rows of text or numbers: a table's in its original units, an image's as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from evoae.data.kinds.tables import Table


def columns(table: Table | None, shape: tuple[int, ...]) -> list[str]:
    """Return the names of what `rows` returns: the table's columns, or x1, x2, …."""
    if table is None:
        return [f"x{number}" for number in range(1, math.prod(shape) + 1)]
    return [column.name for column in table.columns]


def rows(table: Table | None, values: NDArray[np.float32]) -> list[list[Any]]:
    """Return items (n, *shape) as rows in the table's original units, or as plain numbers."""
    if table is None:
        return plain(values.reshape(len(values), -1))
    return [list(row) for row in table.decode(values).itertuples(index=False)]


def plain(values: NDArray[np.float32]) -> list[list[Any]]:
    """Return numbers (n, d) as text, each as short as it can be without losing a bit."""
    return [list(row) for row in values.astype(str).tolist()]
