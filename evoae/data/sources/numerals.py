"""How a file writes numbers: decimal sign, thousands, percent, currency and units.

The signs are decided once a file: those of cells that can be read in one way alone outvote each
other, and decide on those that can be read in two, such as `1,234`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.formatting import listed, plural

if TYPE_CHECKING:
    import pandas as pd

Decimal = Literal["auto", "point", "comma"]
Thousands = Literal["auto", "none", "comma", "point", "space", "apostrophe"]

_MARKS = {"point": ".", "comma": ",", "space": " ", "apostrophe": "'", "none": "", "auto": ""}
_SAMPLE = 100_000  # cells of lines that are spread over the file, which decide on the signs
_NAMED = 5  # columns in a sentence
# Words that stand among numbers where one is missing, and may be a category among words.
_NO_NUMBER = frozenset({"-", "--", "---", ".", "..", "...", "*", "na", "none", "missing"})
_PLAIN_WORDS = frozenset({"", "?", "NA", "NaN", "nan"})  # not worth a word
_CURRENCY = r"[$€£¥₹₽₩₺]|USD|EUR|GBP|CHF|JPY|CNY|INR"
_EXPONENT = r"(?:[eE][-+]?\d+|[dD][-+]\d+)?"  # Fortran writes D
_UNITED = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+](?=\s*\D))?\s*(?P<before>{_CURRENCY})?\s*(?P<number>[-+]?\s*[\d.,][\d.,'\s]*{_EXPONENT})(?P<minus>-)?"
    rf"\s*(?P<after>%|‰|{_CURRENCY}|[a-zA-Zµ°²³/]{{1,6}})?\s*(?P<close>\))?"
)
_SIGN = re.compile(rf"%|‰|{_CURRENCY}|")  # which numbers of one column may have or not
_ANY = re.compile(rf"[-+]?(?:\d{{1,3}}(?:[ .,']\d{{3}})+|\d+)?(?:[.,]\d*)?{_EXPONENT}(?:\s*%)?")
# Numbers that leave no doubt which sign is which, and those in groups of thousands.
_POINT = re.compile(rf"[-+]?(?:\d*|\d{{1,3}}(?:[ ,']\d{{3}})+)\.\d*{_EXPONENT}")
_COMMA = re.compile(rf"[-+]?(?:\d*|\d{{1,3}}(?:[ .']\d{{3}})+),\d*{_EXPONENT}")
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:([ .,'])\d{3})(?:\1\d{3})*")
_INDIAN = re.compile(r"[-+]?[1-9]\d?(?:,\d\d)+,\d{3}")  # 12,34,567
_SIGNS = str.maketrans({"−": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'"})


def is_plain(cell: str) -> bool:
    """Tell whether a cell is a number, whatever its signs for decimals and thousands are."""
    said = cell.strip().translate(_SIGNS)
    return bool(_ANY.fullmatch(said)) and any(letter.isdigit() for letter in said)


def numerals_of(
    rows: Sequence[Sequence[str]], separator: str, decimal: Decimal, thousands: Thousands
) -> Numerals:
    """Return how the cells of a file write numbers.

    Args:
        rows: of cells, all lines.
        separator: between cells.
        decimal: what is set; `auto` to decide.
        thousands: likewise.
    """
    votes: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for row in rows[:: max(1, len(rows) * max(1, len(rows[0])) // _SAMPLE)]:
        for cell in row:
            _count(cell, votes, groups)
    if decimal != "auto":
        point = _MARKS[decimal]
    elif votes["."] or votes[","]:
        point = "," if votes[","] > votes["."] else "."
    else:  # 1,234 alone: decimals where a semicolon leaves the comma to them
        point = "," if groups[","] and not groups["."] and separator == ";" else "."
        if groups[point] and thousands == "auto":
            return Numerals(point, ambiguous=True)
    if thousands != "auto":
        return Numerals(point, _MARKS[thousands])
    del groups[point]
    return Numerals(point, max(groups, key=groups.__getitem__, default=""))


def _count(cell: str, votes: Counter[str], groups: Counter[str]) -> None:
    """Count what a cell says of the decimal sign, and of the sign between thousands."""
    match = _UNITED.fullmatch(cell.strip().translate(_SIGNS))
    if match is None or not any(mark in match["number"] for mark in " .,'"):
        return
    said = match["number"].strip()
    if grouped := _GROUPED.fullmatch(said):
        groups[grouped[1]] += 1
        if said.count(grouped[1]) > 1:  # a decimal sign stands once
            votes["," if grouped[1] == "." else "."] += grouped[1] in ".,"
        return
    if said.count(",") > 1 and _INDIAN.fullmatch(said):
        groups[","] += 1
        votes["."] += 1
        return
    for mark, pattern in ((".", _POINT), (",", _COMMA)):
        if pattern.fullmatch(said):
            votes[mark] += 1
            whole = said.partition(mark)[0]
            if inner := _GROUPED.fullmatch(whole):
                groups[inner[1]] += 1


@dataclass(frozen=True)
class Numerals:
    """How numbers are written.

    Attributes:
        decimal: the decimal sign, "." or ",".
        thousands: the sign between thousands; "" for none.
        ambiguous: whether the decimal sign may be the one between thousands, as in 1.234 alone.
    """

    decimal: str = "."
    thousands: str = ""
    ambiguous: bool = False

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        mark, between = re.escape(self.decimal), re.escape(self.thousands)
        grouped = rf"\d{{1,3}}(?:{between}\d{{3}})+|" if between else ""
        grouped += r"\d\d?(?:,\d\d)+,\d{3}|" if self.thousands == "," else ""
        return re.compile(rf"[-+]?(?:(?:{grouped}\d+)(?:{mark}\d*)?|{mark}\d+){_EXPONENT}")

    @property
    def plain(self) -> bool:
        """Whether Python reads these numbers."""
        return self.decimal == "." and not self.thousands

    def canonical(self, cell: str) -> str | None:
        """Return a number as Python writes it; None if the cell is none."""
        said = cell.strip().translate(_SIGNS)
        if not self._pattern.fullmatch(said):
            return None
        bare = said.replace(self.thousands, "") if self.thousands else said
        return re.sub("[dD]", "e", bare.replace(self.decimal, "."))

    def number(self, cell: str) -> float | None:
        """Return a number, with or without its unit; None if the cell is none."""
        found = self._with_unit(cell)
        return None if found is None or not _SIGN.fullmatch(found[1]) else float(found[0])

    def _with_unit(self, cell: str) -> tuple[str, str] | None:
        """Return a number as Python writes it, and its unit, "" for none."""
        if (bare := self.canonical(cell)) is not None:
            return bare, ""
        match = _UNITED.fullmatch(cell.strip().translate(_SIGNS))
        if match is None or bool(match["open"]) != bool(match["close"]):
            return None
        if match["minus"] and self.decimal not in match["number"]:
            return None  # a mark, such as 2-
        bare = self.canonical(re.sub(r"(?<=[-+])\s+", "", match["number"]))
        units = [unit for unit in (match["before"], match["after"]) if unit]
        signs = [sign for sign in (match["open"], match["sign"], match["minus"]) if sign]
        if bare is None or len(units) > 1 or len(signs) > 1 or (signs and bare[0] in "-+"):
            return None
        negative = signs not in ([], ["+"])  # (5) is a loss of 5, as are -$5 and 5-
        return "-" * negative + bare, "".join(units)

    def convert(self, frame: pd.DataFrame, words: Collection[str]) -> list[str]:
        """Write the numbers of a table of text as Python does, in place.

        Columns in which fewer than half of the known cells are numbers stay as they are; so do
        those with several units.

        Returns:
            what was taken away and taken for missing, a clause each.
        """
        units: dict[str, list[str]] = {}
        gaps: Counter[str] = Counter()
        for position, name in enumerate(frame.columns):
            cells = frame.iloc[:, position].to_numpy()
            odd = ~self._are_plain(cells)
            if not odd.any():
                continue
            texts = np.array([cell.strip() for cell in cells[odd]], object)
            lacking = np.isin(texts, [*words, ""])
            gaps.update(text for text in texts[lacking] if text not in _PLAIN_WORDS)
            taken, unit = self._taken(texts, lacking, int((~odd).sum()), gaps)
            if taken is None:
                continue
            changed = cells.copy()
            changed[odd] = taken
            frame.isetitem(position, changed)
            if unit:
                units.setdefault(unit, []).append(str(name))
        said = [
            f"took '{unit}' from the numbers of {_columns(names)}" for unit, names in units.items()
        ]
        if gaps:
            listing = [f"'{word}' ({plural(number, 'cell')})" for word, number in gaps.items()]
            said.append(f"took {listed(listing[:_NAMED])} for missing")
        return said

    def _are_plain(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Tell which cells need no look, (n,), as Python reads them as the numbers they are."""
        import pandas as pd

        if not self.plain:
            return np.zeros(len(cells), bool)
        return ~np.isnan(np.asarray(pd.to_numeric(cells, errors="coerce"), np.float64))

    def _taken(
        self, texts: NDArray[Any], lacking: NDArray[Any], numbers: int, gaps: Counter[str]
    ) -> tuple[NDArray[Any] | None, str]:
        """Return the cells as Python writes them, and the unit taken away.

        Args:
            texts: (k,) cells that Python does not read.
            lacking: (k,) which of them mean none.
            numbers: cells beside them that Python reads.
            gaps: counts what is taken for missing.
        """
        read = {text: self._with_unit(text) for text in set(texts[~lacking])}
        units = {unit for found in read.values() if found for unit in [found[1]] if unit}
        known = list(texts[~lacking])
        found = sum(read[text] is not None for text in known)
        blank = sum(text.lower() in _NO_NUMBER for text in known)
        if 2 * (found + numbers) <= len(known) - blank + numbers:
            return None, ""
        unit = next(iter(units), "")
        bare = numbers + sum(each is not None and each[1] == "" for each in read.values())
        if len(units) > 1 or (bare and not _SIGN.fullmatch(unit)):
            return None, ""  # 5 kg and 3 lb, or 1a and 2
        taken = texts.copy()
        for position in np.flatnonzero(~lacking):
            text = texts[position]
            if (number := read[text]) is not None:
                taken[position] = number[0]
            elif text.lower() in _NO_NUMBER:
                taken[position] = ""
                gaps[text] += 1
        return taken, unit


def _columns(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names[:_NAMED]]
    more = len(names) - _NAMED
    return listed([*quoted, f"{more} more"] if more > 0 else quoted)
