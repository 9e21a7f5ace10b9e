"""How figures are worded: losses, counts, sizes and durations."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def command(*words: object) -> str:
    """Return a command of evoae's as a shell takes it, with quotes where a path needs them."""
    return shlex.join(["evoae", *(str(word) for word in words)])


def loss(value: float | None) -> str:
    """Word a loss to four significant digits or five places, whichever tells more."""
    if value is None:
        return "-"
    if abs(value) >= 1:
        return f"{value:.4g}"
    digits = f"{value:.5f}" if abs(value) >= 0.001 else f"{value:.3g}"
    return digits.replace("0.", ".", 1) if digits.lstrip("-").startswith("0.") else digits


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


def flops(number: float) -> str:
    """Word a cost: 512 MFLOP, 31 GFLOP, 1.1 TFLOP."""
    for unit, scale in (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number / 1e6:.3g} MFLOP"


def size(number_of_bytes: float) -> str:
    """Word a size: 512 KB, 31 MB, 1.1 GB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if number_of_bytes >= scale:
            scaled = number_of_bytes / scale
            return f"{scaled:.1f} {unit}" if scaled < 10 else f"{scaled:,.0f} {unit}"
    return f"{number_of_bytes:.0f} B"


def plural(number: int, noun: str) -> str:
    """Word a number of things: 1 training, 2 trainings."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(words: Sequence[str]) -> str:
    """Word several things: a, b and c."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last
