"""From the `data` section to a `Dataset`: read the images or rows, then split them by seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from evoae.config.data import DataConfig
from evoae.data.dataset import Dataset, Source, take, take_labels
from evoae.data.kinds.rows import Rows
from evoae.data.kinds.split_rows import split_rows
from evoae.data.labels import read_labels
from evoae.data.progress import Say, silent
from evoae.data.sources.files import check_settings, home, read_path
from evoae.data.sources.named import find_set
from evoae.data.splits import check_enough, draw, drawn
from evoae.errors import DataError


def load(
    config: DataConfig, seed: int, say: Say = silent, *, labels: Path | None = None
) -> Dataset:
    """Read the named set, file or folder that `config` asks for; `reduce` is not applied.

    A set that brings a test part keeps it; others have it drawn first. Validation is then drawn
    from the remaining training images. The columns of a table are fitted on its training rows.

    Args:
        config: what to read, and the sizes of the splits.
        seed: of the splits; the same seed and images always give the same splits.
        say: is told, in one line, when a set must be downloaded or a picture is skipped. Unless
            it is `silent`, reading pictures shows a bar where stderr is a terminal.
        labels: a file of labels in place of the data's own: one for each image that was read, the
            set's own test part aside, or for each row of the table, in their order before the
            split. They change nothing else.

    Raises:
        DataError: the data or the labels cannot be found or used, or a split has no room.
    """
    source = read(config, say)
    count = len(source.frame) if isinstance(source, Rows) else len(source.images)
    own_labels = None if labels is None else read_labels(labels, count, "--labels")
    if isinstance(source, Rows):
        return split_rows(source, config, seed, own_labels)
    if own_labels is not None:
        source = replace(source, labels=own_labels, test_labels=None)
    return split(source, config, seed)


def read(config: DataConfig, say: Say = silent) -> Source | Rows:
    """Read the named set, file or folder that `config` asks for, without splitting it.

    Raises:
        DataError: it cannot be found or used.
    """
    path = None if config.path is None else home(Path(config.path))
    if config.name is None:
        assert path is not None  # the schema requires a name or a path
        return read_path(path, config, say)
    named_set = find_set(config.name)
    check_settings(config, named_set.settings, named_set.name)
    return named_set.fetcher.read(path, say)


@contextmanager
def of_run(run: Path, otherwise: str = "") -> Iterator[None]:
    """Say of a run's own data that cannot be used what can still be done about them.

    Its settings are written once, so that advice to change them would help nobody.

    Args:
        run: the run folder.
        otherwise: a further way out, to follow "restore them"; "" for none.
    """
    try:
        yield
    except DataError as why:
        step = f"these are the data of {run}: restore them as they were{otherwise}"
        raise DataError(why.place, why.value, step) from why


def split(source: Source, config: DataConfig, seed: int) -> Dataset:
    """Split the images that a reader found.

    Raises:
        DataError: a split would be empty.
    """
    check_enough(len(source.images), source.name)
    brought = source.test is not None
    train, validation, test = draw(len(source.images), config, seed, test=not brought)
    test_images = take(source.images, test) if source.test is None else source.test
    counts = len(train), len(validation), len(test_images)
    return Dataset(
        name=source.name,
        train=take(source.images, train),
        validation=take(source.images, validation),
        test=test_images,
        origin=(*source.origin, drawn(seed, *counts, brought=brought)),
        train_labels=take_labels(source.labels, train),
        validation_labels=take_labels(source.labels, validation),
        test_labels=source.test_labels if brought else take_labels(source.labels, test),
    )
