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
)


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


class TableSettings(Section):
    """How the rows of tables are read."""

    header: Literal["auto"] | bool = Field(
        "auto", description="tables: whether names come first; auto: if that line has no number"
    )
    label_column: Text | None = Field(
        "auto", description="tables: holds the labels; auto: as the named set says; null: none"
    )
    categorical: Columns | Literal["auto"] = Field(
        "auto", description="tables: columns of categories, besides those of text"
    )
    ignore: Columns = Field((), description="tables: columns to leave out")
    missing: Literal["auto", "refuse", "drop", "impute"] = Field(
        "auto", description="tables: rows with gaps; auto refuses"
    )
    missing_values: Columns = Field(
        ("?", "NA", "NaN", "nan"),
        description="tables: cells that mean none, as empty ones do",
    )


class DataConfig(TableSettings, PictureSettings, SourceSettings):  # read from right to left
    """What to rebuild: a named set, a file, or a folder."""

    validation: SplitSize = Field(
        0.1, description="training inputs to validate on: a share or a number"
    )
    test: SplitSize = Field(0.1, description="inputs to test on, if the data bring none: likewise")
    reduce: ReduceConfig = Field(ReduceConfig(), description="subset used by the search")

    @model_validator(mode="after")
    def _named_or_filed(self) -> Self:
        if self.name is None and self.path is None:
            raise ValueError("give a name (such as fashion_mnist) or a path")
        return self


# What says nothing about some data; a reader refuses those that say nothing about what it read.
SPECIAL = frozenset((TableSettings.model_fields | PictureSettings.model_fields).keys())
