"""How far a rebuilt image is from what it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

_ERRORS: dict[str, Callable[[Any, Any], Any]] = {
    "mse": lambda images, output: keras.ops.square(images - output),
    "mae": lambda images, output: keras.ops.abs(images - output),
    "bce": keras.ops.binary_crossentropy,
}


def mean_error(loss: str) -> Callable[[Any, Any], Any]:
    """Return the function (images, rebuilt images) -> mean error of an input number, a scalar.

    Args:
        loss: `mse`, `mae` or `bce`; the last one needs images and output in 0..1.
    """
    error = _ERRORS[loss]
    return lambda images, output: keras.ops.mean(error(images, output))
