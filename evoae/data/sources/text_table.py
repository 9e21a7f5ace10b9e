"""Text files of cells become text columns; how a file is written is decided once, for all of it.

Decided are its encoding, the lines before the table, what stands between cells, whether the first
line names the columns, the decimal sign and the one between thousands. Each can be set (`data`),
and is said. Numbers return as Python writes them: `1.234,5 €` as `1234.5`.
"""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.config.data import TextTableSettings
from evoae.data.kinds.cells import missing_words
from evoae.data.sources.numerals import Numerals, is_plain, numerals_of
from evoae.data.sources.table_lines import (
    CELLS,
    COMMENT,
    FEWEST,
    LOOKED_AT,
    SEPARATORS,
    Lines,
    is_one_column,
    quote_of,
    score,
    spaced,
)
from evoae.data.sources.table_names import goes_on, has_names, is_note, is_title, padded_title
from evoae.data.sources.text_file import check_memory, decoded
from evoae.errors import DataError
from evoae.formatting import count, listed, plural

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_CELL = 2**26  # characters
_MOST_BEFORE = 20  # lines before the table
_MOST_AFTER = 3  # lines after it
_MOST_SECOND = 2  # lines below the names that go on with them
_DECLARED = re.compile(r'"?sep=(.)"?[;,\t]*\s*', re.IGNORECASE)  # the line that Excel honours
_COMMENT_ABOVE = re.compile(r";\s[^;]*\n?")  # a blank cell, further down
_LETTERS = re.compile(r"[^\W\d_]{0,20}[^\x00-\x7f]\w{0,20}")
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
        check_memory(path)
        text, encoding = decoded(path, settings.encoding)
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


@dataclass(slots=True)
class _Reading:
    """One file's reading: its lines, and what was decided on the way."""

    place: str
    settings: TextTableSettings
    encoding: str
    said: list[str] = field(default_factory=list)
    letters: str = ""  # a word by which one sees whether the encoding is right

    def of(self, text: str) -> TextTable:
        """Return the table in a text."""
        csv.field_size_limit(_LONGEST_CELL)
        if not text.isascii() and (odd := _LETTERS.search(text)):
            self.letters = odd[0]
        lines = list(io.StringIO(text, newline=""))
        declared, comments, start = self._before(lines)
        sample = [line for line in lines[start:] if line.strip()][:LOOKED_AT]
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
        in_table = names is not None and names is cells[0]
        body = cells[1:] if in_table else cells
        if not body:
            step = "add rows, or set data.header: false"
            raise DataError(self.place, "a header and no rows", step)
        if names is not None and in_table and not short:
            body, names = self._without_second_names(body, names, numerals, words)
        head = cells[0] if in_table else names
        again = [row for row in body if row == head]
        if again:
            body = [row for row in body if row != head]
            self.said.append(f"left out {plural(len(again), 'further line')} of names")
        if names is None:
            columns = [f"c{number}" for number in range(1, len(cells[0]) + 1)]
        else:
            columns = self._unique(names)
        frame = pd.DataFrame(body, columns=columns, dtype=object)
        frame = self._with_names(frame, names or ())
        self.said[:0] = self._how(rows[0][0] if in_table else None, separator, numerals)
        self.said += numerals.convert(frame, words)
        return TextTable(frame, named, tuple(self.said))

    def _without_second_names(
        self,
        body: list[list[str]],
        names: list[str],
        numerals: Numerals,
        words: Collection[str],
    ) -> tuple[list[list[str]], list[str]]:
        """Return the rows without the lines that go on with the names, and the names.

        Such lines are of units, or a second level of names: it is joined to the first where that
        alone does not tell the columns apart.
        """
        taken = 0
        while taken < _MOST_SECOND and goes_on(
            body[taken], body[taken + 1 : LOOKED_AT], numerals, words, first=not taken
        ):
            taken += 1
        if not taken:
            return body, names
        levels = [names, *body[:taken]]
        lines = plural(taken, "line")
        quoted = _shortened(" ".join(cell for row in body[:taken] for cell in row if cell.strip()))
        plain = [name.strip() for name in names]
        if all(plain) and len(set(plain)) == len(plain):
            self.said.append(f"left out {lines} of units or so below the names ('{quoted}')")
            return body[taken:], names
        self.said.append(f"took {lines} more for names ('{quoted}')")
        joined = [
            " ".join(filter(None, map(str.strip, each))) for each in zip(*levels, strict=True)
        ]
        return body[taken:], joined

    def _with_names(self, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Return the columns that have a name in the file or a value; none is named at all."""
        blank = [position for position, name in enumerate(names) if not name.strip()]
        empty = [i for i in blank if all(not cell.strip() for cell in frame.iloc[:, i])]
        if empty and len(empty) < len(names):
            numbers = listed([str(position + 1) for position in empty])
            which = f"column {numbers}, which has" if len(empty) == 1 else f"columns {numbers}, "
            which += "" if len(empty) == 1 else "which have"
            self.said.append(f"left out {which} no name and no value")
        for position in blank:
            if position not in empty:
                said = f"called column {position + 1} '{frame.columns[position]}'"
                self.said.append(f"{said}, as it has no name")
        kept = [i for i in range(len(frame.columns)) if i not in empty or len(empty) == len(names)]
        return frame.iloc[:, kept].copy()

    def _how(self, line: int | None, separator: str, numerals: Numerals) -> Iterator[str]:
        """Yield how the file is written."""
        if self.encoding not in ("utf-8-sig", "utf-8"):
            seen = f", with words like '{self.letters}'" if self.letters else ""
            yield f"read as {self.encoding}{seen}{' (data.encoding)' * bool(seen)}"
        names = "no line for names" if line is None else f"line {line} for names"
        marks = {"\t": ", tabs between cells", " ": ", white space between cells", "": ""}
        between = marks.get(separator, f", '{separator}' between cells")
        decimals = "" if numerals.decimal == "." else f", '{numerals.decimal}' in decimals"
        thousands = f", '{numerals.thousands}' between thousands" * bool(numerals.thousands)
        yield f"took {names}{between}{decimals}{thousands}"
        if numerals.ambiguous:
            sign, name = numerals.decimal, "point" if numerals.decimal == "." else "comma"
            other = "comma" if name == "point" else "point"
            yield (
                f"took '{sign}' for the decimal sign, though 1{sign}234 would fit thousands "
                f"(data.thousands={name} and data.decimal={other})"
            )

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
                elif COMMENT.match(line) or _COMMENT_ABOVE.fullmatch(line):
                    comments.append(line.strip().lstrip("/")[line[0] != "/" :].strip())
                else:
                    break
            start += 1
        if comments:
            self.said.append(f"left out {plural(len(comments), 'comment line')} at the top")
        return declared, comments, start

    def _separator(self, sample: Sequence[str], declared: str | None) -> str:
        """Return what stands between cells."""
        if self.settings.separator != "auto":
            return SEPARATORS[self.settings.separator]
        if declared is not None:
            return declared
        scored = {mark: score(sample, mark) for mark in SEPARATORS.values()}
        best = max(scored, key=scored.__getitem__)  # of equals the first
        return best if scored[best] else ","

    def _rows(
        self, lines: Sequence[str], start: int, separator: str
    ) -> Iterator[tuple[int, list[str]]]:
        """Yield every line that is not blank: its number, and its cells."""
        quote = quote_of(lines[start:], separator)
        if quote != '"':
            self.said.append(f"took {quote} for the mark around cells")
        kept = Lines(lines, start, separator)
        reader = csv.reader(
            kept, delimiter=separator, skipinitialspace=True, strict=True, quotechar=quote
        )
        begun, blank = start + 1, 0
        try:
            for cells in reader:
                if "".join(cells).strip():
                    yield kept.number, cells
                else:
                    blank += len(cells) > 1
                begun = kept.number + 1
        except csv.Error as why:
            step = f"save it as CSV again, or mend its quotation marks from line {begun} on"
            raise DataError(self.place, f"not a table ({why})", step) from why
        left_out = {**kept.left_out, "empty row": blank}
        for what, number in left_out.items():
            if number:
                self.said.append(f"left out {plural(number, what)}")

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
        numeric = any(is_plain(cell) for _, cells in rows[:LOOKED_AT] for cell in cells)
        if share < _LEAST or (share < _PROSE and not numeric):
            said = f"no table: its lines have {min(widths)} to {max(widths)} cells"
            raise DataError(self.place, said, "give a file whose lines have as many cells each")
        first = len(rows[0][1])
        if is_one_column(rows, separator):
            return [(line, [",".join(cells)]) for line, cells in rows], False
        short = first == width - 1 and (first > 1 or separator == " ")
        begins = [cells[0] for _, cells in rows[1:] if len(cells) == width]
        short = short and len(set(begins)) == len(begins)  # as the names of rows are
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
            end > begin + 1 and len(rows) - end < _MOST_AFTER and is_note(rows[end - 1][1], width)
        ):
            end -= 1
        if (
            width == 1
            or begin > _MOST_BEFORE
            or not all(is_title(cells, width) for _, cells in rows[:begin])
        ):
            begin = 0
        begin = max(begin, padded_title(rows[: _MOST_BEFORE + 1], width))
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
            self.said.append(
                "called column 1 'row_name', as the names are one less than the cells"
            )
            return cells[0]
        if self.settings.header != "auto":
            return cells[0] if self.settings.header else None
        looked_at = max(FEWEST, min(LOOKED_AT, CELLS // len(cells[0])))
        if has_names(cells[: looked_at + 1], numerals, words):
            return cells[0]
        if comments:
            last = spaced(comments[-1]) if separator == " " else comments[-1]
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


def _ragged(place: str, odd: Sequence[tuple[int, int]], width: int) -> DataError:
    lines = [f"line {line} has {plural(cells, 'cell')}" for line, cells in odd[:5]]
    more = f" and {count(len(odd) - 5)} more lines differ" if len(odd) > 5 else ""
    seen = f"{listed(lines)}{more}, most lines {width}"
    return DataError(place, seen, "mend them" if len(odd) > 1 else "mend that line")


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 60, placeholder="…")
