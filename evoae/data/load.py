"""From the `data` section to a `Dataset`: read the items, then split them by seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evoae.config.data import DataConfig
from evoae.data.dataset import AbstractKind, Dataset, Source
from evoae.data.labels import read_labels
from evoae.data.progress import Say, silent
from evoae.data.sources.files import check_settings, home, read_path
from evoae.data.sources.named import find_set
from evoae.errors import DataError


def load(
    config: DataConfig,
    seed: int,
    say: Say = silent,
    *,
    labels: Path | None = None,
    fitted: AbstractKind | None = None,
) -> Dataset:
    """Read the named set, file or folder that `config` asks for; `reduce` is not applied.

    A set that brings a test part keeps it; others have it drawn first. Validation is then drawn
    from the remaining training images. The columns of a table are fitted on its training rows.

    Args:
        config: what to read, and the sizes of the splits.
        seed: of the splits; the same seed and images always give the same splits.
        say: is told, in a line each, when a set must be downloaded, and what is passed over or
            changed. Unless it is `silent`, reading pictures shows a bar where stderr is a
            terminal.
        labels: a file of labels in place of the data's own: one for each image that was read, the
            set's own test part aside, or for each row of the table, in their order before the
            split. They change nothing else.
        fitted: see `read`.

    Raises:
        DataError: the data or the labels cannot be found or used, or a split has no room.
    """
    source = read(config, say, fitted)
    given = None if labels is None else read_labels(labels, len(source), "--labels")
    dataset = source.split(config, seed, given)
    for remark in source.remarks:  # what is refused needs none
        say(remark)
    return dataset


def read(config: DataConfig, say: Say = silent, fitted: AbstractKind | None = None) -> Source:
    """Read the named set, file or folder that `config` asks for, without splitting it.

    Args:
        config: what to read.
        say: see `load`.
        fitted: the kind of a model that the items are for, which says how to read them; None to
            go by `config` and the items alone.

    Raises:
        DataError: it cannot be found or used.
    """
    path = None if config.path is None else home(Path(config.path))
    if config.name is None:
        assert path is not None  # the schema requires a name or a path
        return read_path(path, config, say, fitted)
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
