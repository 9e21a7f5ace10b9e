"""How many images or rows each split takes, and which: at random, by groups or by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.arrays import order
from evoae.errors import DataError

Index = NDArray[np.intp]  # (k,)
_FEWEST = 3  # one for each split


def check_enough(count: int, place: str, noun: str = "image") -> None:
    """Refuse fewer than one `noun` for each split."""
    if count < _FEWEST:
        raise DataError(
            place, f"{count} {noun}(s)", f"train and validation and test need {_FEWEST} or more"
        )


@dataclass(frozen=True, eq=False)
class Order:
    """What a split must respect, besides its size.

    Attributes:
        by: the column or pattern, for people.
        groups: (n,) numbers of the groups, each of which lies in one split; None for none.
        times: (n,) what training items come first by, then validation, then test; None for none.
    """

    by: str = ""
    groups: Index | None = None
    times: NDArray[np.float64] | None = None

    def take(self, index: Index) -> Order:
        """Return that of some items."""
        groups = None if self.groups is None else self.groups[index]
        times = None if self.times is None else self.times[index]
        return Order(self.by, groups, times)

    @property
    def in_words(self) -> str:
        """How it is said after the sizes; "" for a random split."""
        if self.groups is not None:
            return f" by groups of {self.by}"
        return "" if self.times is None else f" in the order of {self.by}"


RANDOM = Order()


def grouped(names: Sequence[Any], by: str) -> Order:
    """Return the order that keeps items of one name together.

    Args:
        names: of the items' groups, n.
        by: what they are, for people.
    """
    _, groups = np.unique([str(name) for name in names], return_inverse=True)
    return Order(by, groups=groups.astype(np.intp))


def draw(
    count: int,
    config: DataConfig,
    seed: int,
    noun: str = "images",
    *,
    test: bool = True,
    order_by: Order = RANDOM,
) -> tuple[Index, Index, Index]:
    """Return the positions among `count` of training, validation and test.

    Args:
        count: to draw from.
        config: with the sizes.
        seed: the same seed gives the same splits.
        noun: for error sentences.
        test: whether to draw a test split; else it is empty.
        order_by: what they must respect; by default each is drawn at random.

    Raises:
        DataError: a split would be empty.
    """
    train = order(count, seed, "test")
    if order_by.times is not None:
        train = np.argsort(order_by.times, kind="stable")[::-1]  # the last ones are held out
    if order_by.groups is not None:
        fewest = 3 if test else 2
        groups = len(np.unique(order_by.groups))
        if groups < fewest:
            said = f"{order_by.by} makes {groups} group(s) of the {count:,} {noun}"
            raise DataError("data.group", said, f"train, validation and test need {fewest}")
        shuffled = np.argsort(order(groups, seed, "test"))
        train = np.argsort(shuffled[order_by.groups], kind="stable")
    held_out = _count(config.test, len(train), "test", noun) if test else 0
    test_part, train = _cut(train, held_out, order_by.groups)
    chosen = _count(config.validation, len(train), "validation", noun)
    validation, train = _cut(train, chosen, order_by.groups)
    if not len(train):
        said = f"{order_by.by} leaves no {noun} to train on"
        raise DataError("data.group", said, "take smaller splits, or other groups")
    if order_by.times is not None:
        return train[::-1], validation[::-1], test_part[::-1]
    return train, validation, test_part


def _cut(positions: Index, count: int, groups: Index | None) -> tuple[Index, Index]:
    """Cut off the first `count`, and what else is of the last one's group."""
    if groups is not None and 0 < count < len(positions):
        last = groups[positions[count - 1]]
        count += int((groups[positions[count:]] == last).sum())
    return positions[:count], positions[count:]


def drawn(
    seed: int,
    train: int,
    validation: int,
    test: int,
    *,
    brought: bool = False,
    order_by: Order = RANDOM,
) -> str:
    """Say how many each split has, the line of `Dataset.origin` for the split."""
    return (
        f"split with seed {seed} into {train} train, {validation} validation, {test} test "
        f"({'brought along' if brought else 'drawn'}){order_by.in_words}"
    )


def _count(size: int | float, whole: int, key: str, noun: str) -> int:
    """Return how many of `whole` a split of `size`, a share or a number, takes."""
    count = size if isinstance(size, int) else round(size * whole)
    if count < 1:
        raise DataError(f"data.{key}", f"{size} of {whole:,} {noun} is none", "raise it")
    if count >= whole:
        raise DataError(
            f"data.{key}", f"{size} takes all of the {whole:,} {noun} to train on", "lower it"
        )
    return count
