"""What a search works on, `Dataset`, and the interfaces of a source of data and of their kind.

What is said of images here holds for other kinds of data as well: an image is an array of rank 3,
(height, width, channels), the row of a table one of rank 1, (features,).
"""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig, ReduceConfig
from evoae.data.arrays import Images, Labels, joined, order, take, take_labels
from evoae.data.comparison import Comparison
from evoae.data.kinds.recorded import RecordedKind
from evoae.data.origins import Origins, joined_origins, take_origins
from evoae.errors import DataError

# Marks a field of a kind that readers obey, so that new items come encoded already.
OBEYED_BY_READERS: Mapping[str, bool] = {"obeyed by readers": True}


@dataclass(frozen=True, slots=True)
class AbstractKind(ABC):
    """What makes one kind of data differ from others, with what was fitted on a training split.

    A kind is one final class in a file of its own in `evoae/data/kinds`, with an entry in
    `registry.KINDS` there, and its settings, if it has any, are a class in `evoae/config/data.py`.
    Everything else in evoae asks the kind.

    The fields of a kind are what was fitted. They have defaults, with which nothing is fitted yet,
    and JSON can hold them, since a run records them. An array (n, *shape) holds n items.

    Attributes:
        name: in the metadata of runs.
        item: word for one item, such as "image"; its plural ends in s.
        described: what the items are, in a sentence: "rows of a table".
        value: what a loss is a mean over, in words.
        rank: axes of an item.
        bounded: whether values lie in 0..1, so that the head is a sigmoid; otherwise it is linear
            and values are standardised.
        pictures: whether items are drawn as pictures, (height, width, channels), or else as lines
            of a table.
        augmentations: which settings of `training` that vary items make sense.
        array_settings: which settings of `data` mean something to items in an array file.
        plain: the network of usual layers to compare with, text with {latent} for the code's size.
        handmade: a network from the literature to compare with, text; None for none.
    """

    name: ClassVar[str]
    item: ClassVar[str]
    described: ClassVar[str]
    value: ClassVar[str]
    rank: ClassVar[int]
    bounded: ClassVar[bool]
    pictures: ClassVar[bool]
    augmentations: ClassVar[frozenset[str]]
    array_settings: ClassVar[frozenset[str]]
    plain: ClassVar[str]
    handmade: ClassVar[str | None]

    @abstractmethod
    def takes(self, array: NDArray[Any]) -> bool:
        """Whether an array in a file is of this kind, as its shape and type tell."""

    @abstractmethod
    def source(self, name: str, place: str, arrays: Mapping[str, NDArray[Any]]) -> Source:
        """Check arrays of this kind and return them as a source.

        Args:
            name: of the file, for people.
            place: where the arrays come from, for error sentences.
            arrays: `images`, whatever the items are, and where the file has them `labels`, `test`,
                `test_labels` and `columns`.

        Raises:
            DataError: they cannot be used.
        """

    @abstractmethod
    def inputs(self, source: Source) -> tuple[tuple[Images, ...], Labels | None]:
        """Return new items of this kind as the training items were given to networks.

        Returns:
            parts, (n_i, *shape) each, a test part that the source brings among them; and the
            labels of them all, (n,), or None.

        Raises:
            DataError: they do not fit what was fitted.
        """

    @abstractmethod
    def doubts(self, source: Source) -> Iterator[str]:
        """Yield how new items differ from those that it was fitted on, a sentence each.

        They were given to `inputs` before.
        """

    @abstractmethod
    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return the names of the cells of an item; none if they cannot be known."""

    @abstractmethod
    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return items as a network says them, (n, *shape), as n lines in their own units."""

    @abstractmethod
    def clip(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Return made-up items, (n, *shape), with no value that theirs cannot be.

        Returns:
            the items, and how many numbers were changed by name of their cell; a kind whose
            networks cannot leave the range changes none.
        """

    @abstractmethod
    def choices(self) -> Iterator[slice]:
        """Yield where on the last axis of an item the values lie of which one is 1, others 0."""

    @abstractmethod
    def compare(self, values: NDArray[np.float32]) -> list[Comparison]:
        """Return statistics of made-up items, (n, *shape), beside those of the training items.

        Returns:
            none, if the kind has no statistics that mean something cell by cell.
        """

    @abstractmethod
    def quality(self, originals: Any, copies: Any) -> dict[str, Any]:
        """Return metrics that make sense for this kind, besides the mean squared error.

        Args:
            originals: tensor (n, *shape) of items.
            copies: likewise, what a network makes of them.

        Returns:
            by name, scalar tensors, means over the items.
        """

    @property
    def output(self) -> Literal["sigmoid", "linear"]:
        """Activation of the head that can say these values."""
        return "sigmoid" if self.bounded else "linear"

    @property
    def fitted(self) -> bool:
        """Whether new items must be encoded by what was fitted on the training split."""
        facts = dataclasses.fields(self)
        return any(fact.metadata != OBEYED_BY_READERS for fact in facts)

    @property
    def items(self) -> str:
        """Word for several items."""
        return f"{self.item}s"

    def to_json(self) -> RecordedKind:
        """Return the kind as values that JSON can hold, for `registry.restore`."""
        return {"name": self.name, "item": self.item, "fitted": dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A setting that suits what was read.

    Attributes:
        key: its dotted path: within `data` where a source suggests it, else within the whole.
        value: as a configuration has it.
        reason: in a few words.
    """

    key: str
    value: Any
    reason: str


class UndecidedError(DataError):
    """Data that cannot be read before a setting is chosen, with one that would do.

    Attributes:
        suggestion: the setting.
    """

    def __init__(self, place: str, value: object, next_step: str, suggestion: Suggestion) -> None:
        super().__init__(place, value, next_step)
        self.args = (place, value, next_step, suggestion)  # whole: it crosses processes
        self.suggestion = suggestion


class Source(ABC):
    """What a reader found, not split yet; each kind has its own.

    Attributes:
        kind: name of the kind that its items are of.
        name: of the set or file, for people.
        remarks: what the reader did that a person should hear of once it is of use, a line each.
    """

    kind: ClassVar[str]
    name: str
    remarks: tuple[str, ...] = ()

    @abstractmethod
    def __len__(self) -> int:
        """How many items there are to split, a test part that the source brings aside."""

    @abstractmethod
    def split(self, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
        """Split the items; what is fitted on data is fitted on the training split.

        Args:
            config: how to treat and split them.
            seed: of the splits; the same seed and items give the same splits.
            given: (n,) labels in place of the source's own; None for those.

        Raises:
            DataError: a split would be empty, or the items cannot be used as `config` says.
        """

    @abstractmethod
    def suggestions(self, config: DataConfig) -> tuple[Suggestion, ...]:
        """Return the settings that these items need, or that suit them, beyond those of `config`.

        Raises:
            DataError: `config` does not fit them.
        """

    @abstractmethod
    def origins(self, kind: AbstractKind) -> Origins | None:
        """Return the names of all items, in the order of `kind.inputs`.

        Args:
            kind: of the model that they are given to, which knows the keys of its table.
        """


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images in three disjoint splits.

    Attributes:
        name: of the set or file, for people.
        train, validation, test: (n, *input_shape); images are all uint8 in 0..255 or all float32
            in 0..1, rows float32 of any range.
        origin: how the splits were drawn, one line per step.
        kind: what the items are, with what was fitted on the training split.
        train_labels, validation_labels, test_labels: (n,), or None if the source has none.
        train_origins, validation_origins, test_origins: the items' names in their own file, n, or
            None if the source has none.
        notes: what a person should know of how the data were read, a sentence each.
    """

    name: str
    train: Images
    validation: Images
    test: Images
    origin: tuple[str, ...]
    kind: AbstractKind
    train_labels: Labels | None = None
    validation_labels: Labels | None = None
    test_labels: Labels | None = None
    train_origins: Origins | None = None
    validation_origins: Origins | None = None
    test_origins: Origins | None = None
    notes: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one item: (height, width, channels) of an image, (features,) of a row."""
        return self.train.shape[1:]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the training and validation images and of their origin.

        The same images split the same way give the same digest on any machine; the name and the
        folder that they came from play no part.
        """
        sha = hashlib.sha256("\n".join(self.origin).encode())
        for images in (self.train, self.validation):
            sha.update(f"\n{images.dtype.name} {images.shape}\n".encode())
            little = images.astype(images.dtype.newbyteorder("<"), copy=False)
            sha.update(np.ascontiguousarray(little).data)
        return sha.hexdigest()

    def reduced(self, reduce: ReduceConfig, seed: int) -> Dataset:
        """Return the seeded subset to search on; the test split stays whole.

        A smaller subset of the same seed is part of every larger one.

        Raises:
            DataError: more images are asked for than there are.
        """
        noun = self.kind.items
        train = _subset("train", reduce.train, len(self.train), seed, noun)
        validation = _subset("validation", reduce.validation, len(self.validation), seed, noun)
        if train is None and validation is None:
            return self
        drawn = f"reduced with seed {seed} to {reduce.train} train, {reduce.validation} validation"
        return replace(
            self,
            train=take(self.train, train),
            validation=take(self.validation, validation),
            origin=(*self.origin, drawn),
            train_labels=take_labels(self.train_labels, train),
            validation_labels=take_labels(self.validation_labels, validation),
            train_origins=take_origins(self.train_origins, train),
            validation_origins=take_origins(self.validation_origins, validation),
        )

    def joined(self) -> Dataset:
        """Return it with the validation items at the end of the training split as well."""
        return replace(
            self,
            train=np.concatenate([self.train, self.validation]),
            origin=(*self.origin, "trained on validation as well"),
            train_labels=joined((self.train_labels, self.validation_labels)),
            train_origins=joined_origins((self.train_origins, self.validation_origins)),
        )


def _subset(
    split: str, wanted: int | None, count: int, seed: int, noun: str
) -> NDArray[np.intp] | None:
    if wanted is None:
        return None
    if wanted > count:
        raise DataError(
            f"data.reduce.{split}",
            f"{wanted:,} {noun}, but the {split} split has {count:,}",
            "lower it, or set it to null for all",
        )
    return order(count, seed, f"reduce {split}")[:wanted]
