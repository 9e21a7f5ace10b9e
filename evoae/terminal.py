"""How lines fit a terminal: at spaces and between items, never inside a figure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import TextIO

_UNWRAPPED = 10_000  # columns of a pipe: a file keeps every row on one line
_NARROWEST = 40  # columns that a line is given at least
_GAP = "  "  # between two columns of a table
_BELOW = "    "  # before what stands below its row
_LEAST_ROOM = 0.45  # share of the line for a table's last column, or it stands below its row


def width_of(stream: TextIO | None) -> int:
    """Return the columns of the terminal that `stream` writes to; a pipe wraps nothing."""
    if stream is None or not stream.isatty():
        return _UNWRAPPED
    try:
        own = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # a terminal that has no size, or only looks like one
        own = os.terminal_size((80, 24))
    asked = os.environ.get("COLUMNS", "")
    columns = int(asked) if asked.isdigit() else 0
    return max(columns or own.columns or shutil.get_terminal_size().columns, _NARROWEST)


def folded(text: str, width: int, indent: str = "") -> list[str]:
    """Return text in lines of at most `width` columns, broken at spaces.

    A word that is longer than a line, such as a path or a digest, is left to the terminal: broken
    here it could not be copied.

    Args:
        text: one line.
        width: in columns; a character of Chinese takes two.
        indent: before each line but the first.
    """
    from rich.cells import cell_len

    indent = indent[: width // 2]
    first, *words = text.split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= width or cell_len(indent + word) > width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(indent + word)
    return lines


def dotted(items: Sequence[str], width: int, indent: str = "") -> list[str]:
    """Return items with dots between them, in lines that are broken only there if possible."""
    from rich.cells import cell_len

    lines: list[str] = []
    for item in items:
        if lines and cell_len(f"{lines[-1]} · {item}") <= width:
            lines[-1] += f" · {item}"
        else:
            lines += folded(f"{indent if lines else ''}{item}", width, indent)
    return lines


def table(cells: Sequence[Sequence[str]], right: Collection[str], width: int) -> Iterator[str]:
    """Yield the lines of a table; no cell is cut, and none is left out.

    Columns stand beside each other as far as there is room. The last one, if it is text, takes
    what room is left, or begins below its row. Others without room stand there too, each cell
    behind its header.

    Args:
        cells: of the headers, then of each row.
        right: headers of the columns that are aligned to the right.
        width: columns of the terminal.
    """
    from rich.cells import cell_len

    headers = cells[0]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    stops = [stop - len(_GAP) for stop in accumulate(size + len(_GAP) for size in widths)]
    ends_in_text = headers[-1] not in right
    beside = max(1, sum(stop <= width for stop in stops))
    room = width - stops[-2] - len(_GAP) if len(stops) > 1 else width
    if ends_in_text and beside == len(headers) - 1 and room >= _LEAST_ROOM * width:
        beside += 1
        widths[-1] = room
    for number, row in enumerate(cells):
        yield from _beside(row[:beside], headers, widths, right)
        left = list(zip(headers, row, strict=True))[beside:]
        if number and left:
            text = [left.pop()[1]] if ends_in_text else []
            below = dotted([f"{name}: {cell}" for name, cell in left if cell], width - len(_BELOW))
            for one in text:
                below += folded(one, width - len(_BELOW)) if one else []
            yield from (_BELOW + line for line in below)


def _beside(
    row: Sequence[str], headers: Sequence[str], widths: Sequence[int], right: Collection[str]
) -> Iterator[str]:
    """Yield the lines of the cells that stand beside each other; the last one may be folded."""
    from rich.cells import cell_len

    line, start = "", 0
    for cell, header, size in zip(row[:-1], headers, widths, strict=False):
        space = " " * (size - cell_len(cell))
        line += (space + cell if header in right else cell + space) + _GAP
        start += size + len(_GAP)
    place = len(row) - 1
    first, *others = folded(row[-1], widths[place])
    if headers[place] in right:
        first = " " * (widths[place] - cell_len(first)) + first
    yield (line + first).rstrip()
    yield from (" " * start + other for other in others)
