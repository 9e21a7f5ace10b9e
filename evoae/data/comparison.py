"""Statistics of new items beside those of the training items that a model learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
