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
from evoae.formatting import figure
from evoae.models.batches import batches
from evoae.use.encode import encode
from evoae.use.items import Items, choose_training
from evoae.use.model import Decoded, Floats, Model

How = Literal["mean", "mode", "sample"]

_WIDTH = {True: 1.0, False: 0.25}  # around an item's code, of a variational model and of others
_MOST_VALUES = 2**26  # of training codes in memory at once


def sample(
    model: Model,
    count: int,
    *,
    how: How = "mean",
    seed: int = 0,
    data: str | None = None,
    near: Floats | None = None,
    width: float | None = None,
) -> Decoded:
    """Draw `count` new items; equal seeds draw equal ones.

    Args:
        model: that decodes them.
        count: how many.
        how: what to take of the distribution over items that a decoded code stands for: its mean,
            its mode, or one draw. With `bce` it is Bernoulli; with `mse` Gaussian, with `mae`
            Laplace, around what is decoded, each value as wide as its `residuals`. Of the inputs
            that are a category's, the mode is the largest, and a draw takes each as often as what
            is decoded says.
        seed: of all draws.
        data: training items, if the model is a lone file.
        near: (1, *input_shape), an item around whose code to draw; None to draw from where the
            codes of all items lie.
        width: of the draws around the code of `near`: times the deviations of its posterior, 1 if
            not told; without one, times those of training codes, 0.25 if not told.

    Raises:
        DataError: training items are needed and cannot be used.
        UseError: a lone file is given none, or they don't fit.
    """
    rng = np.random.default_rng(seed)
    needed = not model.variational or (how == "sample" and model.loss != "bce")
    training = choose_training(model, data=data) if needed else None
    if near is None:
        codes, source = random_codes(model, count, rng, training)
    else:
        codes, source = codes_near(model, near, count, rng, width, training)
    values = model.decode_all(codes)
    if how != "mean":
        scale = None if training is None or how == "mode" else residuals(model, training, rng)
        values = _taken(values, how, model, scale, rng)
    values, clipped = model.kind.clip(values)
    return Decoded(codes, values, source, clipped)


def random_codes(
    model: Model, count: int, rng: np.random.Generator, training: Items | None = None
) -> tuple[Floats, str]:
    """Draw codes, (count, latent), and say from where.

    Args:
        model: whose codes they are.
        count: how many.
        rng: that draws.
        training: items that a model without a prior was trained on; None with one.

    Raises:
        UseError: there are fewer than two of them.
    """
    if model.variational:
        drawn = rng.standard_normal((count, model.latent))
        return drawn.astype(np.float32), "the prior N(0, I)"
    assert training is not None
    mean, factor, fitted = _gaussian(model, training)
    codes = mean + rng.standard_normal((count, len(factor))) @ factor
    return _within(model, codes, f"a Gaussian fitted to the codes of {fitted:,} training items")


def codes_near(
    model: Model,
    item: Floats,
    count: int,
    rng: np.random.Generator,
    width: float | None = None,
    training: Items | None = None,
) -> tuple[Floats, str]:
    """Draw codes, (count, latent), around that of one item, and say from where.

    Args:
        model: whose codes they are.
        item: (1, *input_shape).
        count: how many.
        rng: that draws.
        width: see `sample`.
        training: see `random_codes`.

    Raises:
        UseError: there are fewer than two training items.
    """
    code = model.encode(item).reshape(1, -1).astype(np.float64)
    times = _WIDTH[model.variational] if width is None else width
    if model.variational:
        copies = np.broadcast_to(item, (count, *item.shape[1:]))
        drawn = np.concatenate(
            [model.draw_codes(part, rng) for part in batches(copies, model.batch)]
        )
        source = "its posterior" + ("" if times == 1 else f", {figure(times)} times as wide")
        return (code + times * (drawn - code)).astype(np.float32), source
    assert training is not None
    _, factor, fitted = _gaussian(model, training)
    codes = code + times * (rng.standard_normal((count, len(factor))) @ factor)
    source = (
        f"a Gaussian {figure(times)} times as wide as that of the codes of {fitted:,} training"
    )
    return _within(model, codes, f"{source} items")


def _within(model: Model, codes: NDArray[np.float64], source: str) -> tuple[Floats, str]:
    """Keep codes of a sigmoid within 0..1, and say so."""
    if model.bounded:
        codes, source = np.clip(codes, 0, 1), f"{source}, cut to 0..1"
    return codes.astype(np.float32), source


def residuals(model: Model, items: Items, rng: np.random.Generator) -> Floats:
    """Return how far `items` lie from their copies, (*input_shape).

    The root of the mean square of each value's residuals, or with `mae` their mean size: the scale
    of a Gaussian, or a Laplace distribution, around what is decoded. A variational autoencoder's
    copies are those of one drawn code each, as its likelihood is.
    """
    total = np.zeros(model.input_shape)
    power = 1 if model.loss == "mae" else 2
    for batch in items.batches(model.batch):
        copies = model.decode(model.draw_codes(batch, rng))
        total += (np.abs(batch - copies).astype(np.float64) ** power).sum(axis=0)
    return np.asarray((total / len(items)) ** (1 / power), np.float32)


def _gaussian(
    model: Model, training: Items
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Fit a Gaussian to the codes of training items.

    Returns:
        its mean, (d,); a factor, (k, d), that makes of k standard normal numbers a deviation from
        it; and of how many items it is.
    """
    codes = encode(model, training.first(max(2, _MOST_VALUES // model.latent)))
    if len(codes) < 2:
        raise UseError("sample", f"{len(codes)} training item", "a Gaussian needs two or more")
    mean = codes.mean(axis=0, dtype=np.float64)
    # R of the QR decomposition: R'R is the scatter matrix, which need not be formed or have an
    # inverse, however large a flattened feature map is.
    factor = np.linalg.qr(codes - mean, mode="r") / np.sqrt(len(codes) - 1)
    return mean, factor, len(codes)


def _taken(
    means: Floats, how: How, model: Model, scale: Floats | None, rng: np.random.Generator
) -> Floats:
    """Return the mode of, or a draw from, the distributions around `means`, (n, *shape)."""
    if model.loss == "bce":
        threshold = 0.5 if how == "mode" else rng.random(means.shape)
        return (means > threshold).astype(np.float32)
    taken = means.copy()
    if scale is not None:
        draw = rng.laplace if model.loss == "mae" else rng.normal
        taken += (scale * draw(size=means.shape)).astype(np.float32)
    for part in model.kind.choices():
        chosen = _category(means[..., part], None if how == "mode" else rng)
        taken[..., part] = np.eye(means[..., part].shape[-1], dtype=np.float32)[chosen]
    return taken


def _category(outputs: Floats, rng: np.random.Generator | None) -> NDArray[np.intp]:
    """Return one of k categories for each of (n, k) outputs: at random by them, or the largest.

    A network that is trained with the squared error on zeros and ones says how likely each is;
    what it says below 0 is as never.
    """
    largest: NDArray[np.intp] = outputs.argmax(axis=-1)
    if rng is None:
        return largest
    likely = np.maximum(outputs, 0, dtype=np.float64)
    total = likely.sum(axis=-1, keepdims=True)
    edges = np.cumsum(np.divide(likely, total, where=total > 0, out=0 * likely), axis=-1)
    chosen = (edges <= rng.random(total.shape)).sum(axis=-1)
    # No output above 0, or a last edge that rounding has left below 1.
    return np.where(chosen == outputs.shape[-1], largest, chosen)
