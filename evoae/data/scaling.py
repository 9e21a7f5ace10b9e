"""Which value is black and which is white, where values are neither 8-bit nor in 0..1.

What is chosen must not depend on how items are split, nor on which new items a model meets: the
whole of the data is looked at once, and the choice is recorded with the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.arrays import release
from evoae.formatting import figure

Range = tuple[float, float]  # black, white

BYTE: Range = (0.0, 255.0)
MASK: Range = (0.0, 1.0)
WORD: Range = (0.0, 65_535.0)
_CHUNK = 2**22  # values at once
_HALF = 127  # floats from 0 to more than this, and to 255 at most, were made of bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """Values in use.

    Attributes:
        low, high: the smallest and the largest; not finite if any value is not.
        whole: whether their type is of whole numbers.
    """

    low: float
    high: float
    whole: bool

    def __or__(self, other: Extent) -> Extent:
        """Return the extent of both."""
        low, high = (
            float(np.minimum(self.low, other.low)),
            float(np.maximum(self.high, other.high)),
        )
        return Extent(low, high, self.whole and other.whole)


def extent(array: NDArray[Any]) -> Extent:
    """Return the extent of numbers or truth values, (n, ...)."""
    found = None
    for part in chunks(array):
        own = Extent(float(array[part].min()), float(array[part].max()), array.dtype.kind != "f")
        found = own if found is None else found | own
        release(array)
    assert found is not None  # arrays without items are refused before
    return found


def chosen(values: Extent) -> Range | None:
    """Return which values are black and white; None if values are in 0..1 as they should be.

    Whole numbers up to 1 are a mask; up to 255 they are bytes, and beyond that white is the
    largest value that so many bits hold: 4,095 for 12 bits. Floats made of bytes are taken as
    such. Other ranges are taken from end to end.
    """
    low, high = values.low, values.high
    if values.whole and low >= 0:
        bits = max(8, int(high).bit_length())
        return MASK if high <= 1 else (0.0, float(2**bits - 1))
    if not values.whole and low >= 0:
        if high <= 1:
            return None
        if _HALF < high <= BYTE[1]:
            return BYTE
    return (low, high) if low < high else (low, low + 1)


def as_range(scale: float | Sequence[float] | None) -> Range | None:
    """Return the setting `data.scale`, or what JSON made of it, as black and white; or None."""
    if scale is None:
        return None
    black, white = scale if isinstance(scale, Sequence) else (0.0, scale)
    return float(black), float(white)


def within_bytes(scale: Range) -> bool:
    """Whether so few whole numbers lie between black and white that a byte can tell them apart."""
    return scale[1] <= BYTE[1] and scale[1] - scale[0] <= BYTE[1]


def unit(values: NDArray[Any], scale: Range) -> NDArray[np.float64]:
    """Return values with black at 0 and white at 1, those outside clipped."""
    black, white = scale
    return ((values.astype(np.float64) - black) / (white - black)).clip(0, 1)


def as_bytes(values: NDArray[Any], scale: Range) -> NDArray[np.uint8]:
    """Return values with black at 0 and white at 255, rounded, those outside clipped."""
    shares: NDArray[np.uint8] = (unit(values, scale) * BYTE[1]).round().astype(np.uint8)
    return shares


def outside(values: Extent, scale: Range) -> bool:
    """Whether any value lies below black or above white."""
    return values.low < scale[0] or values.high > scale[1]


def chunks(array: NDArray[Any]) -> Iterator[slice]:
    """Yield slices of the first axis that have few enough values for a copy of them."""
    step = max(1, _CHUNK * len(array) // max(1, array.size))
    return (slice(start, start + step) for start in range(0, len(array), step))


def in_words(scale: Range) -> str:
    """Say what is black, if it is not 0, and what is white."""
    black = "" if scale[0] == 0 else f"{figure(scale[0], 6)} is black and "
    return f"{black}{figure(scale[1], 6)} is white (data.scale)"


def extents(parts: Iterable[Extent]) -> Extent:
    """Return the extent of all parts, of which there is one at least."""
    first, *more = parts
    for part in more:
        first |= part
    return first
