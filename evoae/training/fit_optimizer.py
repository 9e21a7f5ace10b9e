"""The optimisers of the fast fit loop, written out.

Keras' own take as long to trace as the network, and TensorFlow's fused kernel of Adam rounds
1 - beta2, so that losses differ from those of `fit_keras` in the fifth digit. These do Keras'
arithmetic step by step.

Muon (K. Jordan et al. 2024; J. Liu et al., "Muon is scalable for LLM training", 2025, for the size
of a step) replaces a matrix' step by the nearest one whose singular values are all equal, so that
rare directions are learned as fast as common ones. A convolution's kernel counts as the matrix
(height x width x channels, filters); what is no matrix has steps of AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from evoae.config.schema import TrainingConfig
from evoae.training.base import steps_of

MUON_MOMENTUM = 0.95
_EPSILON = 1e-7
_SMALL = 2**16  # numbers of a weight that stands in a row with others
_ROUNDS = 5  # of Newton and Schulz
_QUINTIC = (3.4445, -4.7750, 2.0315)  # its coefficients, Keras' too


def as_matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Return rows and columns of a weight's matrix; of a kernel, columns are its filters."""
    *rows, columns = shape
    return math.prod(rows), columns


def is_matrix(shape: Sequence[int]) -> bool:
    """Tell whether Muon takes a weight: a matrix of more than one row, column and channel."""
    return len(shape) > 1 and min(*as_matrix(shape), shape[-2]) > 1


def rms(matrix: tuple[int, int]) -> float:
    """Return by what an orthogonal step is multiplied to be as large as one of Adam."""
    return 0.2 * math.sqrt(max(matrix))


def orthogonal(step: Any) -> Any:
    """Return about the nearest matrix of equal singular values, (rows, columns)."""
    wide = step if step.shape[0] <= step.shape[1] else tf.transpose(step)
    wide /= tf.norm(wide) + 1e-7
    a, b, c = _QUINTIC
    for _ in range(_ROUNDS):
        square = tf.matmul(wide, wide, transpose_b=True)
        wide = a * wide + tf.matmul(b * square + c * tf.matmul(square, square), wide)
    return wide if step.shape[0] <= step.shape[1] else tf.transpose(wide)


@dataclass(frozen=True, eq=False)
class _Row:
    """Weights that are stepped as one.

    Attributes:
        places: of the weights among all.
        weights: variables of any shapes.
        slots: what the optimiser remembers of them, all of them in one variable each.
        matrix: rows and columns of Muon's only weight; None for those of other optimisers.
    """

    places: Sequence[int]
    weights: Sequence[Any]
    slots: Sequence[Any]
    matrix: tuple[int, int] | None


class Optimizer:
    """Adam, AdamW, Muon, SGD with or without momentum, RMSprop and Adadelta.

    Sources: Kingma and Ba 2015, "Adam"; Loshchilov and Hutter 2019, "Decoupled weight decay
    regularization"; Hinton, lecture 6e of "Neural networks for machine learning", 2012, for
    RMSprop; Zeiler 2012, "ADADELTA". Of Muon, see above.

    With the constants of Keras, and the order of its operations. Small weights stand in a row: a
    dozen operations for each of them took a fifth of a small network's tracing. A large one
    stands alone, since putting it in a row means copies; so does a matrix of Muon's.

    Args:
        weights: the network's trainable ones.
        training: how; `epochs` is what the learning rate's schedule spans.
        images: that an epoch has.
    """

    def __init__(self, weights: Sequence[Any], training: TrainingConfig, images: int) -> None:
        self._training = training
        self._per_epoch, self._warmup, self._decay = steps_of(training, images)
        muon = training.optimizer == "muon"
        matrices = {n for n, weight in enumerate(weights) if muon and is_matrix(weight.shape)}

        def row(places: Sequence[int]) -> _Row:
            each = [weights[place] for place in places]
            zeros = tf.zeros(sum(weight.shape.num_elements() for weight in each))
            matrix = as_matrix(each[0].shape) if places[0] in matrices else None
            count = 1 if training.optimizer in ("sgd", "rmsprop") or matrix else 2
            return _Row(places, each, [tf.Variable(zeros) for _ in range(count)], matrix)

        sizes = [weight.shape.num_elements() for weight in weights]
        small = [n for n, size in enumerate(sizes) if size < _SMALL and n not in matrices]
        alone = sorted(set(range(len(weights))) - set(small))
        self._rows = [row(places) for places in (small, *([n] for n in alone)) if places]
        self._steps = tf.Variable(0.0)

    @property
    def epoch(self) -> Any:
        """Epochs trained so far, with the fraction."""
        return self._steps / self._per_epoch

    def apply(self, gradients: Sequence[Any]) -> None:
        """Take one step."""
        rate, steps = self._rate(), self._steps.assign_add(1.0)
        for row in self._rows:
            slopes = _in_a_row([gradients[place] for place in row.places])
            stepped = self._stepped(_in_a_row(row.weights), slopes, row, rate, steps)
            sizes = [weight.shape.num_elements() for weight in row.weights]
            for weight, value in zip(row.weights, tf.split(stepped, sizes), strict=True):
                weight.assign(tf.reshape(value, weight.shape))

    def _stepped(self, weights: Any, gradients: Any, row: _Row, rate: Any, steps: Any) -> Any:
        """Return weights in a row after a step."""
        if self._training.optimizer == "sgd":
            (first,) = row.slots
            return weights + first.assign(first * self._training.momentum - gradients * rate)
        if self._training.optimizer == "rmsprop":
            (square,) = row.slots
            mean = square.assign(0.9 * square + (1 - 0.9) * tf.square(gradients))
            return weights - rate * gradients / tf.sqrt(mean + _EPSILON)
        if self._training.optimizer == "adadelta":
            square, stepped = row.slots
            mean = square.assign(0.95 * square + (1 - 0.95) * tf.square(gradients))
            step = tf.sqrt(stepped + _EPSILON) * gradients / tf.sqrt(mean + _EPSILON)
            stepped.assign(0.95 * stepped + (1 - 0.95) * tf.square(step))
            return weights - rate * step
        if self._training.optimizer in ("adamw", "muon"):
            weights -= weights * self._training.weight_decay * rate
        if row.matrix is not None:
            (first,) = row.slots
            moment = first.assign_add(gradients + first * (MUON_MOMENTUM - 1))
            ahead = tf.reshape(gradients + MUON_MOMENTUM * moment, row.matrix)
            return weights - tf.reshape(rate * orthogonal(ahead) * rms(row.matrix), (-1,))
        rate = rate * tf.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        first, second = row.slots
        mean = first.assign_add((gradients - first) * (1 - 0.9))
        square = second.assign_add((tf.square(gradients) - second) * (1 - 0.999))
        return weights - mean * rate / (tf.sqrt(square) + _EPSILON)

    def _rate(self) -> Any:
        """Return the learning rate of the next step."""
        rate = self._training.learning_rate
        if self._training.schedule == "constant":
            return rate
        rising = rate * self._steps / max(1, self._warmup)
        share = tf.minimum(self._steps - self._warmup, self._decay) / self._decay
        falling = rate * 0.5 * (1 + tf.cos(np.pi * share))
        return tf.where(self._steps < self._warmup, rising, falling)


def _in_a_row(tensors: Sequence[Any]) -> Any:
    flat = [tf.reshape(tensor, (-1,)) for tensor in tensors]
    return tf.concat(flat, 0) if len(flat) > 1 else flat[0]
