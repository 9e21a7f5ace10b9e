"""How long a search will still take, and how far that can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

_QUANTILE = 1.2816  # of the normal distribution: one in ten lies above it, one in ten below -it


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left, in seconds.

    Attributes:
        seconds: expected.
        low, high: the truth lies between them in about four cases of five, if the trainings to
            come are like those so far. Both are `seconds` before there are two of them.
    """

    seconds: float
    low: float
    high: float


def forecast(seconds: float, left: float, times: Sequence[float]) -> Forecast:
    """Return a forecast with the uncertainty that trainings of different length give it.

    The sum of `left` times yet unknown varies by their spread, and its expectation by how well the
    mean of so few times is known: the prediction interval of a sum, by Student's distribution.

    Args:
        seconds: that are left, as expected.
        left: trainings that are left.
        times: that each of the trainings so far took.
    """
    mean = fmean(times) if times else 0.0
    if len(times) < 2 or mean <= 0 or left <= 0:
        return Forecast(seconds, seconds, seconds)
    relative = stdev(times) / mean * math.sqrt(1 / left + 1 / len(times))
    width = seconds * relative * _student(len(times) - 1)
    return Forecast(seconds, max(0.0, seconds - width), seconds + width)


def _student(freedom: int) -> float:
    """Return the same quantile of Student's t (Abramowitz and Stegun 1964, 26.7.5)."""
    z = _QUANTILE
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
