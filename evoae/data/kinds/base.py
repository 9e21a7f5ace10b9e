"""What makes one kind of data differ from the others: the interface.

A kind is one final class in a file of its own beside this one, with an entry in `registry.KINDS`,
and its settings, if it has any, are a class in `evoae/config/data.py`. Everything else in evoae
asks the kind.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.data.kinds.recorded import RecordedKind

if TYPE_CHECKING:
    from evoae.data.dataset import Images, Labels, Source


@dataclass(frozen=True, slots=True)
class AbstractKind(ABC):
    """A kind of data, with what was fitted on a training split, if anything is.

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
    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return the names of the cells of an item; none if they cannot be known."""

    @abstractmethod
    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return items as a network says them, (n, *shape), as n lines in their own units."""

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
        return bool(dataclasses.fields(self))

    @property
    def items(self) -> str:
        """Word for several items."""
        return f"{self.item}s"

    def to_json(self) -> RecordedKind:
        """Return the kind as values that JSON can hold, for `registry.restore`."""
        return {"name": self.name, "item": self.item, "fitted": dataclasses.asdict(self)}


def numbered(shape: tuple[int, ...]) -> list[str]:
    """Return names for the numbers of an item: x1, x2 and so on."""
    return [f"x{number}" for number in range(1, math.prod(shape) + 1)]


def plain(values: NDArray[np.float32]) -> list[list[Any]]:
    """Return numbers (n, ...) as n lines of text, each as short as it can be, losing no bit."""
    return [list(line) for line in values.reshape(len(values), -1).astype(str).tolist()]
