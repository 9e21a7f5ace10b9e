"""What a person should know of a data set before trusting figures of it, a sentence each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Dataset
from evoae.data.kinds.images import ImageKind
from evoae.data.kinds.tables import Table
from evoae.data.scaling import BYTE, MASK, as_bytes, chunks
from evoae.formatting import count

_SHOWN = 5  # names in a sentence
_NARROW = 64  # levels of 256 that values of some contrast fill
_STRAY = 0.0005  # share of values at either end that may be anything
_LOOKED_AT = 2**24  # values, about


def findings(dataset: Dataset) -> tuple[str, ...]:
    """Return what stands out.

    Columns that are constant, images in which nearly nothing varies, items that
    two splits share.
    """
    return tuple(_findings(dataset))


def _findings(dataset: Dataset) -> Iterator[str]:
    kind = dataset.kind
    if isinstance(kind, Table):
        same = [
            column.name for column, part in kind.parts() if is_constant(dataset.train[:, part])
        ]
        if same:
            yield (
                f"The same in every training row, so that nothing is learned from it: "
                f"{_listed(same)}. To leave it out, put it into data.ignore."
            )
    elif kind.pictures:
        yield from _few_levels(dataset)
    known = {_fingerprint(item) for item in dataset.train}
    for split in ("validation", "test"):
        items = getattr(dataset, split)
        shared = sum(_fingerprint(item) in known for item in items)
        if shared:
            yield (
                f"{count(shared)} of {count(len(items))} {split} {kind.item}s are also among the "
                "training items, so that their errors say little about new ones."
            )


def _few_levels(dataset: Dataset) -> Iterator[str]:
    """Say that nearly nothing varies: values fill a small part of what lies from black to white.

    A few bright pixels among many, as a camera may have, don't make up for it; drawings in black
    and white do, however little is white.
    """
    counts = _levels(dataset.train)
    used = np.flatnonzero(counts)
    share = counts.cumsum() / counts.sum()
    most = used[(share[used] > _STRAY) & (share[used] - counts[used] / counts.sum() < 1 - _STRAY)]
    low, high = int(most[0]), int(most[-1])
    few = len(most) <= 2 and used[-1] - used[0] >= _NARROW  # nearly all of it is the ground
    if high - low >= _NARROW or few:
        return
    noun = "grey level" if dataset.input_shape[-1] == 1 else "level"
    yield (
        f"{len(most)} of 256 {noun}s used, {low} to {high}, so that nearly nothing varies. If "
        f"another value is white, say which, such as data.scale={_scale_for(dataset, low, high)}."
    )


def _levels(images: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return how often each level occurs, (256,); in some of the images if they are many."""
    step = max(1, images.size // _LOOKED_AT)
    counts = np.zeros(256, np.int64)
    some = images[::step]
    for part in chunks(some):
        levels = some[part] if images.dtype == np.uint8 else as_bytes(some[part], MASK)
        counts += np.bincount(levels.ravel(), minlength=256)
    return counts


def _scale_for(dataset: Dataset, low: int, high: int) -> str:
    """Return a setting of `data.scale` with which these levels fill the range."""
    own = dataset.kind.scale if isinstance(dataset.kind, ImageKind) else None
    black, white = own or (BYTE if dataset.train.dtype == np.uint8 else MASK)
    first, last = (black + level / 255 * (white - black) for level in (low, high))
    if white > BYTE[1] and black == 0:
        least = (high - 0.5) / 255 * white  # that is rounded to the level
        last = 2.0 ** max(8, int(least).bit_length()) - 1  # the bits of a camera
    figures = [f"{value:.4g}" for value in (first, last)]
    if last > BYTE[1]:
        figures = [str(round(value)) for value in (first, last)]
    return figures[1] if low <= high / 4 or low == high else f"[{', '.join(figures)}]"


def is_constant(values: NDArray[np.generic]) -> bool:
    """Tell whether all rows, (n, inputs), are the same."""
    return bool((values == values[:1]).all())


def _fingerprint(item: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(item).tobytes(), digest_size=16).digest()


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")
