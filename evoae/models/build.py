"""The Keras builder: from layer plan to a model of standard layers only.

What is built is the plan, layer by layer under the plan's names, so a saved model reloads with
Keras alone and its parameter count is the one that the limits were checked on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from evoae.models.layers import PART_INPUT, LayerRecord, Shape
from evoae.models.plan import Plan


@dataclass(frozen=True, slots=True)
class _Site:
    """What a layer needs besides its record.

    Attributes:
        entry: shape of the layer's input.
        seed: of the layer's start weights or dropped units; None to let Keras draw one.
        momentum: of batch normalisation's moving statistics.
    """

    entry: Shape
    seed: int | None
    momentum: float


def _weighted(layer: LayerRecord, site: _Site) -> dict[str, Any]:
    return {
        "activation": layer.activation,
        "kernel_initializer": (
            keras.initializers.Zeros()
            if layer.starts_at_zero
            else keras.initializers.GlorotUniform(site.seed)
        ),
    }


def _convolution(layer: LayerRecord, site: _Site) -> dict[str, Any]:
    return {
        "filters": layer.shape[-1],
        "kernel_size": layer.kernel,
        "strides": layer.stride,
        "padding": "same",
        **_weighted(layer, site),
    }


def _dense(layer: LayerRecord, site: _Site) -> dict[str, Any]:
    return {"units": layer.shape[-1], **_weighted(layer, site)}


def _crop(layer: LayerRecord, site: _Site) -> dict[str, Any]:
    bottom, right = site.entry[0] - layer.shape[0], site.entry[1] - layer.shape[1]
    return {"cropping": ((0, bottom), (0, right))}


_Settings = Callable[[LayerRecord, _Site], dict[str, Any]]
_POOLING: _Settings = lambda _, __: {"pool_size": 2, "padding": "same"}  # noqa: E731
# The class of `keras.layers` for each kind of layer, and its arguments but for the name.
_LAYERS: dict[str, tuple[str, _Settings]] = {
    "conv": ("Conv2D", _convolution),
    "dense": ("Dense", _dense),
    "transposed": ("Conv2DTranspose", _convolution),
    "maxpool": ("MaxPooling2D", _POOLING),
    "avgpool": ("AveragePooling2D", _POOLING),
    "upsample": ("UpSampling2D", lambda _, __: {"size": 2}),
    "crop": ("Cropping2D", _crop),
    "batchnorm": ("BatchNormalization", lambda _, site: {"momentum": site.momentum}),
    "dropout": ("Dropout", lambda layer, site: {"rate": layer.rate, "seed": site.seed}),
    "add": ("Add", lambda _, __: {}),
    "flatten": ("Flatten", lambda _, __: {}),
    "activation": ("Activation", lambda layer, _: {"activation": layer.activation}),
    "reshape": ("Reshape", lambda layer, _: {"target_shape": layer.shape}),
}


def _layer(layer: LayerRecord, site: _Site) -> Any:
    """Return the Keras layer; a kind that is no word of ours is the name of a class."""
    name, settings = _LAYERS.get(layer.kind, (layer.kind, lambda layer, _: layer.settings))
    keras_class = getattr(keras.layers, name)
    given = dict(settings(layer, site))
    if "seed" in inspect.signature(keras_class).parameters:
        given.setdefault("seed", site.seed)
    return keras_class(**given, name=layer.name)


def build(plan: Plan, *, batchnorm_momentum: float = 0.99, seed: int | None = None) -> keras.Model:
    """Build the network that `plan` describes.

    Args:
        plan: of any genome.
        batchnorm_momentum: of batch normalisation's moving statistics.
        seed: of the start weights and of dropout; None to let Keras draw them.

    Returns:
        The functional model `autoencoder`, inputs (n, *input_shape) to outputs of the same shape,
        made of two nested models, `encoder` and `decoder`. The encoder gives the code; where the
        plan has heads, a list of the code and each head's output, of which the decoder is given
        the code.
    """
    seeds: list[int | None] = [None] * len(plan.layers)
    if seed is not None:
        seeds = np.random.default_rng(seed).integers(2**31, size=len(plan.layers)).tolist()
    seed_of = {layer.name: seed for layer, seed in zip(plan.layers, seeds, strict=True)}

    def lay(layers: Sequence[LayerRecord], entry: Shape, tensor: Any) -> Any:
        last, tensors, shapes = PART_INPUT, {PART_INPUT: tensor}, {PART_INPUT: entry}
        for layer in layers:
            names = layer.inputs or (last,)
            site = _Site(shapes[names[0]], seed_of[layer.name], batchnorm_momentum)
            given = [tensors[name] for name in names]
            last = layer.name
            tensors[last] = _layer(layer, site)(given if len(given) > 1 else given[0])
            shapes[last] = layer.shape
        return tensors[last]

    images = keras.Input(plan.input_shape, name="encoder_input")
    if plan.heads:
        *before, last = plan.encoder
        features = lay(before, plan.input_shape, images)
        width = before[-1].shape if before else plan.input_shape
        outputs = [lay([layer], width, features) for layer in (last, *plan.heads)]
    else:
        outputs = lay(plan.encoder, plan.input_shape, images)
    encoder = keras.Model(images, outputs, name="encoder")
    code = keras.Input(plan.latent_shape, name="decoder_input")
    decoder = keras.Model(code, lay(plan.decoder, plan.latent_shape, code), name="decoder")
    images = keras.Input(plan.input_shape, name="images")
    codes = encoder(images)
    return keras.Model(images, decoder(codes[0] if plan.heads else codes), name="autoencoder")
