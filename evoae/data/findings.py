"""What a person should know of a data set before trusting figures of it, a sentence each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Dataset
from evoae.data.kinds.columns import Column
from evoae.data.kinds.tables import Table
from evoae.formatting import count

_SHOWN = 5  # names in a sentence
_FEWEST = 20  # rows in which numbers may be a key
_ROUNDING = 0.1  # that a large whole number may lose as a standardised float32
_DENSE = 1.5  # numbers of a key span at most so many times the rows


def findings(dataset: Dataset) -> tuple[str, ...]:
    """Return what stands out: constant columns, keys of the row, items that two splits share."""
    return tuple(_findings(dataset))


def _findings(dataset: Dataset) -> Iterator[str]:
    kind = dataset.kind
    if isinstance(kind, Table):
        same = [column.name for column, part in kind.parts() if _constant(dataset.train[:, part])]
        keys = [column.name for column, part in kind.parts() if _is_key(dataset, column, part)]
        if same:
            yield (
                f"The same in every training row, so that nothing is learned from it: "
                f"{_listed(same)}. To leave it out, put it into data.ignore."
            )
        if keys:
            yield (
                f"A number of its own for each row, like a key, which no code can keep: "
                f"{_listed(keys)}. To leave it out, put it into data.ignore."
            )
    known = {_fingerprint(item) for item in dataset.train}
    for split in ("validation", "test"):
        items = getattr(dataset, split)
        shared = sum(_fingerprint(item) in known for item in items)
        if shared:
            yield (
                f"{count(shared)} of {count(len(items))} {split} {kind.item}s are also among the "
                "training items, so that their errors say little about new ones."
            )


def _constant(values: NDArray[np.generic]) -> bool:
    return bool((values == values[:1]).all())


def _is_key(dataset: Dataset, column: Column, part: slice) -> bool:
    """Tell whether a column of numbers counts the rows."""
    if column.categories:
        return False
    splits = (dataset.train, dataset.validation, dataset.test)
    encoded = np.concatenate([split[:, part] for split in splits]).astype(np.float64)
    values = column.decode(encoded).astype(np.float64).ravel()
    whole = np.sort(np.round(values))
    if len(whole) < _FEWEST or np.abs(values - np.round(values)).max() > _ROUNDING:
        return False
    return bool((np.diff(whole) > 0).all()) and whole[-1] - whole[0] < _DENSE * len(whole)


def _fingerprint(item: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(item).tobytes(), digest_size=16).digest()


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")
