"""The Keras builder: from layer plan to a model of standard layers only.

What is built is the plan, layer by layer under the plan's names, so a saved model reloads with
Keras alone and its parameter count is the one that the limits were checked on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from evoae.models.layers import Kind, LayerRecord, Shape
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


def _transposed(layer: LayerRecord, site: _Site) -> Any:
    return keras.layers.Conv2DTranspose(
        layer.shape[-1],
        layer.kernel,
        strides=layer.stride,
        padding="same",
        activation=layer.activation,
        kernel_initializer=keras.initializers.GlorotUniform(site.seed),
        name=layer.name,
    )


def _conv(layer: LayerRecord, site: _Site) -> Any:
    return keras.layers.Conv2D(
        layer.shape[-1],
        layer.kernel,
        strides=layer.stride,
        padding="same",
        activation=layer.activation,
        kernel_initializer=keras.initializers.GlorotUniform(site.seed),
        name=layer.name,
    )


def _dense(layer: LayerRecord, site: _Site) -> Any:
    return keras.layers.Dense(
        layer.shape[-1],
        activation=layer.activation,
        kernel_initializer=keras.initializers.GlorotUniform(site.seed),
        name=layer.name,
    )


def _crop(layer: LayerRecord, site: _Site) -> Any:
    bottom, right = site.entry[0] - layer.shape[0], site.entry[1] - layer.shape[1]
    return keras.layers.Cropping2D(((0, bottom), (0, right)), name=layer.name)


_LAYERS: dict[Kind, Callable[[LayerRecord, _Site], Any]] = {
    "conv": _conv,
    "dense": _dense,
    "transposed": _transposed,
    "maxpool": lambda layer, _: keras.layers.MaxPooling2D(2, padding="same", name=layer.name),
    "avgpool": lambda layer, _: keras.layers.AveragePooling2D(2, padding="same", name=layer.name),
    "upsample": lambda layer, _: keras.layers.UpSampling2D(2, name=layer.name),
    "crop": _crop,
    "batchnorm": lambda layer, site: keras.layers.BatchNormalization(
        momentum=site.momentum, name=layer.name
    ),
    "dropout": lambda layer, site: keras.layers.Dropout(
        layer.rate, seed=site.seed, name=layer.name
    ),
    "add": lambda layer, _: keras.layers.Add(name=layer.name),
    "flatten": lambda layer, _: keras.layers.Flatten(name=layer.name),
    "activation": lambda layer, _: keras.layers.Activation(layer.activation, name=layer.name),
    "reshape": lambda layer, _: keras.layers.Reshape(layer.shape, name=layer.name),
}


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
        tensors = [tensor]
        for layer in layers:
            site = _Site(entry, seed_of[layer.name], batchnorm_momentum)
            given = [tensors[-3], tensors[-1]] if layer.kind == "add" else tensors[-1]
            tensors.append(_LAYERS[layer.kind](layer, site)(given))
            entry = layer.shape
        return tensors[-1]

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
