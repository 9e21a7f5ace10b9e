"""Which line names the columns of a table, and which above or below belong to no row."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from evoae.data.sources.numerals import Numerals, is_plain

_TITLE = 2  # cells of a line above the names, at most
_BRACKETED = re.compile(r"\(.*\)|\[.*\]")


def has_names(cells: Sequence[Sequence[str]], numerals: Numerals, words: Collection[str]) -> bool:
    """Guess whether the first line names the columns, by the lines below it.

    It does if there are words over numbers, and not if its words are found again below it. Numbers
    are names if they rise evenly, or are years, and none of them is like those below it.
    """
    first, *below = cells
    below = [row for row in below if list(row) != list(first)]
    if _numbers_columns(first, below, numerals):
        return True
    over_numbers = again = unlike = numeric = 0
    values = [numerals.number(cell) for cell in first]
    for cell, value, *column in zip(first, values, *below, strict=True):
        known = [each for each in column if each.strip() not in words and each.strip()]
        found = [number for each in known if (number := numerals.number(each)) is not None]
        if 2 * len(found) > len(known):
            numeric += 1
            if value is None:
                over_numbers += cell.strip() not in words and bool(cell.strip())
            else:
                low, high = min(found), max(found)
                unlike += not low - (high - low) <= value <= high + (high - low)
        elif value is None:
            again += cell in known
    if over_numbers or again:
        return over_numbers > again
    if any(value is not None for value in values):
        scale = [value for value in values if value is not None]
        return unlike == numeric == len(scale) and _is_scale(scale)
    return True


def _numbers_columns(
    first: Sequence[str], below: Sequence[Sequence[str]], numerals: Numerals
) -> bool:
    """Tell whether a line numbers the columns, as pandas does where they have no names.

    That is so under a blank cell over full ones, the index; or where all others have decimals.
    """
    blank = not first[0].strip()
    values = [numerals.number(cell) for cell in first[blank:]]
    scale = [value for value in values if value is not None]
    if not below or len(scale) < len(values) or len(scale) < 3 - blank:
        return False
    if blank:
        even = _is_scale(scale) or scale in ([0.0, 1.0], [1.0, 2.0])
        return even and all(row[0].strip() for row in below)
    if scale != [scale[0] + i for i in range(len(scale))] or scale[0] not in (0, 1):
        return False
    found = [numerals.number(cell) for row in below for cell in row]
    return any(value is not None and value != int(value) for value in found if value is not None)


def goes_on(
    line: Sequence[str],
    below: Sequence[Sequence[str]],
    numerals: Numerals,
    words: Collection[str],
    *,
    first: bool,
) -> bool:
    """Tell whether the line below the names goes on with them: words over numbers, not repeated.

    Args:
        line: its cells.
        below: lines under it.
        numerals: how numbers are written.
        words: that mean a missing value.
        first: whether it is right below the names; a later one may have the first cell alone.
    """
    if not below:
        return False
    numeric = over_numbers = 0
    for cell, *column in zip(line, *below, strict=True):
        said = cell.strip()
        known = [each for each in column if each.strip() not in words and each.strip()]
        if said in words or (said and (numerals.number(cell) is not None or cell in known)):
            return False
        if 2 * sum(numerals.number(each) is not None for each in known) > len(known):
            numeric += 1
            over_numbers += bool(said)
    filled = [cell.strip() for cell in line if cell.strip()]
    if not first:
        return (over_numbers > 1 and 2 * over_numbers >= numeric) or filled == [line[0].strip()]
    bracketed = bool(filled) and all(_BRACKETED.fullmatch(cell) for cell in filled)
    return over_numbers > 0 and (bracketed or (over_numbers > 1 and 2 * over_numbers >= numeric))


def _is_scale(values: Sequence[float]) -> bool:
    """Tell whether numbers may be names: evenly spaced whole ones, three or more, or years."""
    if any(value != int(value) for value in values):
        return False
    steps = {after - before for before, after in pairwise(values)}
    years = all(1900 <= value <= 2100 for value in values)
    return len(steps) == 1 and 0 not in steps and (len(values) > 2 or years)


def is_title(cells: Sequence[str], width: int) -> bool:
    """Tell whether a line may stand over a table of wider lines: few cells, or the rest empty."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) < max(2, width / 2) or (len(filled) == 1)


def padded_title(rows: Sequence[tuple[int, list[str]]], width: int) -> int:
    """Return the lines before the names that hold one or two cells at the left, as of a title."""
    for position, (_, cells) in enumerate(rows):
        filled = [bool(cell.strip()) for cell in cells]
        if len(cells) == width and (all(filled) or sum(filled) > _TITLE):
            return position if not any(map(is_plain, cells)) else 0
        if not 0 < sum(filled) <= _TITLE or not all(filled[: sum(filled)]):
            return 0
    return 0


def is_note(cells: Sequence[str], width: int) -> bool:
    """Tell whether a line may be a note under a table: one cell of words."""
    filled = [cell for cell in cells if cell.strip()]
    return width > 2 and len(cells) != width and len(filled) == 1 and not is_plain(filled[0])
