"""What a search works on, `Dataset`, and what a reader hands over before the split, `Source`.

What is said of images here holds for other kinds of data as well: an image is an array of rank 3,
(height, width, channels), the row of a table one of rank 1, (features,).
"""

from __future__ import annotations

import hashlib
import mmap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.random import PCG64
from numpy.typing import NDArray

from evoae.config.data import DataConfig, ReduceConfig
from evoae.data.kinds.base import AbstractKind
from evoae.errors import DataError

Images = NDArray[np.uint8 | np.float32]  # (n, height, width, channels) or (n, features)
Labels = NDArray[Any]  # (n,)
_CHUNK = 2**25  # bytes of a mapped file in memory at once


class Source(ABC):
    """What a reader found, not split yet; each kind has its own.

    Attributes:
        kind: name of the kind that its items are of.
        name: of the set or file, for people.
    """

    kind: ClassVar[str]
    name: str

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
        )

    def joined(self) -> Dataset:
        """Return it with the validation items at the end of the training split as well."""
        return replace(
            self,
            train=np.concatenate([self.train, self.validation]),
            origin=(*self.origin, "trained on validation as well"),
            train_labels=joined((self.train_labels, self.validation_labels)),
        )


def order(count: int, seed: int, purpose: str) -> NDArray[np.intp]:
    """Return 0..count-1 in a random order, (count,), a function of its arguments alone.

    It sorts raw generator output, which NumPy promises to keep; `Generator.permutation` may
    change between releases, and every digest with it.
    """
    salt = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4])
    return np.argsort(PCG64([seed, salt]).random_raw(count), kind="stable")


def take(images: Images, index: NDArray[np.intp] | None) -> Images:
    """Return the images at `index`, (k,), in C order; all of them for None.

    What is taken from a mapped file becomes a copy, and no second one stays in memory.
    """
    if index is None:
        return np.ascontiguousarray(images)
    taken = np.empty((len(index), *images.shape[1:]), images.dtype)
    step = max(1, _CHUNK * len(images) // max(1, images.nbytes))
    for start in range(0, len(index), step):
        taken[start : start + step] = images[index[start : start + step]]
        release(images)
    return taken


def release(array: NDArray[Any]) -> None:
    """Let go of the pages of a mapped file that were read; they return from it when needed."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, mmap.mmap) and not array.flags.writeable
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def take_labels(labels: Labels | None, index: NDArray[np.intp] | None) -> Labels | None:
    """Return the labels at `index`, (k,); all of them for None."""
    return labels if labels is None or index is None else labels[index]


def joined(labels: Sequence[Labels | None]) -> Labels | None:
    """Return the labels of several parts as one array, (n,); None if any part has none."""
    known = [part for part in labels if part is not None]
    return np.concatenate(known) if len(known) == len(labels) else None


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
