"""The lines of a table: what stands between their cells, and which lines are none of it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from evoae.data.sources.numerals import is_plain

CELLS = 20_000  # that are looked at, of wide tables
FEWEST = 10  # lines, however wide they are
LOOKED_AT = 200  # lines, to decide what stands between cells and whether the first line has names
# Of equals the first one: tabs and semicolons hardly ever stand in cells, commas do.
SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
# Spreadsheets write their errors with the mark of comments.
COMMENT = re.compile(r"""#(?![A-Z/0]+[!?]|N/A|NA|NV|\#+["']?[,;\t])|%|//|!\s*[a-zA-Z]""")
_RULE = re.compile(r"[-+=|: ]*[-=]{3}[-+=|: ]{3,}")  # which programs draw around tables
_UNNAMED = 0.5  # of the score, where the first line has another number of cells


@dataclass(slots=True)
class Lines:
    """The lines of a table, without remarks and ruled lines.

    Attributes:
        lines: of the file.
        number: of the last one that was taken; at first that of the last one above the table.
        separator: between cells.
        left_out: what was, and how often.
    """

    lines: Sequence[str]
    number: int
    separator: str
    left_out: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[str]:
        """Yield the lines."""
        rest = self.lines[self.number :]
        marked = sum(bool(COMMENT.match(line)) for line in rest)
        remarks = 2 * marked <= sum(bool(line.strip()) for line in rest)  # or they are cells
        for line in rest:
            self.number += 1
            if remarks and self._is_remark(line):
                self.left_out["comment line"] += 1
            elif self._is_ruled(line):
                self.left_out["ruled line"] += 1
            else:
                yield spaced(line) if self.separator == " " else line

    def _is_remark(self, line: str) -> bool:
        several = self.separator in line
        return COMMENT.match(line) is not None and not (several and line[0] in "!/")

    def _is_ruled(self, line: str) -> bool:
        alone = self.separator == "|" or self.separator not in line
        return alone and _RULE.fullmatch(line.strip()) is not None


def quote_of(lines: Sequence[str], separator: str) -> str:
    """Return the mark around cells: apostrophes if half of the lines have such cells."""
    sample = [line for line in lines if line.strip()][:LOOKED_AT]
    if separator == " " or any('"' in line for line in sample):
        return '"'
    mark = re.escape(separator)
    quoted = re.compile(rf"(?:^|{mark})\s*'[^']*'\s*(?:{mark}|$)")
    return "'" if 2 * sum(bool(quoted.search(line)) for line in sample) > len(sample) else '"'


def score(sample: Sequence[str], separator: str) -> float:
    """Return how well a separator explains lines: 0 if it makes no table of them, 1 at best."""
    text = sample if separator != " " else [spaced(line) for line in sample]
    try:
        rows = list(csv.reader(text, delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return 0.0
    widths = Counter(map(len, rows))
    width, lines = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    if width < 2:
        return 0.0
    some = (row for row in rows if len(row) == width)
    cells = [cell for row in islice(some, max(FEWEST, CELLS // width)) for cell in row]
    if separator == " " and 2 * sum(map(is_plain, cells)) < len(cells):
        return 0.0  # words of a sentence
    clean = sum(not _is_several(cell) for cell in cells) / len(cells)
    named = len(rows[0]) == width or (separator == " " and len(rows[0]) == width - 1)
    # A first line that is split otherwise may be a title, or the separator be that of a few cells.
    return lines / len(rows) * clean * (1.0 if named else _UNNAMED)


def _is_several(cell: str) -> bool:
    """Tell whether a cell seems to hold several."""
    if is_plain(cell):
        return False
    parts = cell.split()
    return any(mark in cell for mark in ";\t|,") or (len(parts) > 1 and all(map(is_plain, parts)))


def is_one_column(rows: Sequence[tuple[int, list[str]]], separator: str) -> bool:
    """Tell whether lines are decimal commas under a name, rather than two columns and a title."""
    (_, first), *others = rows
    parts = [cell for _, cells in others for cell in cells]
    return (
        separator == ","
        and len(first) == 1
        and len(others) > 0
        and all(len(cells) == 2 for _, cells in others)
        and all(map(is_plain, parts))
    )


def spaced(line: str) -> str:
    """Return a line with blanks for tabs and none around it."""
    return line.replace("\t", " ").strip()
