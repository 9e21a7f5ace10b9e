"""What `evoae data describe` says about a data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from evoae.data.arrays import Images
from evoae.data.dataset import Dataset
from evoae.data.findings import findings, is_constant
from evoae.data.kinds.tables import Table

_CHUNK = 2**22  # values in memory at once as floats


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column of a table, in its own units, as the training rows show it.

    Attributes:
        name: as in the file.
        kind: numeric or categorical.
        missing: cells of the whole file without a value.
        unseen: validation and test cells of a category that no training row has.
        mean, deviation, low, high: of a numeric column; None for a categorical one.
        shares: of the rows that each category has; empty for a numeric column.
        constant: whether all training rows have the same.
    """

    name: str
    kind: str
    missing: int
    unseen: int
    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    shares: dict[str, float] = field(default_factory=dict)
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """A data set in a few figures.

    Attributes:
        name: of the set or file.
        input_shape: (height, width, channels), or (features,).
        dtype: of the images.
        train, validation, test: images in each split.
        low, high: the smallest and largest value of the training images.
        mean_image_mse_validation, mean_image_mse_test: loss per pixel, on the 0..1 scale, of
            always answering the mean training image; what any model must beat. For a table, per
            input, on the scale that the network sees.
        digest: see `Dataset.digest`.
        rows, left_out: that the file of a table has, and those left out for want of a value; 0
            for images.
        columns: of a table; none for images.
        notes: what should be known before figures are trusted, see `Dataset.notes` and `findings`.
    """

    name: str
    input_shape: tuple[int, ...]
    dtype: str
    train: int
    validation: int
    test: int
    low: float
    high: float
    mean_image_mse_validation: float
    mean_image_mse_test: float
    digest: str
    rows: int = 0
    left_out: int = 0
    columns: tuple[ColumnSummary, ...] = ()
    notes: tuple[str, ...] = ()


def summarise(dataset: Dataset) -> Summary:
    """Return the figures of `dataset`."""
    table = dataset.kind if isinstance(dataset.kind, Table) else Table()
    return Summary(
        name=dataset.name,
        input_shape=dataset.input_shape,
        dtype=dataset.train.dtype.name,
        train=len(dataset.train),
        validation=len(dataset.validation),
        test=len(dataset.test),
        low=float(dataset.train.min()),
        high=float(dataset.train.max()),
        mean_image_mse_validation=mean_item_error(dataset.train, dataset.validation),
        mean_image_mse_test=mean_item_error(dataset.train, dataset.test),
        digest=dataset.digest,
        rows=table.rows,
        left_out=table.left_out,
        columns=tuple(_columns(table, dataset)),
        notes=(*dataset.notes, *findings(dataset)),
    )


def _columns(table: Table, dataset: Dataset) -> Iterator[ColumnSummary]:
    for column, part in table.parts():
        counted = column.name, column.kind, column.missing, column.unseen
        inputs = dataset.train[:, part].astype(np.float64)
        constant = is_constant(inputs)
        if column.categories:
            shares = zip(column.categories, inputs.mean(axis=0).tolist(), strict=True)
            yield ColumnSummary(*counted, shares=dict(shares), constant=constant)
        else:
            values = column.values(inputs).astype(np.float64)
            low, high = float(values.min()), float(values.max())
            figures = column.mean, float(values.std()), low, high
            yield ColumnSummary(*counted, *figures, constant=constant)


def mean_item_error(train: Images, images: Images) -> float:
    """Return the mean squared error per value of always answering the mean training item.

    It is the variance that a model can explain, in the images (n, *input_shape) that it is
    measured on.
    """
    scale = 255.0 if train.dtype == np.uint8 else 1.0
    answer = train.mean(axis=0, dtype=np.float64)
    total, step = 0.0, max(1, _CHUNK // answer.size)
    for start in range(0, len(images), step):
        total += float(np.square((images[start : start + step] - answer) / scale).sum())
    return total / images.size
