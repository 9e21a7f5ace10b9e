"""The settings of the data section, `data:`: those of all data, and each kind's own.

A kind's settings are one class of which `DataConfig` is made. What they are for stands in the
kind's file in `evoae/data/kinds/`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evoae.config.values import (
    Colour,
    Columns,
    PictureSize,
    Positive,
    Section,
    SplitSize,
    Text,
    ValueRange,
    White,
    Words,
)

USUAL = "usual"  # stands for the usual words for a missing value


class ReduceConfig(Section):
    """The seeded subset that the search trains and validates on."""

    train: Positive | None = Field(None, description="inputs to train on; null for all")
    validation: Positive | None = Field(None, description="inputs to validate on; null for all")


# `auto` is what a named set says of itself; for other data it stands for the first choice.


class SourceSettings(Section):
    """Where data of any kind lie."""

    name: Text | None = Field(
        None, description="a named set (`evoae data list`); null if there is a path"
    )
    path: Text | None = Field(
        None, description="a file (.npy, .npz, idx, .csv) or folder; null: where named sets lie"
    )


class ArraySettings(Section):
    """Which part of a file is read, where it holds several."""

    key: Text | None = Field(
        None, description="name of the array (.npz, .mat, HDF5) or sheet; null: as usual"
    )


class PictureSettings(Section):
    """How pictures are read."""

    labels: Text | None = Field(
        None, description="a .npy or text file with one label for each image; null for none"
    )
    size: Annotated[int, Field(ge=1, le=4096)] | PictureSize | None = Field(
        None, description="pictures: a side, or [height, width]; null if all have one"
    )
    channels: Literal["auto", 1, 3] = Field(
        "auto", description="pictures: grey or colour; auto: grey if all are"
    )
    background: Colour = Field(
        "white", description="pictures: colour that transparent ones are laid on"
    )
    scale: White | ValueRange | None = Field(
        None,
        description="pictures, arrays: value of white, or [black, white]; null: as found",
    )
    corrupt: Literal["refuse", "skip"] = Field(
        "refuse", description="what to do with pictures that cannot be read"
    )


class TextTableSettings(Section):
    """How the text of tables is read. `auto` decides once for the whole file, and says so."""

    header: Literal["auto"] | bool = Field(
        "auto", description="tables: whether names come first; auto: if the lines below differ"
    )
    separator: Literal["auto", "comma", "semicolon", "tab", "bar", "space"] = Field(
        "auto", description="tables: between cells"
    )
    decimal: Literal["auto", "point", "comma"] = Field(
        "auto", description="tables: the decimal sign"
    )
    thousands: Literal["auto", "none", "comma", "point", "space", "apostrophe"] = Field(
        "auto", description="tables: sign"
    )
    encoding: Text = Field("auto", description="tables: of the text, such as utf-8 or cp1252")
    skip_lines: Literal["auto"] | Annotated[int, Field(ge=0, le=100_000)] = Field(
        "auto", description="tables: lines before the names; auto: titles and comments"
    )
    missing_values: Words = Field(
        (USUAL,),
        description="tables: cells that mean none; usual: NA, NULL, None, NaN and so on",
    )


class TableSettings(TextTableSettings):
    """How the rows of tables are used."""

    label_column: Text | None = Field(
        "auto",
        description="tables: its name, or last; auto: as a named set says; null: none",
    )
    categorical: Columns | Literal["auto"] = Field(
        "auto", description="tables: columns of categories, besides those of text"
    )
    ignore: Columns = Field((), description="tables: columns to leave out")
    keys: Columns | Literal["auto"] = Field(
        "auto",
        description="tables: columns that tell rows apart; auto: if they look so",
    )
    dates: Literal["leave_out", "number"] = Field(
        "leave_out", description="tables: dates become days, or not"
    )
    missing: Literal["auto", "refuse", "drop", "impute"] = Field(
        "auto", description="tables: rows with gaps; auto refuses"
    )


class DataConfig(
    TableSettings, PictureSettings, ArraySettings, SourceSettings
):  # read from right to left
    """What to rebuild: a named set, a file, or a folder."""

    validation: SplitSize = Field(
        0.1, description="training inputs to validate on: a share or a number"
    )
    test: SplitSize = Field(0.1, description="inputs to test on, if the data bring none: likewise")
    group: Text | None = Field(
        None,
        description="keeps groups together: a column, folder, or pattern; null: no",
    )
    time: Text | None = Field(
        None, description="trains on what came before: a column, or order; null: no"
    )
    reduce: ReduceConfig = Field(ReduceConfig(), description="subset used by the search")

    @model_validator(mode="after")
    def _named_or_filed(self) -> Self:
        if self.name is None and self.path is None:
            raise ValueError("give a name (such as fashion_mnist) or a path")
        if self.group is not None and self.time is not None:
            raise ValueError("group and time exclude each other; give one of them")
        return self


# What says nothing about some data; a reader refuses those that say nothing about what it read.
SPECIAL = frozenset(
    key
    for section in (TableSettings, PictureSettings, ArraySettings)
    for key in section.model_fields
)
