"""Items decoded on a grid of codes: between given items, or over a two-dimensional code."""

from __future__ import annotations

from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evoae.errors import UseError
from evoae.formatting import figure
from evoae.use.encode import encode
from evoae.use.items import choose_training
from evoae.use.model import Decoded, Floats, Model
from evoae.use.sample import random_codes

_MIDDLE = (1, 99)  # per cent: the range of codes that are not outliers


def interpolate(model: Model, inputs: Floats, *, steps: int = 8) -> Decoded:
    """Decode codes on straight lines between the codes of some items.

    Args:
        model: of whichever kind; a distribution over codes stands as its mean.
        inputs: (k, *input_shape) with k > 1. Two give one row, from the first to the second. Four
            give a square with them in its corners (top left, top right, bottom left, bottom
            right), mixed bilinearly. Any other number gives a row from each to the next.
        steps: columns, and rows of the square; at least 2.

    Raises:
        UseError: fewer than two items.
    """
    if len(inputs) < 2:
        raise UseError("interpolate", f"{len(inputs)} item", "name two or more")
    codes = model.encode(inputs).reshape(len(inputs), -1)
    return _between(model, codes, steps, f"straight lines between {len(inputs)} codes")


def interpolate_random(
    model: Model, count: int, *, steps: int = 8, seed: int = 0, data: str | None = None
) -> Decoded:
    """Decode codes on straight lines between `count` codes that are drawn as `sample` draws them.

    Args:
        model: of whichever kind.
        count: how many codes to draw; they are laid out as `interpolate` lays out items.
        steps: see `interpolate`.
        seed: of the draws.
        data: training items, if the model is a lone file without a prior.

    Raises:
        DataError: training items are needed and cannot be used.
        UseError: fewer than two codes; or a lone file is given no items, or they don't fit.
    """
    if count < 2:
        raise UseError("interpolate", f"{count} random code", "take two or more")
    training = None if model.variational else choose_training(model, data=data)
    codes, source = random_codes(model, count, np.random.default_rng(seed), training)
    return _between(model, codes, steps, f"straight lines between {count} codes from {source}")


def _between(model: Model, codes: Floats, steps: int, source: str) -> Decoded:
    """Decode lines between codes, (k, latent): a square of four, else from each to the next."""
    along = np.linspace(0, 1, steps, dtype=np.float32)[:, np.newaxis]
    rows = [left + along * (right - left) for left, right in pairwise(codes)]
    if len(codes) == 4:
        down = along[:, np.newaxis]
        grid = (1 - down) * rows[0] + down * rows[2]
    else:
        grid = np.stack(rows)
    return _decoded(model, grid, source)


def manifold(
    model: Model,
    *,
    side: int = 20,
    data: str | None = None,
    span: tuple[float, float] | None = None,
) -> Decoded:
    """Decode a square grid over a two-dimensional code; the first number grows to the right.

    Of a variational autoencoder the grid lies at equal steps of probability of the prior, as in
    figure 4 of Kingma and Welling (2014, arXiv 1312.6114); of another it spans evenly the middle
    98 per cent of training codes in either direction.

    Args:
        model: with two numbers in its code.
        side: rows, and columns.
        data: training items, if the model is a lone file without a prior.
        span: lowest and highest number of the code in either direction, at even steps, in place of
            the above; of a variational autoencoder these are deviations of the prior.

    Raises:
        DataError: training items are needed and cannot be used.
        UseError: the code has another size, or lies in 0..1 and `span` does not; or a lone file is
            given no items, or they don't fit.
    """
    if model.latent != 2:
        raise UseError(
            model.name,
            f"its code has {model.latent:,} numbers, and only two can be drawn as a plane",
            "'evoae interpolate' goes between items of any code",
        )
    if span is not None:
        if model.bounded and not (span[0] >= 0 and span[1] <= 1):
            step = "take a range within 0,1"
            raise UseError(model.name, "its codes are those of a sigmoid, within 0..1", step)
        axes = np.tile(np.linspace(*span, side), (2, 1))
        source = f"even steps from {figure(span[0])} to {figure(span[1])}"
    elif model.variational:
        steps = [NormalDist().inv_cdf((number + 0.5) / side) for number in range(side)]
        axes = np.array([steps, steps])
        source = "quantiles of the prior N(0, I)"
    else:
        codes = encode(model, training := choose_training(model, data=data))
        low, high = np.percentile(codes, _MIDDLE, axis=0)
        axes = np.linspace(low, high, side, axis=1)
        source = f"the middle 98 per cent of the codes of {len(training):,} training items"
    across, up = np.meshgrid(axes[0], axes[1][::-1])
    return _decoded(model, np.stack([across, up], axis=-1), source)


def _decoded(model: Model, codes: NDArray[np.floating], source: str) -> Decoded:
    exact = codes.astype(np.float32)
    values, clipped = model.kind.clip(model.decode_all(exact))
    return Decoded(exact, values.reshape(*codes.shape[:2], *model.input_shape), source, clipped)
