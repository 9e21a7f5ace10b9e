"""How figures are worded: losses, counts, sizes and durations."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

_FLOP_UNITS = (
    *(("FLOP", 1.0), ("kFLOP", 1e3), ("MFLOP", 1e6), ("GFLOP", 1e9), ("TFLOP", 1e12)),
    *(("PFLOP", 1e15), ("EFLOP", 1e18)),
)
_BYTE_UNITS = (("B", 1.0), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
_COUNT_UNITS = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))


def command(*words: object) -> str:
    """Return a command of evoae's as a shell takes it, with quotes where a path needs them."""
    # A path that begins with a dash would be taken for an option.
    plain = (f"./{w}" if isinstance(w, Path) and str(w)[0] == "-" else str(w) for w in words)
    return shlex.join(["evoae", *plain])


def figure(value: float, digits: int = 3) -> str:
    """Word a number to so many significant digits: 0.25, 850, 12,300.

    An exponent stands only below a millionth and from 10^15 on.
    """
    rounded = Decimal(f"{value:.{digits}g}") + 0  # no minus before a zero
    if not rounded.is_finite() or (rounded and not -6 <= rounded.adjusted() < 15):
        return f"{value:.{digits}g}"
    said = exact(rounded)
    return said if abs(rounded) >= 10_000 else said.replace(",", "")


def signed(value: float, digits: int = 3) -> str:
    """Word a difference: +0.25, -850."""
    said = figure(value, digits)
    return said if said.startswith("-") else f"+{said}"


def exact(value: float | Decimal) -> str:
    """Word a finite number with all of its digits: 0.0001, 1,024."""
    return f"{Decimal(str(value)).normalize():,f}"


def loss(value: float | None) -> str:
    """Word a loss to four significant digits or five places, whichever tells more."""
    if value is None:
        return "-"
    if abs(value) >= 1:
        return figure(value, 4)
    digits = f"{value:.5f}" if abs(value) >= 0.001 else figure(value)
    return digits.replace("0.", ".", 1) if digits.lstrip("-").startswith("0.") else digits


def explained(share: float, of_pca: float | None = None) -> str:
    """Word which share of the variance a model explains, and PCA of the same size beside it."""
    said = f"explains {_percent(share)} of the variance"
    if share <= 0:
        said = "explains none of the variance, worse than the mean item"
    return said if of_pca is None else f"{said}; PCA of the same size {_percent(of_pca)}"


def _percent(share: float) -> str:
    """Word a share with more digits where it comes near all."""
    if share <= 0:
        return "none"
    return f"{share:.{0 if share < 0.95 else 1 if share < 0.995 else 2}%}"


def count(value: int | None) -> str:
    """Word a count with thousands separated."""
    return "-" if value is None else f"{value:,}"


def short(candidate_id: str) -> str:
    """Return the six digits that stand for a candidate on the screen."""
    return candidate_id[:6]


def shape(sides: Sequence[int]) -> str:
    """Word a shape, 28×28×1."""
    return "×".join(str(side) for side in sides)


def duration(seconds: float) -> str:
    """Word a duration: 41 s, 6 min 41 s, 3 h 7 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(low: float, high: float) -> str:
    """Word a forecast in seconds no finer than it deserves: under a minute, about 3–5 min."""
    if high < 60:
        return "under a minute"
    (least, unit), (most, largest) = _coarse(low), _coarse(high)
    if least == 0:
        return f"up to {most} {largest}"
    if unit != largest:
        return f"about {least} {unit} to {most} {largest}"
    return f"about {most} {unit}" if least == most else f"about {least}–{most} {unit}"


def _coarse(seconds: float) -> tuple[int, str]:
    """Return whole minutes, or hours from an hour and a half on."""
    return (round(seconds / 60), "min") if seconds < 5400 else (round(seconds / 3600), "h")


def flops_unit(most: float) -> tuple[str, float]:
    """Return the unit that suits costs up to `most`, and how many FLOPs it is."""
    return _unit(most, _FLOP_UNITS)


def flops(number: float | None) -> str:
    """Word a cost: 512 MFLOP, 31 GFLOP, 1.1 TFLOP."""
    if number is None:
        return "-"
    unit, scale = flops_unit(number)
    return f"{figure(number / scale)} {unit}"


def size(number_of_bytes: float) -> str:
    """Word a size: 512 KB, 31 MB, 1.1 GB."""
    unit, scale = _unit(number_of_bytes, _BYTE_UNITS)
    scaled = number_of_bytes / scale
    return f"{figure(scaled, 2) if scaled < 10 else f'{scaled:,.0f}'} {unit}"


def mebibytes(number_of_bytes: float) -> str:
    """Word a size beside a limit that a configuration states in MiB or GiB: 4,096 MiB."""
    whole = round(number_of_bytes / 2**20)
    return f"{whole:,} MiB" if whole else "under 1 MiB"


def brief_count(value: float) -> str:
    """Word a count where there is little room: 850, 25k, 1.2M."""
    unit, scale = _unit(abs(value), _COUNT_UNITS)
    return f"{figure(value / scale)}{unit}"


def _unit(most: float, units: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """Return the first unit in which `most`, with three digits, is below 1,000; or the last."""
    return next((each for each in units if float(f"{most / each[1]:.3g}") < 1000), units[-1])


def plural(number: int, noun: str) -> str:
    """Word a number of things: 1 training, 2 trainings."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(words: Sequence[str]) -> str:
    """Word several things: a, b and c."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last
