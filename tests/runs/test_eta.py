from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

from evoae.runs.eta import eta, ranged, rate


def test_the_pace_counts_waiting_workers_and_not_what_they_took_to_start() -> None:
    # Two workers, ready at 100: one trains for 3 seconds and waits, the other one for 7.
    assert rate([3.0, 7.0], [103.0, 107.0]) == pytest.approx(2 / 7)
    assert rate([], []) is None
    told = eta(0.25, 2, [3.0, 7.0], [103.0, 107.0])
    assert told is not None
    assert told.seconds == pytest.approx(6 * 3.5)
    assert eta(0.0, 2, [3.0, 7.0], [103.0, 107.0]) is None


def test_before_two_trainings_there_is_no_range() -> None:
    one = ranged(30.0, 10, [3.0])
    assert (one.seconds, one.low, one.high) == (30.0, 30.0, 30.0)
    assert ranged(0.0, 0, [3.0, 4.0]).high == 0.0


def test_trainings_of_equal_length_leave_no_doubt() -> None:
    equal = ranged(60.0, 20, [3.0] * 5)
    assert (equal.low, equal.high) == (60.0, 60.0)


@pytest.mark.parametrize("known", [2, 3, 6])
def test_the_range_of_times_without_a_trend_is_the_prediction_interval_of_a_sum(
    known: int,
) -> None:
    times = [1.0, 2.0] * (known // 2) + [1.5] * (known % 2)
    told = ranged(15.0, 10, times)
    deviation = np.std(times, ddof=1) * np.sqrt(10 + 100 / known)
    expected = t.ppf(0.9, known - 1) * deviation
    assert told.high - told.seconds == pytest.approx(expected, rel=0.15 if known == 2 else 0.03)
    assert told.low == pytest.approx(max(0.0, 2 * told.seconds - told.high))


def share_of_hits(draw: Callable[[int], NDArray[np.float64]], known: int, left: int) -> float:
    """Return how often the truth lies in the range."""
    hits = 0
    for _ in range(1_000):
        times = draw(known + left)
        told = ranged(left * times[:known].mean(), left, list(times[:known]))
        hits += told.low <= times[known:].sum() <= told.high
    return hits / 1_000


@pytest.mark.parametrize(("known", "left"), [(4, 30), (20, 20)])
def test_the_truth_lies_in_the_range_of_independent_times(known: int, left: int) -> None:
    rng = np.random.default_rng(5)
    assert 0.77 < share_of_hits(lambda n: rng.normal(10, 3, n), known, left) < 1.0


@pytest.mark.parametrize(("known", "left"), [(8, 8), (20, 10), (40, 20)])
def test_the_truth_lies_in_the_range_where_neighbours_resemble_each_other(
    known: int, left: int
) -> None:
    rng = np.random.default_rng(6)

    def wandering(count: int) -> NDArray[np.float64]:
        """Vary by a fifth, a tenth of which is forgotten from one to the next."""
        steps = rng.normal(size=count + 100)
        level = np.convolve(steps, 0.9 ** np.arange(100))[100 : count + 100]
        return 10 + 2 * level * np.sqrt(1 - 0.81)

    assert share_of_hits(wandering, known, left) > 0.55  # independent times would make it .3
