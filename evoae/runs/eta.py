"""How long a search will still take, and how far that can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

_BELOW = 0.9  # one in ten lies above the range, one in ten below it


@dataclass(frozen=True, slots=True)
class Eta:
    """What is left, in seconds.

    Attributes:
        seconds: expected.
        low, high: the truth should lie between them in four cases of five. Both are `seconds`
            before there are two trainings.
    """

    seconds: float
    low: float
    high: float


def rate(times: Sequence[float], ends: Sequence[float]) -> float | None:
    """Return trainings per second, from the start of the first to the end of the last.

    So workers that wait for others count, and what they took to start does not: it is over.

    Args:
        times: that each training of one driver took, in seconds.
        ends: by any one clock, in the same order.

    Returns:
        None without trainings, or if they took no time.
    """
    if not times:
        return None
    began = min(end - time for time, end in zip(times, ends, strict=True))
    seconds = max(ends) - began
    return len(times) / seconds if seconds > 0 else None


def eta(share: float, trainings: int, times: Sequence[float], ends: Sequence[float]) -> Eta | None:
    """Forecast what is left of a search, if it goes on at its pace.

    Proposals are taken to be trained, rather than known already, as often as so far.

    Args:
        share: of the search that is done, 0..1.
        trainings: that it took, by whichever driver.
        times: of those that tell the pace, see `rate`.
        ends: of those.

    Returns:
        None if nothing tells the pace, or how much there is to do.
    """
    pace = rate(times, ends)
    if pace is None or not share:
        return None
    left = trainings * (1 / share - 1)
    return ranged(left / pace, left, times)


def ranged(seconds: float, left: float, times: Sequence[float]) -> Eta:
    """Return a forecast with the uncertainty that trainings of different length give it.

    Were each training drawn like any other, the range would be the prediction interval of a sum,
    by Student's distribution. But neighbours resemble each other, since networks grow and the
    machine has other work as well. So the range is as wide at least as if all that is left were
    one more stretch like those that the trainings so far are cut into.

    Args:
        seconds: that are left, as expected.
        left: trainings that are left.
        times: that each of the trainings so far took, in their order.
    """
    from scipy.special import stdtrit  # Student's quantile

    mean = fmean(times) if times else 0.0
    if len(times) < 2 or mean <= 0 or left <= 0:
        return Eta(seconds, seconds, seconds)
    width = stdev(times) * math.sqrt(1 / left + 1 / len(times)) * stdtrit(len(times) - 1, _BELOW)
    means = _stretches(times)
    if len(means) > 1:
        drift = stdev(means) * math.sqrt(1 + 1 / len(means)) * stdtrit(len(means) - 1, _BELOW)
        width = max(width, drift)
    width = float(width) * seconds / mean
    return Eta(seconds, max(0.0, seconds - width), seconds + width)


def _stretches(times: Sequence[float]) -> list[float]:
    """Return the means of eight equal stretches; of fewer, if they were shorter than two."""
    count = min(8, len(times) // 2)
    ends = [round(number * len(times) / count) for number in range(count + 1)] if count else []
    return [fmean(times[start:end]) for start, end in pairwise(ends)]
