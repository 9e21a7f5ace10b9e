"""Decoders computed in a faster way, for TensorFlow on a processor: equal but for rounding.

- A map that is doubled by repetition and then convolved has four equal pixels wherever it had one.
  Adding up the kernel's elements that meet them gives a transposed convolution of the small map,
  with a kernel larger by one and stride 2: 16 products a pixel instead of 36 for a 3×3 kernel, and
  no large map in between.
- A convolution to 1 channel, such as the head, and its kernel's gradient take as long as one to
  16: vectors are filled with output channels. Here a 1×1 convolution gives a map for each element
  of the kernel, and a constant kernel shifts the maps into place and adds them up. A transposed
  one that is the head takes 40% less time so, for 64 filters and a 4x4 kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from evoae.models.layers import is_beside

_WORTH = 16  # filters for each channel from which two steps are faster than one; a quarter, if
#              the output has four pixels for each of the input


@contextmanager
def rewritten(model: keras.Model) -> Iterator[None]:
    """Let the decoder of `model` compute so in what is traced meanwhile.

    Its layers get other methods for a while, and what is saved is the model that was built. Where
    there is a GPU, nothing changes. `call` and `convolution_op` are how Keras computes a layer; a
    test says when a new Keras computes it otherwise.

    Args:
        model: as `build` makes it.
    """
    gpu = tf.config.list_physical_devices("GPU")
    methods = [] if gpu else list(_methods(_of_network(model)))
    for layer, name, method in methods:
        setattr(layer, name, method)
    try:
        yield
    finally:
        for layer, name, _ in methods:
            delattr(layer, name)  # the method of its class comes to light again


def _of_network(model: keras.Model) -> list[Any]:
    """Return the decoder's layers but for the linear path's, which Keras lists in between."""
    layers = model.get_layer("decoder").layers
    return [layer for layer in layers if not is_beside(layer.name)]


def _methods(layers: list[Any]) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Yield each layer that is faster in another way, the name of its method, and that way."""
    for before, layer in pairwise(layers):
        if isinstance(layer, keras.layers.Conv2DTranspose) and _gains(layer):
            yield layer, "call", partial(_called, layer)
        if type(layer) is not keras.layers.Conv2D:
            continue
        if isinstance(before, keras.layers.UpSampling2D) and _readers(before, layers) == 1:
            yield before, "call", lambda images: images
            yield layer, "convolution_op", _with(layer.kernel.value, _of_doubled)
        elif layer.name == "head":
            yield layer, "convolution_op", _with(layer.kernel.value, _of_single)


def _gains(layer: Any) -> bool:
    """Tell whether a transposed convolution is faster in two steps."""
    *sides, channels, filters = layer.kernel.shape
    return bool(channels == 1 and filters >= _WORTH and min(sides) >= layer.strides[0] == 2)


def _called(layer: Any, images: Any) -> Any:
    """Return the output of a transposed convolution with stride 2, in two steps."""
    kernel = tf.cast(tf.convert_to_tensor(layer.kernel.value), images.dtype)
    output = _in_two_steps(images, kernel, 2)
    return layer.activation(output + tf.cast(tf.convert_to_tensor(layer.bias), output.dtype))


def _readers(layer: Any, layers: list[Any]) -> int:
    """Return how many layers are given what `layer` puts out; two if a residual block is."""
    given = [each for other in layers for each in keras.tree.flatten(other.input)]
    return sum(each is layer.output for each in given)


def _with(kernel: Any, convolve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a layer's convolution that takes the kernel itself, not one cast to the images' type.

    So that sums of its elements are rounded to that type once.
    """
    return lambda images, _: convolve(images, tf.convert_to_tensor(kernel))


def _of_single(images: Any, kernel: Any) -> Any:
    """Convolve images (n, height, width, filters) with stride 1 and `same` padding."""
    return _transposed(images, tf.cast(_backwards(kernel), images.dtype), 1)


def _of_doubled(images: Any, kernel: Any) -> Any:
    """Double images (n, height, width, filters) by repetition, then convolve them likewise."""
    larger = _backwards(kernel)
    for axis in (0, 1):
        larger = _padded(larger, axis, before=0) + _padded(larger, axis, before=1)
    return _transposed(images, tf.cast(larger, images.dtype), 2)


def _backwards(kernel: Any) -> Any:
    """Turn a kernel (height, width, a, b) by half a turn into (height, width, b, a).

    An even side gets a row or column of zeros, so that it has a middle: TensorFlow's fast kernels
    know no other padding than `same`.
    """
    turned = tf.transpose(tf.reverse(kernel, (0, 1)), (0, 1, 3, 2))
    for axis in (0, 1):
        if turned.shape[axis] % 2 == 0:
            turned = _padded(turned, axis, before=0)
    return turned


def _padded(kernel: Any, axis: int, *, before: int) -> Any:
    """Add a row or column of zeros at the start of `axis`, or at its end."""
    pads = [[0, 0]] * len(kernel.shape)
    pads[axis] = [before, 1 - before]
    return tf.pad(kernel, pads)


def _transposed(images: Any, kernel: Any, stride: int) -> Any:
    """Convolve back with `same` padding.

    Args:
        images: (n, height, width, filters).
        kernel: (height, width, channels, filters).
        stride: 1 or 2.

    Returns:
        (n, stride x height, stride x width, channels)
    """
    *_, channels, filters = kernel.shape
    if filters * stride**2 >= _WORTH * channels:
        return _in_two_steps(images, kernel, stride)
    _, height, width, _ = images.shape
    shape = (tf.shape(images)[0], stride * height, stride * width, channels)
    return tf.nn.conv2d_transpose(images, kernel, shape, stride, "SAME")


def _in_two_steps(images: Any, kernel: Any, stride: int) -> Any:
    """Convolve back: a map for each element of the kernel, then their sum."""
    *sides, channels, filters = kernel.shape
    maps = math.prod(sides) * channels
    single = tf.reshape(tf.transpose(kernel, (3, 0, 1, 2)), (1, 1, filters, maps))
    elements = tf.nn.conv2d(images, single, 1, "VALID")
    sums = tf.constant(_sums((sides[0], sides[1]), channels, stride), images.dtype)
    output = tf.nn.conv2d(elements, sums, 1, "SAME")
    return tf.nn.depth_to_space(output, 2) if stride == 2 else output


@cache
def _sums(sides: tuple[int, int], channels: int, stride: int) -> NDArray[np.float32]:
    """Return the kernel that adds up the maps of a transposed convolution.

    Args:
        sides: of its kernel.
        channels: of its output.
        stride: of its output, the pixels of which stand side by side in the result's channels.

    Returns:
        (height, width, maps, stride² x channels), ones and zeros; one 1 for each map
    """
    # Which pixel a map's goes to: so many further, and which of the stride.
    goals = [[divmod(t - (side - stride) // 2, stride) for t in range(side)] for side in sides]
    far = [max(abs(further) for further, _ in each) for each in goals]
    size = (2 * far[0] + 1, 2 * far[1] + 1)
    sums = np.zeros((*size, *sides, channels, stride, stride, channels), np.float32)
    for t, (down, row) in enumerate(goals[0]):
        for u, (right, column) in enumerate(goals[1]):
            at = (far[0] - down, far[1] - right, t, u, slice(None), row, column)
            sums[at] = np.eye(channels)
    return sums.reshape(*size, math.prod(sides) * channels, stride**2 * channels)
