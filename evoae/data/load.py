"""From the `data` section to a `Dataset`: read the images, then split them by seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evoae.config.schema import DataConfig
from evoae.data.dataset import Dataset, Source, order, take, take_labels
from evoae.data.files import home, read_path
from evoae.data.named import find_set
from evoae.errors import DataError


def silent(_line: str) -> None:
    """Say nothing."""


def load(config: DataConfig, seed: int, say: Callable[[str], None] = silent) -> Dataset:
    """Read the named set or file that `config` asks for and split it; `reduce` is not applied.

    A set that brings a test part keeps it; others have it drawn first. Validation is then drawn
    from the remaining training images.

    Args:
        config: what to read, and the sizes of the splits.
        seed: of the splits; the same seed and images always give the same splits.
        say: is told, in one line, when a set must be downloaded.

    Raises:
        DataError: the images cannot be found or used, or a split has no room.
    """
    path = None if config.path is None else home(Path(config.path))
    if config.name is not None:
        return split(find_set(config.name).store.read(path, say), config, seed)
    assert path is not None  # the schema requires a name or a path
    return split(read_path(path), config, seed)


def split(source: Source, config: DataConfig, seed: int) -> Dataset:
    """Split what a reader found.

    Raises:
        DataError: a split would be empty.
    """
    train = order(len(source.images), seed, "test")
    if source.test is None:
        held_out = _count(config.test, len(train), "test")
        test, train = train[:held_out], train[held_out:]
        test_images, test_labels = take(source.images, test), take_labels(source.labels, test)
    else:
        test_images, test_labels = source.test, source.test_labels
    chosen = _count(config.validation, len(train), "validation")
    validation, train = train[:chosen], train[chosen:]
    brought = "brought along" if source.test is not None else "drawn"
    return Dataset(
        name=source.name,
        train=take(source.images, train),
        validation=take(source.images, validation),
        test=test_images,
        origin=(
            f"split with seed {seed} into {len(train)} train, {len(validation)} validation, "
            f"{len(test_images)} test ({brought})",
        ),
        train_labels=take_labels(source.labels, train),
        validation_labels=take_labels(source.labels, validation),
        test_labels=test_labels,
    )


def _count(size: int | float, whole: int, key: str) -> int:
    """Return how many of `whole` images a split of `size`, a share or a number, takes."""
    count = size if isinstance(size, int) else round(size * whole)
    if count < 1:
        raise DataError(f"data.{key}", f"{size} of {whole:,} images is none", "raise it")
    if count >= whole:
        raise DataError(
            f"data.{key}", f"{size} takes all of the {whole:,} images to train on", "lower it"
        )
    return count
