from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from evoae.runs.forecast import forecast


def test_before_two_trainings_there_is_no_range() -> None:
    one = forecast(30.0, 10, [3.0])
    assert (one.seconds, one.low, one.high) == (30.0, 30.0, 30.0)
    assert forecast(0.0, 0, [3.0, 4.0]).high == 0.0


def test_trainings_of_equal_length_leave_no_doubt() -> None:
    equal = forecast(60.0, 20, [3.0] * 5)
    assert (equal.low, equal.high) == (60.0, 60.0)


@pytest.mark.parametrize("known", [2, 3, 6, 30])
def test_the_range_is_the_prediction_interval_of_a_sum(known: int) -> None:
    times = [1.0, 2.0] * (known // 2) + [1.5] * (known % 2)
    told = forecast(15.0, 10, times)
    deviation = np.std(times, ddof=1) * np.sqrt(10 + 100 / known)
    expected = t.ppf(0.9, known - 1) * deviation
    assert told.high - told.seconds == pytest.approx(expected, rel=0.15 if known == 2 else 0.03)
    assert told.low == pytest.approx(max(0.0, 2 * told.seconds - told.high))


@pytest.mark.parametrize(("known", "left"), [(4, 30), (20, 20)])
def test_the_truth_lies_in_the_range_in_about_four_cases_of_five(known: int, left: int) -> None:
    rng, hits = np.random.default_rng(5), 0
    for _ in range(2_000):
        times = rng.normal(10, 3, known + left)
        told = forecast(left * times[:known].mean(), left, list(times[:known]))
        hits += told.low <= times[known:].sum() <= told.high
    assert 0.77 < hits / 2_000 < 0.83
