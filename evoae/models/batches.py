"""How many items may pass through a trained network at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_MOST_ITEMS = 256
_MOST_VALUES = 2**25  # of one layer's output: 128 MiB


def items_at_once(model: keras.Model) -> int:
    """Return how many items of an autoencoder keep every layer's output below 128 MiB."""
    layers = [*model.get_layer("encoder").layers, *model.get_layer("decoder").layers]
    largest: int = max(math.prod(layer.output.shape[1:]) for layer in layers)
    return max(1, min(_MOST_ITEMS, _MOST_VALUES // largest))


def batches(array: NDArray[np.float32], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield `array`, (n, …), in pieces (at most `size`, …)."""
    for start in range(0, len(array), size):
        yield array[start : start + size]
