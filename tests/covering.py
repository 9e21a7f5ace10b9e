"""Some cells of a matrix of parameters now, all of them in `make slow`."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import pytest


def first(items: Iterable[object], chosen: Callable[[object], bool]) -> list[object]:
    """Return the items, of which those that are not chosen are marked as slow."""
    slow = pytest.mark.slow
    return [item if chosen(item) else pytest.param(item, marks=slow) for item in items]


def first_cells(
    cells: Iterable[tuple[object, ...]], chosen: Callable[[tuple[object, ...]], bool]
) -> list[object]:
    """Return the cells of a matrix, of which those that are not chosen are marked as slow."""
    slow = pytest.mark.slow
    return [cell if chosen(cell) else pytest.param(*cell, marks=slow) for cell in cells]


def covering(chosen: Sequence[tuple[object, ...]], *axes: Iterable[object]) -> list[object]:
    """Return the product of the axes, whose cells that are not `chosen` are marked as slow.

    Raises:
        ValueError: a cell that is not in the product, or a value that no chosen cell has.
    """
    cells = list(product(*axes))
    values = {str(item) for item in ((n, v) for cell in cells for n, v in enumerate(cell))}
    covered = {str(item) for item in ((n, v) for cell in chosen for n, v in enumerate(cell))}
    if values != covered or not all(cell in cells for cell in chosen):
        raise ValueError(f"{values ^ covered} differ between the axes and what is chosen")
    return first_cells(cells, lambda cell: cell in chosen)
