"""New items: codes drawn at random, decoded.

A variational autoencoder's codes have the prior N(0, I) (Kingma and Welling 2014, "Auto-encoding
variational Bayes", arXiv 1312.6114). Other codes have no prior; a Gaussian of the mean and the
covariance of training codes stands in for one (Ghosh et al. 2020, "From variational to
deterministic autoencoders", arXiv 1903.12436).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evoae.errors import UseError
from evoae.use.encode import encode
from evoae.use.items import Items, choose_training
from evoae.use.model import Decoded, Floats, Loss, Model

How = Literal["mean", "mode", "sample"]

SUFFIXES = (".png", ".npz", ".csv")
_MOST_VALUES = 2**26  # of training codes in memory at once


def sample(
    model: Model, count: int, *, how: How = "mean", seed: int = 0, data: str | None = None
) -> Decoded:
    """Draw `count` new items; equal seeds draw equal ones.

    Args:
        model: that decodes them.
        count: how many.
        how: what to take of the distribution over items that a decoded code stands for: its mean,
            its mode, or one draw. With `bce` it is Bernoulli; with `mse` Gaussian, with `mae`
            Laplace, around what is decoded, each value as wide as its `residuals`.
        seed: of all draws.
        data: training items, if the model is a lone file.

    Raises:
        DataError: training items are needed and cannot be used.
        UseError: a lone file is given none, or they don't fit.
    """
    rng = np.random.default_rng(seed)
    needed = not model.variational or (how == "sample" and model.loss != "bce")
    training = choose_training(model, data=data) if needed else None
    if model.variational:
        codes, source = rng.standard_normal((count, model.latent)), "the prior N(0, I)"
    else:
        assert training is not None
        known = training.first(max(2, _MOST_VALUES // model.latent))
        codes = _gaussian_like(encode(model, known), count, rng)
        source = f"a Gaussian fitted to the codes of {len(known):,} training items"
        if model.bounded:
            codes, source = np.clip(codes, 0, 1), f"{source}, cut to 0..1"
    drawn = codes.astype(np.float32)
    values = model.decode_all(drawn)
    if how != "mean":
        scale = None if training is None or how == "mode" else residuals(model, training, rng)
        values = _taken(values, how, model.loss, scale, rng)
    return Decoded(drawn, values, source)


def residuals(model: Model, items: Items, rng: np.random.Generator) -> Floats:
    """Return how far `items` lie from their copies, (*input_shape).

    The root of the mean square of each value's residuals, or with `mae` their mean size: the scale
    of a Gaussian, or a Laplace distribution, around what is decoded. A variational autoencoder's
    copies are those of one drawn code each, as its likelihood is.
    """
    total = np.zeros(model.input_shape)
    power = 1 if model.loss == "mae" else 2
    for batch in items.batches(model.batch):
        copies = model.decode(_drawn_codes(model, batch, rng))
        total += (np.abs(batch - copies).astype(np.float64) ** power).sum(axis=0)
    return np.asarray((total / len(items)) ** (1 / power), np.float32)


def _drawn_codes(model: Model, inputs: Floats, rng: np.random.Generator) -> Floats:
    """Return a code (n, *code_shape) of each item: one draw, where it has a distribution."""
    if not model.variational:
        return model.encode(inputs)
    from evoae.models.objectives.variational import sample as drawn

    posterior = model.encoder(inputs, training=False)
    noise = rng.standard_normal(posterior[0].shape, np.float32)
    return np.asarray(drawn(posterior, noise))


def _gaussian_like(codes: Floats, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw from the Gaussian of the mean and covariance of `codes`, (n, d) with n > 1."""
    if len(codes) < 2:
        raise UseError("sample", f"{len(codes)} training item", "a Gaussian needs two or more")
    mean = codes.mean(axis=0, dtype=np.float64)
    # R of the QR decomposition: R'R is the scatter matrix, which need not be formed or have an
    # inverse, however large a flattened feature map is.
    factor = np.linalg.qr(codes - mean, mode="r") / np.sqrt(len(codes) - 1)
    return np.asarray(mean + rng.standard_normal((count, len(factor))) @ factor)


def _taken(
    means: Floats, how: How, loss: Loss, scale: Floats | None, rng: np.random.Generator
) -> Floats:
    """Return the mode of, or a draw from, the distributions around `means`, (n, *shape)."""
    if loss == "bce":
        threshold = 0.5 if how == "mode" else rng.random(means.shape)
        return (means > threshold).astype(np.float32)
    if scale is None:
        return means
    draw = rng.laplace if loss == "mae" else rng.normal
    return (means + scale * draw(size=means.shape)).astype(np.float32)
