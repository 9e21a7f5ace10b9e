"""The optimisers of both fit loops: Keras' own, of which the fast loop traces few operations.

Muon (K. Jordan et al. 2024; J. Liu et al., "Muon is scalable for LLM training", 2025, for the size
of a step) replaces a matrix' step by the nearest one whose singular values are all equal, so that
rare directions are learned as fast as common ones. A convolution's kernel counts as the matrix
(height x width x channels, filters); what is no matrix has steps of AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf

from evoae.config.schema import TrainingConfig
from evoae.training.base import steps_of

_SMALL = 2**16  # numbers of a weight that stands in a row with others


class Muon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras is untyped
    """Keras' Muon, which leaves kernels of convolutions to Adam, for these as well.

    Its methods are no part of Keras' interface: a test says when a new Keras changes them.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return not is_matrix(variable.shape)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return about the nearest matrix of equal singular values, shaped as a kernel."""
        matrix = keras.ops.reshape(x, _as_matrix(x.shape))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return an orthogonal step as large as one of Adam."""
        return x * (0.2 * math.sqrt(max(_as_matrix(x.shape))))


@final
class _TracedMuon(Muon):
    """The same with fewer operations, which a graph of many steps is traced from."""

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return about the nearest matrix of equal singular values, shaped as a kernel."""
        rows, columns = shape = _as_matrix(x.shape)
        matrix = tf.reshape(x, shape)
        wide = matrix if rows <= columns else tf.transpose(matrix)
        wide /= tf.norm(wide) + 1e-7
        for _ in range(steps):
            square = tf.matmul(wide, wide, transpose_b=True)
            mixed = self.muon_b * square + self.muon_c * tf.matmul(square, square)
            wide = self.muon_a * wide + tf.matmul(mixed, wide)
        return tf.reshape(wide if rows <= columns else tf.transpose(wide), x.shape)


def keras_optimizer(training: TrainingConfig, rate: Any, muon: type[Muon] = Muon) -> Any:
    """Return Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), Muon or SGD.

    Args:
        training: says which.
        rate: the learning rate: a number, a schedule, or a function that returns the next step's.
        muon: the class of Muon.
    """
    decay = training.weight_decay
    match training.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=decay)
        case "muon":
            return muon(rate, weight_decay=decay, adam_weight_decay=decay, name="muon")
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9)


def is_matrix(shape: Sequence[int]) -> bool:
    """Tell whether Muon takes a weight: a matrix of more than one row, column and channel."""
    return len(shape) > 1 and min(*_as_matrix(shape), shape[-2]) > 1


def _as_matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Return rows and columns of a weight's matrix; of a kernel, columns are its filters."""
    *rows, columns = shape
    return math.prod(rows), columns


@final
class Optimizer:
    """Keras' optimiser with small weights in a row, stepped as one.

    A dozen operations for each of them took a fifth of a small network's tracing. A large one
    stands alone, since putting it in a row means copies; so does a matrix of Muon's.

    Args:
        weights: the network's trainable ones, Keras' variables.
        training: how; `epochs` is what the learning rate's schedule spans.
        images: that an epoch has.
    """

    def __init__(self, weights: Sequence[Any], training: TrainingConfig, images: int) -> None:
        self._training = training
        self._per_epoch, self._warmup, self._decay = steps_of(training, images)
        muon = training.optimizer == "muon"
        alone = [
            math.prod(weight.shape) >= _SMALL or (muon and is_matrix(weight.shape))
            for weight in weights
        ]
        self._small = [n for n in range(len(weights)) if not alone[n]]
        self._alone = [n for n in range(len(weights)) if alone[n]]
        self._members = [weights[n] for n in self._small]
        self._row = keras.Variable(_in_a_row(self._members), name="row")
        self._keras = keras_optimizer(training, self._rate, _TracedMuon)
        self._keras.build([self._row, *(weights[n] for n in self._alone)])

    @property
    def epoch(self) -> Any:
        """Epochs trained so far, with the fraction."""
        return self._steps / self._per_epoch

    @property
    def _steps(self) -> Any:
        return tf.cast(self._keras.iterations.value, tf.float32)

    def apply(self, gradients: Sequence[Any]) -> None:
        """Take one step."""
        row = _in_a_row([gradients[n] for n in self._small])
        self._keras.apply([row, *(gradients[n] for n in self._alone)])
        stepped = tf.split(self._row.value, [math.prod(weight.shape) for weight in self._members])
        for weight, value in zip(self._members, stepped, strict=True):
            weight.value.assign(tf.reshape(value, weight.shape))

    def _rate(self) -> Any:
        """Return the learning rate of the next step."""
        rate, steps = self._training.learning_rate, self._steps
        if self._training.schedule == "constant":
            return rate
        rising = rate * steps / max(1, self._warmup)
        share = tf.minimum(steps - self._warmup, self._decay) / self._decay
        falling = rate * 0.5 * (1 + tf.cos(np.pi * share))
        return tf.where(steps < self._warmup, rising, falling)


def _in_a_row(tensors: Sequence[Any]) -> Any:
    return tf.concat([tf.reshape(tensor, (-1,)) for tensor in tensors], 0)
