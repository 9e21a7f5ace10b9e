"""How many images or rows each split takes, and which: shares or numbers, drawn by seed."""

from __future__ import annotations

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


def draw(
    count: int, config: DataConfig, seed: int, noun: str = "images", *, test: bool = True
) -> tuple[Index, Index, Index]:
    """Return the positions among `count` of training, validation and test, each drawn at random.

    Args:
        count: to draw from.
        config: with the sizes.
        seed: the same seed gives the same splits.
        noun: for error sentences.
        test: whether to draw a test split; else it is empty.

    Raises:
        DataError: a split would be empty.
    """
    train = order(count, seed, "test")
    held_out = _count(config.test, len(train), "test", noun) if test else 0
    test_part, train = train[:held_out], train[held_out:]
    chosen = _count(config.validation, len(train), "validation", noun)
    return train[chosen:], train[:chosen], test_part


def drawn(seed: int, train: int, validation: int, test: int, *, brought: bool = False) -> str:
    """Say how many each split has, the line of `Dataset.origin` for the split."""
    return (
        f"split with seed {seed} into {train} train, {validation} validation, {test} test "
        f"({'brought along' if brought else 'drawn'})"
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
