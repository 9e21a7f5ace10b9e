"""Hand-made autoencoders of every kind, to use without a search."""

from pathlib import Path

import numpy as np

from evoae.data.kinds.registry import kind_of
from evoae.use.model import Model

SHAPE = (9, 7, 2)


def images(count, seed=0, shape=SHAPE):
    return np.random.default_rng(seed).random((count, *shape), np.float32)


def image_autoencoder(*, latent=3, posterior=None, activation="gelu", code=None, seed=1):
    """A small network with odd sides, strides, normalisation and dropout."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    entry = keras.Input(SHAPE, name="encoder_input")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation=activation)(entry)
    x = layers.AveragePooling2D(2, padding="same")(layers.BatchNormalization()(x))
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    outputs = {
        None: lambda: layers.Dense(latent, activation=code, name="code")(x),
        "diagonal": lambda: [layers.Dense(latent, name=name)(x) for name in ("mean", "log_var")],
        "full": lambda: [
            *(layers.Dense(latent, name=name)(x) for name in ("mean", "log_var")),
            layers.Dense(latent * (latent - 1) // 2, name="lower")(x),
        ],
    }[posterior]()
    encoder = keras.Model(entry, outputs, name="encoder")
    start = keras.Input((latent,), name="decoder_input")
    x = layers.Reshape((3, 2, 4))(layers.Dense(24, activation=activation)(start))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation=activation)(x)
    x = layers.Cropping2D(((0, 1), (0, 0)))(x)
    x = layers.Cropping2D(((0, 1), (0, 1)))(layers.UpSampling2D(2)(x))
    x = layers.Conv2D(2, 3, padding="same", activation="sigmoid")(x)
    return joined(encoder, keras.Model(start, x, name="decoder"))


def dense_autoencoder(features, latent, *, posterior=False, weights=None):
    """Linear: x @ W to the code, code @ V back; `weights` are (W, V), or random."""
    import keras

    layers = keras.layers
    entry = keras.Input((features,), name="encoder_input")
    outputs = layers.Dense(latent, use_bias=False, name="code")(entry)
    if posterior:
        outputs = [outputs, layers.Dense(latent, name="log_var")(entry)]
    encoder = keras.Model(entry, outputs, name="encoder")
    start = keras.Input((latent,), name="decoder_input")
    decoder = keras.Model(start, layers.Dense(features, use_bias=False)(start), name="decoder")
    model = joined(encoder, decoder)
    if weights is not None:
        into, back = weights
        encoder.get_layer("code").set_weights([into])
        decoder.layers[-1].set_weights([back])
    return model


def joined(encoder, decoder):
    import keras

    entry = keras.Input(encoder.input_shape[1:], name="images")
    code = encoder(entry)
    mean = code[0] if isinstance(code, (list, tuple)) else code
    return keras.Model(entry, decoder(mean), name="autoencoder")


def lone(autoencoder, kind=None, **known):
    """The network as `open_model` returns one."""
    kind = kind or kind_of(autoencoder.input_shape[1:])
    return Model("a network", Path("network.keras"), autoencoder, kind, **known)
