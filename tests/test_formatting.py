"""Figures as a person reads them: no exponents, and never a thousand of a unit."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoae.formatting import (
    brief_count,
    exact,
    figure,
    flops,
    flops_unit,
    loss,
    mebibytes,
    signed,
    size,
)

MAGNITUDES = st.floats(0, 21).map(lambda power: 10.0**power)
NEAR_A_THOUSAND = st.builds(
    lambda power, part: part * 10.0**power,
    st.integers(3, 18),
    st.floats(0.99, 1.01),
)


@given(MAGNITUDES | NEAR_A_THOUSAND | st.integers(0, 10**21))
def test_no_cost_size_or_count_needs_an_exponent(value: float) -> None:
    for said in (flops(value), size(value), brief_count(value), mebibytes(value), exact(value)):
        assert "e+" not in said


@given(st.floats(1e-6, 1e14) | st.floats(-1e14, -1e-6))
def test_no_figure_of_ordinary_magnitude_has_an_exponent(value: float) -> None:
    for said in (figure(value), figure(value, 4), signed(value, 2), loss(value)):
        assert "e" not in said


@given(st.floats(1, 9.99e20) | NEAR_A_THOUSAND)
def test_rounding_never_leaves_a_thousand_of_a_unit_that_has_a_larger_one(value: float) -> None:
    for word, last in ((flops, "EFLOP"), (size, "TB"), (brief_count, "G")):
        number, unit = re.fullmatch(r"([\d.,]+) ?(\w*)", word(value)).groups()
        assert float(number.replace(",", "")) < 1000 or unit == last


@given(st.floats(1e-6, 1e14), st.integers(2, 6))
def test_a_figure_is_the_number_to_so_many_digits(value: float, digits: int) -> None:
    assert float(figure(value, digits).replace(",", "")) == float(f"{value:.{digits}g}")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (flops(999.6e9), "1 TFLOP"),
        (flops(999.4e9), "999 GFLOP"),
        (flops(31e9), "31 GFLOP"),
        (flops(1.1e12), "1.1 TFLOP"),
        (flops(30), "30 FLOP"),
        (size(999.6e3), "1 MB"),
        (size(1.14e9), "1.1 GB"),
        (size(31.4e6), "31 MB"),
        (size(0), "0 B"),
        (brief_count(999_600), "1M"),
        (brief_count(25_000), "25k"),
        (figure(1000.4), "1000"),
        (figure(12_345.6), "12,300"),
        (figure(-0.0), "0"),
        (figure(2024.0, 4), "2024"),
        (figure(1e-9), "1e-09"),
        (signed(-0.25), "-0.25"),
        (signed(0.1, 2), "+0.1"),
        (loss(12_345.6), "12,350"),
        (loss(0.000123), ".000123"),
        (exact(0.0001), "0.0001"),
        (exact(65_536), "65,536"),
        (mebibytes(6000), "under 1 MiB"),
        (mebibytes(2**32), "4,096 MiB"),
    ],
)
def test_a_figure_reads_as_people_write_it(said: str, expected: str) -> None:
    assert said == expected


def test_the_unit_of_an_axis_is_the_one_of_its_largest_cost() -> None:
    assert flops_unit(999.6e9) == ("TFLOP", 1e12)
