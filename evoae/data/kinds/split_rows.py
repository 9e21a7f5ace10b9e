"""Raw rows become a `Dataset`: left out or filled, split, and only then fitted and encoded."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evoae.config.data import DataConfig
from evoae.data.dataset import Dataset, Labels, take_labels
from evoae.data.kinds.rows import Missing, Rows, texts, typed
from evoae.data.kinds.tables import Column, Table, as_labels, fit_column
from evoae.data.splits import Index, check_enough, draw, drawn
from evoae.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def split_rows(rows: Rows, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
    """Split the rows of a table, then scale all by what the training rows show.

    Args:
        rows: as they were read.
        config: how to treat and split them.
        seed: of the split.
        given: (n,) labels in place of those in the label column; None for those.

    Raises:
        DataError: a split would be empty, a column is not there or cannot be used, or values are
            missing and `config` does not say what to do about it.
    """
    label = rows.label if config.label_column == "auto" else config.label_column
    missing: Missing = rows.missing if config.missing == "auto" else config.missing
    frame = _columns(rows, config, label)
    cells = None if label is None else texts(rows.frame[label], config.missing_values)
    whole = frame.isna() if cells is None else frame.isna().assign(**{str(label): cells.isna()})
    if missing == "refuse" and whole.any(axis=None):
        raise _lacking(rows.place, whole)
    complete = ~whole.any(axis=1).to_numpy()
    if missing == "drop":
        frame, cells = frame[complete], None if cells is None else cells[complete]
    left_out = len(whole) - len(frame)
    check_enough(len(frame), rows.place, "complete row" if left_out else "row")
    if given is not None:
        labels: Labels | None = given[complete] if missing == "drop" else given
    else:
        labels = None if cells is None else as_labels(cells, (), rows.place)
    train, validation, test = draw(len(frame), config, seed, "rows")
    table = Table(
        columns=tuple(_fit(frame, name, whole, train, missing, rows.place) for name in frame),
        names=tuple(rows.frame.columns),
        label=label,
        missing=missing,
        missing_values=config.missing_values,
        rows=len(rows.frame),
        left_out=left_out,
    )
    return Dataset(
        name=rows.name,
        train=table.encode(frame.iloc[train], rows.place),
        validation=table.encode(frame.iloc[validation], rows.place),
        test=table.encode(frame.iloc[test], rows.place),
        origin=_origin(table, seed, train, validation, test),
        train_labels=take_labels(labels, train),
        validation_labels=take_labels(labels, validation),
        test_labels=take_labels(labels, test),
        output="linear",
        table=table,
    )


def _columns(rows: Rows, config: DataConfig, label: str | None) -> pd.DataFrame:
    """Return the columns to rebuild, each float64 or text."""
    categorical = rows.categorical if config.categorical == "auto" else config.categorical
    names = list(rows.frame.columns)
    for key, asked in (
        ("label_column", () if label is None else (label,)),
        ("categorical", categorical),
        ("ignore", config.ignore),
    ):
        _check_names(key, asked, names)
    kept = [name for name in names if name != label and name not in config.ignore]
    if not kept:
        raise DataError(rows.place, "no column is left to rebuild", "leave out fewer")
    chosen = dataclasses.replace(rows, frame=rows.frame[kept])
    return typed(chosen, categorical, config.missing_values)


def _check_names(key: str, asked: Sequence[str], names: Sequence[str]) -> None:
    for name in asked:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
            raise DataError(f"data.{key}", f"no column is called '{name}'", hint)


def _lacking(place: str, whole: pd.DataFrame) -> DataError:
    """Return the sentence that counts the missing values, True in (rows, columns)."""
    counts = whole.sum()
    listed = ", ".join(f"{name} {count:,}" for name, count in counts[counts > 0].items())
    total, rows = int(counts.sum()), int(whole.any(axis=1).sum())
    return DataError(
        place,
        f"{total:,} missing value{'' if total == 1 else 's'} ({listed})",
        f"set data.missing to drop ({rows:,} of {len(whole):,} rows) or to impute",
    )


def _fit(
    frame: pd.DataFrame,
    name: str,
    lacking: pd.DataFrame,
    train: Index,
    missing: Missing,
    place: str,
) -> Column:
    """Fit one column on the training rows, and count what it lacks or what they never show."""
    cells = frame[name]
    column = Column(name, missing=int(lacking[name].sum()))
    column = fit_column(cells.iloc[train], column, impute=missing == "impute", place=place)
    if column.categories:
        unseen = cells.notna() & ~cells.isin(column.categories)
        column = dataclasses.replace(column, unseen=int(unseen.sum()))
    return column


def _origin(
    table: Table, seed: int, train: Index, validation: Index, test: Index
) -> tuple[str, ...]:
    lines = [drawn(seed, len(train), len(validation), len(test))]
    if table.left_out:
        lines.insert(0, f"left out {table.left_out} of {table.rows} rows, which lack a value")
    lacking = sum(column.missing for column in table.columns)
    if table.missing == "impute" and lacking:
        lines.append(f"filled {lacking} missing values: medians, or the most frequent category")
    numeric = sum(column.kind == "numeric" for column in table.columns)
    lines.append(
        f"{numeric} numeric columns standardised and {len(table.columns) - numeric} one-hot, "
        f"fitted on the {len(train)} training rows"
    )
    return tuple(lines)
