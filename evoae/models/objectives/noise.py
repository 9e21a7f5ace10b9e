"""Random numbers: fresh ones for training, and ones that an image's number decides.

The latter come from a hash, SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), because TensorFlow's generators fill a whole batch from one seed.
On one CPU core, a call of them per image takes 28 microseconds an image for 784 normal numbers and
18 for the 20 of a table row, longer than a small network; the hash takes 4 and 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf

_GOLDEN = 0x9E3779B97F4A7C15  # SplitMix64 steps by it: odd, and 2^64 over the golden ratio
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_UNIT = 2.0**-24  # between two of the float32 numbers that a uniform draw gives


class AbstractNoise(ABC):
    """Random numbers for a batch of images."""

    @abstractmethod
    def uniform(self, like: Any, numbers: Any) -> Any:
        """Return numbers of [0, 1).

        Args:
            like: (n, ...), what the result is shaped like; all axes but the first are known.
            numbers: (n,), int32, of the images.
        """

    @abstractmethod
    def normal(self, like: Any, numbers: Any) -> Any:
        """Return numbers of N(0, 1); the arguments are those of `uniform`."""


@final
class FreshNoise(AbstractNoise):
    """New numbers at every call, equal for equal seeds.

    Args:
        seed: of the noise, `Task.noise_seed`.
        purpose: a word; different purposes draw different numbers from one seed.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._seeds = keras.random.SeedGenerator(_key(seed, purpose) % 2**31)

    def uniform(self, like: Any, numbers: Any) -> Any:  # noqa: ARG002 - the other noise needs them
        """Return numbers of [0, 1)."""
        return keras.random.uniform(keras.ops.shape(like), seed=self._seeds)

    def normal(self, like: Any, numbers: Any) -> Any:  # noqa: ARG002
        """Return numbers of N(0, 1)."""
        return keras.random.normal(keras.ops.shape(like), seed=self._seeds)


@final
class NumberedNoise(AbstractNoise):
    """For each image always the same numbers: seed, purpose and image number decide them.

    Args:
        seed: of the noise, `Task.noise_seed`.
        purpose: a word; different purposes draw different numbers from one seed.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._key = _key(seed, purpose)

    def uniform(self, like: Any, numbers: Any) -> Any:
        """Return numbers of [0, 1)."""
        return _shaped(like, *self._pairs(like, numbers))

    def normal(self, like: Any, numbers: Any) -> Any:
        """Return numbers of N(0, 1) (Box and Muller 1958)."""
        one, other = self._pairs(like, numbers)
        radius = tf.sqrt(-2 * tf.math.log(one + _UNIT / 2))  # never the logarithm of 0
        angle = 2 * math.pi * other
        return _shaped(like, radius * tf.cos(angle), radius * tf.sin(angle))

    def _pairs(self, like: Any, numbers: Any) -> tuple[Any, Any]:
        """Return two arrays (n, half of an image's size, rounded up), uniform in [0, 1)."""
        half = -(-math.prod(like.shape[1:]) // 2)
        starts = _mixed(tf.cast(numbers, tf.uint64) * _word(_GOLDEN) + _word(self._key))
        steps = np.arange(1, half + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
        bits = _mixed(starts[:, tf.newaxis] + tf.constant(steps))
        low = tf.bitwise.bitwise_and(bits, _word(2**24 - 1))
        high = tf.bitwise.right_shift(bits, _word(40))
        return tf.cast(low, tf.float32) * _UNIT, tf.cast(high, tf.float32) * _UNIT


def _key(seed: int, purpose: str) -> int:
    return int(np.random.SeedSequence([seed, *purpose.encode()]).generate_state(1, np.uint64)[0])


def _word(number: int) -> Any:
    return tf.constant(number, tf.uint64)


def _mixed(words: Any) -> Any:
    for shift, factor in _STEPS:
        words = _folded(words, shift) * _word(factor)
    return _folded(words, 31)


def _folded(words: Any, shift: int) -> Any:
    return tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _word(shift)))


def _shaped(like: Any, one: Any, other: Any) -> Any:
    """Put two halves together into the shape of `like`."""
    size = math.prod(like.shape[1:])
    return tf.reshape(tf.concat([one, other], axis=1)[:, :size], (-1, *like.shape[1:]))
