"""Statistics of new items beside those of the training items that a model learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evoae.formatting import figure, plural

_TELLING = 3  # standard errors: what chance makes of 3 statistics in 1,000
_NAMED = 3  # statistics in a sentence


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statistic of one column.

    Attributes:
        column: as in the file.
        statistic: which one.
        new: of the new rows, in the column's own units; the mean of dates is a date, as text, and
            their deviation is in days.
        training: of the training rows, likewise.
        difference: new minus training: in standard deviations of the training rows, or of a share
            as it is.
        chance: its standard error, if the new rows were drawn from the column's own distribution
            (of the deviation: were it normal).
        category: that a share is of; "" of a numeric column.
    """

    column: str
    statistic: Literal["mean", "deviation", "share"]
    new: float | str
    training: float | str
    difference: float
    chance: float
    category: str = ""

    def __str__(self) -> str:
        if self.statistic == "share":
            name = f"'{self.column}' is '{self.category}' in"
            return f"{name} {_percent(self.new)} ({_percent(self.training)})"
        ours, theirs = (
            value if isinstance(value, str) else figure(value)
            for value in (self.new, self.training)
        )
        return f"{self.statistic} of '{self.column}' {ours} ({theirs})"


def farthest(comparisons: Sequence[Comparison], rows: int) -> str:
    """Name the statistics that are farthest from the training rows', in a sentence.

    Args:
        comparisons: one or more.
        rows: how many new rows they are of.
    """
    telling = [each for each in comparisons if abs(each.difference) > _TELLING * each.chance]
    if not telling:
        can = f"as far as {plural(rows, 'row')} can tell"
        return f"means, deviations and shares are those of the training rows, {can}"
    telling.sort(key=lambda each: -abs(each.difference))
    more = len(telling) - _NAMED
    others = f"; {more:,} more of {len(comparisons):,} differ beyond chance" if more > 0 else ""
    named = ", ".join(map(str, telling[:_NAMED]))
    return f"farthest from the training rows (theirs in brackets): {named}{others}"


def _percent(share: float | str) -> str:
    return f"{100 * float(share):.1f}%"
