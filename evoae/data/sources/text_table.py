"""Text files of cells become text columns; how a file is written is decided once, for all of it.

Decided are its encoding, the lines before the table, what stands between cells, whether the first
line names the columns, the decimal sign and the one between thousands. Each can be set (`data`),
and is said. Numbers return as Python writes them: `1.234,5 €` as `1234.5`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from evoae import formatting
from evoae.config.data import TextTableSettings
from evoae.data.kinds.cells import missing_words
from evoae.data.sources.damage import GZIP
from evoae.data.sources.numerals import Numerals, is_plain, numerals_of
from evoae.errors import DataError
from evoae.formatting import count, listed, plural

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_CELL = 2**26  # characters
_LOOKED_AT = 200  # lines, to decide what stands between cells and whether the first line has names
_MOST_BEFORE = 20  # lines before the table
_MOST_AFTER = 3  # lines after it
# Bytes that a cell takes while a file is read, and a byte of it: 100 to 190 were measured for
# cells of one to eight letters.
_OF_A_CELL = 150
_OF_A_BYTE = 3
_PACKED = 5  # times that a text is smaller when it is compressed
_SAMPLED = 2**16  # bytes in which cells are counted
# Of equals the first one: tabs and semicolons hardly ever stand in cells, commas do.
_SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
_DECLARED = re.compile(r'"?sep=(.)"?[;,\t]*\s*', re.IGNORECASE)  # the line that Excel honours
# Spreadsheets write their errors with the mark of comments.
_COMMENT = re.compile(r"#(?![A-Z/0]+[!?]|N/A|NA|NV)|%")
_LEAST = 0.5  # share of lines that must have as many cells
_PROSE = 0.9  # likewise, where no cell is a number


@dataclass(frozen=True, slots=True)
class TextTable:
    """What a text file holds.

    Attributes:
        frame: (n, columns) of text, n at least 1.
        named: whether the file names the columns; they are c1, c2 and so on if it does not.
        said: how it was read, a clause each.
    """

    frame: pd.DataFrame
    named: bool
    said: tuple[str, ...]


def read_text_table(path: Path, settings: TextTableSettings | None = None) -> TextTable:
    """Read all cells of a text file.

    Args:
        path: of the file, which may be compressed by gzip.
        settings: what is not to be decided by looking; None for nothing.

    Raises:
        DataError: it is no text, no table, holds no rows, or does not fit in memory.
    """
    settings = TextTableSettings() if settings is None else settings
    place = str(path)
    try:
        _check_memory(path)
        text, encoding = _decoded(path, settings.encoding)
        return _Reading(place, settings, encoding).of(text)
    except csv.Error as why:
        raise DataError(place, f"not a table ({why})", "save it as CSV again") from why
    except OSError as why:
        said = f"cannot be read ({why.strerror or why})"
        raise DataError(place, said, "check the path, or get the file again") from why
    except EOFError as why:
        raise DataError(place, "truncated", "get the file again") from why


def read_rows(place: str, rows: Sequence[list[str]], settings: TextTableSettings) -> TextTable:
    """Read the rows of a spreadsheet, which is known to have them.

    Raises:
        DataError: it holds no table.
    """
    numbered = [(line, row) for line, row in enumerate(rows, 1) if "".join(row).strip()]
    begin = 0 if settings.skip_lines == "auto" else settings.skip_lines
    numbered = _trimmed(numbered[begin:])
    return _Reading(place, settings, "utf-8").of_rows(numbered, [], "")


def _trimmed(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Take away the columns at either side in which no row has a cell."""
    if not rows:
        return rows
    width = max(len(row) for _, row in rows)
    used = [i for i in range(width) if any(i < len(row) and row[i].strip() for _, row in rows)]
    first, last = used[0], used[-1]
    return [(line, row[first : last + 1]) for line, row in rows]


def _check_memory(path: Path) -> None:
    """Refuse a file that is too large to read, before anything is read.

    Raises:
        DataError: it is.
    """
    import psutil

    size = path.stat().st_size
    with path.open("rb") as file:
        sample = file.read(_SAMPLED)
    if sample.startswith(GZIP):
        size, cells = _PACKED * size, _PACKED * size / 4
    else:
        between = len(re.findall(rb"[,;\t|]|[^\s] |\n", sample))
        cells = size * between / max(1, len(sample))
    needed = _OF_A_BYTE * size + _OF_A_CELL * cells
    free = psutil.virtual_memory().available
    if needed > free:
        raise DataError(
            str(path),
            f"reading it takes about {formatting.size(needed)}, and {formatting.size(free)} of "
            "memory are free",
            "take fewer rows, or save its numbers as a float32 array (.npy)",
        )


def _decoded(path: Path, encoding: str) -> tuple[str, str]:
    """Return the text of a file and its encoding.

    Raises:
        DataError: it is not in the encoding, or no text.
    """
    raw = path.read_bytes()
    if raw.startswith(GZIP):
        raw = gzip.decompress(raw)
    for name in _encodings(raw) if encoding == "auto" else (encoding,):
        try:
            text = raw.decode(name)
        except LookupError as why:
            known = "utf-8, utf-16, cp1252 or latin-1"
            raise DataError("data.encoding", f"no encoding '{name}'", f"such as {known}") from why
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    if encoding != "auto":
        step = "correct data.encoding, or leave it out"
        raise DataError(str(path), f"not a text in {encoding}", step)
    raise DataError(str(path), "not a text file", "save it as CSV in UTF-8")


def _encodings(raw: bytes) -> Iterator[str]:
    """Yield what a text may be encoded in, the likeliest first."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    yield "utf-8-sig"
    zeros = raw[:1000].count(0)
    if zeros > len(raw[:1000]) // 4:  # every second byte of most western texts
        yield "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    yield "cp1252"
    yield "latin-1"  # which has a character for every byte


@dataclass(slots=True)
class _Reading:
    """One file's reading: its lines, and what was decided on the way."""

    place: str
    settings: TextTableSettings
    encoding: str
    said: list[str] = field(default_factory=list)

    def of(self, text: str) -> TextTable:
        """Return the table in a text."""
        csv.field_size_limit(_LONGEST_CELL)
        lines = list(io.StringIO(text, newline=""))
        declared, comments, start = self._before(lines)
        sample = [line for line in lines[start:] if line.strip()][:_LOOKED_AT]
        separator = self._separator(sample, declared)
        return self.of_rows(list(self._rows(lines, start, separator)), comments, separator)

    def of_rows(
        self, rows: list[tuple[int, list[str]]], comments: Sequence[str], separator: str
    ) -> TextTable:
        """Return the table that lines of cells are.

        Args:
            rows: the number of each line, and its cells; none is blank.
            comments: above them.
            separator: that stood between the cells; "" where they were given apart.
        """
        import pandas as pd

        if not rows:
            raise DataError(self.place, "an empty table", "add rows")
        rows, short = self._fitted(rows, separator)
        cells = [cells for _, cells in rows]
        numerals = numerals_of(cells, separator, self.settings.decimal, self.settings.thousands)
        words = missing_words(self.settings.missing_values)
        names = self._names(cells, comments, separator, short, numerals, words)
        named = names is not None
        body = cells if names is None or names is not cells[0] else cells[1:]
        if not body:
            step = "add rows, or set data.header: false"
            raise DataError(self.place, "a header and no rows", step)
        again = [row for row in body if named and row == names]
        if again:
            body = [row for row in body if row != names]
            self.said.append(f"left out {plural(len(again), 'further line')} of names")
        if names is None:
            columns = [f"c{number}" for number in range(1, len(cells[0]) + 1)]
        else:
            columns = self._unique(names)
        frame = pd.DataFrame(body, columns=columns, dtype=object)
        for position, name in enumerate(names or ()):
            if not name.strip() and all(not cell.strip() for cell in frame.iloc[:, position]):
                del frame[columns[position]]
                self.said.append(f"left out column {position + 1}, which has no name and no value")
            elif not name.strip():
                said = f"called column {position + 1} '{columns[position]}', as it has no name"
                self.said.append(said)
        self.said[:0] = self._how(rows[0][0] if names is cells[0] else None, separator, numerals)
        self.said += numerals.convert(frame, words)
        return TextTable(frame, named, tuple(self.said))

    def _how(self, line: int | None, separator: str, numerals: Numerals) -> Iterator[str]:
        """Yield how the file is written."""
        if self.encoding not in ("utf-8-sig", "utf-8"):
            yield f"read as {self.encoding}"
        names = "no line for names" if line is None else f"line {line} for names"
        marks = {"\t": ", tabs between cells", " ": ", white space between cells", "": ""}
        between = marks.get(separator, f", '{separator}' between cells")
        decimals = "" if numerals.decimal == "." else f", '{numerals.decimal}' in decimals"
        thousands = f", '{numerals.thousands}' between thousands" * bool(numerals.thousands)
        yield f"took {names}{between}{decimals}{thousands}"

    def _before(self, lines: Sequence[str]) -> tuple[str | None, list[str], int]:
        """Return the separator that the file declares, the comments at its top, and the rest."""
        if self.settings.skip_lines != "auto":
            return None, [], self.settings.skip_lines
        declared: str | None = None
        comments: list[str] = []
        start = 0
        for line in lines:
            if line.strip():
                if declared is None and (match := _DECLARED.fullmatch(line)):
                    declared = match[1]
                elif _COMMENT.match(line):
                    comments.append(line[1:].strip())
                else:
                    break
            start += 1
        if comments:
            self.said.append(f"left out {plural(len(comments), 'comment line')} at the top")
        return declared, comments, start

    def _separator(self, sample: Sequence[str], declared: str | None) -> str:
        """Return what stands between cells."""
        if self.settings.separator != "auto":
            return _SEPARATORS[self.settings.separator]
        if declared is not None:
            return declared
        scored = {mark: _score(sample, mark) for mark in _SEPARATORS.values()}
        best = max(scored, key=scored.__getitem__)  # of equals the first
        return best if scored[best] else ","

    def _rows(
        self, lines: Sequence[str], start: int, separator: str
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield every line that is not blank: its number, and its cells."""
        number, left_out = start, 0

        def physical() -> Iterator[str]:
            nonlocal number, left_out
            for line in lines[start:]:
                number += 1
                if _COMMENT.match(line):
                    left_out += 1
                    continue
                yield _spaced(line) if separator == " " else line

        reader = csv.reader(physical(), delimiter=separator, skipinitialspace=True, strict=True)
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                yield number, cells
        if left_out:
            self.said.append(f"left out {plural(left_out, 'comment line')}")

    def _fitted(
        self, rows: list[tuple[int, list[str]]], separator: str
    ) -> tuple[list[tuple[int, list[str]]], bool]:
        """Return the lines that have as many cells as most, and whether the first has one less.

        Raises:
            DataError: lines amid the table have more or fewer cells.
        """
        widths = Counter(len(cells) for _, cells in rows)
        width = max(widths, key=lambda width: (widths[width], width))
        share = widths[width] / len(rows)
        numeric = sum(is_plain(cell) for _, cells in rows[:_LOOKED_AT] for cell in cells)
        if share < _LEAST or (share < _PROSE and not numeric):
            said = f"no table: its lines have {min(widths)} to {max(widths)} cells"
            raise DataError(self.place, said, "give a file whose lines have as many cells each")
        first = len(rows[0][1])
        if _is_one_column(rows, separator):
            return [(line, [",".join(cells)]) for line, cells in rows], False
        short = first == width - 1 and (first > 1 or separator == " ")
        if first == width - 1 and all(not cells[-1].strip() for _, cells in rows[1:]):
            rows = [rows[0], *((line, cells[: width - 1]) for line, cells in rows[1:])]
            return self._fitted(rows, separator)  # every line but the header ends in a separator
        if self.settings.skip_lines == "auto" and not short:
            rows = self._without_ends(rows, width)
        begin = int(short)
        fitted = rows[:begin]
        odd = []
        for line, cells in rows[begin:]:
            if len(cells) == width + 1 and not cells[-1].strip():
                cells = cells[:width]
            if len(cells) == width:
                fitted.append((line, cells))
            else:
                odd.append((line, len(cells)))
        if odd:
            raise _ragged(self.place, odd, width)
        return fitted, short

    def _without_ends(
        self, rows: list[tuple[int, list[str]]], width: int
    ) -> list[tuple[int, list[str]]]:
        """Leave out lines of a title before the table, and of a note after it."""
        begin = next((i for i, (_, cells) in enumerate(rows) if len(cells) == width), 0)
        end = len(rows)
        while (
            end > begin + 1 and len(rows) - end < _MOST_AFTER and _is_note(rows[end - 1][1], width)
        ):
            end -= 1
        if (
            width == 1
            or begin > _MOST_BEFORE
            or not all(_is_title(cells, width) for _, cells in rows[:begin])
        ):
            begin = 0
        for part, where in ((rows[:begin], "before"), (rows[end:], "after")):
            if part:
                quoted = " ".join(" ".join(cells) for _, cells in part)
                lines = plural(len(part), "line")
                self.said.append(f"left out {lines} {where} the table ('{_shortened(quoted)}')")
        return rows[begin:end]

    def _names(
        self,
        cells: Sequence[list[str]],
        comments: Sequence[str],
        separator: str,
        short: bool,
        numerals: Numerals,
        words: Collection[str],
    ) -> list[str] | None:
        """Return the cells that name the columns; None if no line does."""
        if short:
            cells[0].insert(0, "row_name")  # as R writes it: the rows' names have none
            return cells[0]
        if self.settings.header != "auto":
            return cells[0] if self.settings.header else None
        if _has_names(cells[: _LOOKED_AT + 1], numerals, words):
            return cells[0]
        if comments:
            last = _spaced(comments[-1]) if separator == " " else comments[-1]
            named = next(csv.reader([last], delimiter=separator, skipinitialspace=True), [])
            if len(named) == len(cells[0]) > 1 and not any(map(numerals.number, named)):
                self.said.append("took the last comment for names")
                return named
        return None

    def _unique(self, cells: Sequence[str]) -> list[str]:
        """Return a name for every column, all different."""
        names: list[str] = []
        for position, cell in enumerate(cells, 1):
            name = wanted = cell.strip() or f"c{position}"
            again = 2
            while name in names or (name != wanted and name in cells):
                name, again = f"{wanted}_{again}", again + 1
            if name != wanted:
                self.said.append(f"called column {position} '{name}', as '{wanted}' is there")
            names.append(name)
        return names


def _score(sample: Sequence[str], separator: str) -> float:
    """Return how well a separator explains lines: 0 if it makes no table of them, 1 at best."""
    text = sample if separator != " " else [_spaced(line) for line in sample]
    try:
        rows = list(csv.reader(text, delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return 0.0
    widths = Counter(map(len, rows))
    width, lines = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    if width < 2:
        return 0.0
    cells = [cell for row in rows if len(row) == width for cell in row]
    if separator == " " and 2 * sum(map(is_plain, cells)) < len(cells):
        return 0.0  # words of a sentence
    clean = sum(not _is_several(cell) for cell in cells) / len(cells)
    return lines / len(rows) * clean


def _is_several(cell: str) -> bool:
    """Tell whether a cell seems to hold several."""
    if is_plain(cell):
        return False
    parts = cell.split()
    return any(mark in cell for mark in ";\t|,") or (len(parts) > 1 and all(map(is_plain, parts)))


def _has_names(cells: Sequence[Sequence[str]], numerals: Numerals, words: Collection[str]) -> bool:
    """Guess whether the first line names the columns, by the lines below it.

    It does if there are words over numbers, and not if its words are found again below it. Numbers
    are names if they rise evenly, or are years, and none of them is like those below it.
    """
    first, *below = cells
    below = [row for row in below if list(row) != list(first)]
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


def _is_scale(values: Sequence[float]) -> bool:
    """Tell whether numbers may be names: evenly spaced whole ones, three or more, or years."""
    if any(value != int(value) for value in values):
        return False
    steps = {after - before for before, after in pairwise(values)}
    years = all(1900 <= value <= 2100 for value in values)
    return len(steps) == 1 and 0 not in steps and (len(values) > 2 or years)


def _is_title(cells: Sequence[str], width: int) -> bool:
    """Tell whether a line may stand over a table of wider lines: few cells, or the rest empty."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) < max(2, width / 2) or (len(filled) == 1)


def _is_note(cells: Sequence[str], width: int) -> bool:
    """Tell whether a line may be a note under a table: one cell of words."""
    filled = [cell for cell in cells if cell.strip()]
    return width > 2 and len(cells) != width and len(filled) == 1 and not is_plain(filled[0])


def _is_one_column(rows: Sequence[tuple[int, list[str]]], separator: str) -> bool:
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


def _ragged(place: str, odd: Sequence[tuple[int, int]], width: int) -> DataError:
    lines = [f"line {line} has {plural(cells, 'cell')}" for line, cells in odd[:5]]
    more = f" and {count(len(odd) - 5)} more lines differ" if len(odd) > 5 else ""
    seen = f"{listed(lines)}{more}, most lines {width}"
    return DataError(place, seen, "mend them" if len(odd) > 1 else "mend that line")


def _spaced(line: str) -> str:
    return line.replace("\t", " ").strip()


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 60, placeholder="…")
