"""The metrics of a trained model on images that it may never have seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evoae.data.dataset import Images
from evoae.data.kinds.base import AbstractKind
from evoae.models.batches import items_at_once
from evoae.training.base import scaled

if TYPE_CHECKING:
    import keras

    from evoae.models.objectives.base import AbstractObjective


def measured(
    model: keras.Model,
    objective: AbstractObjective,
    parts: Sequence[Images],
    kind: AbstractKind,
) -> dict[str, float]:
    """Return the objective's metrics, and how good the rebuilt images are.

    Args:
        model: the autoencoder.
        objective: whose metrics are wanted; its noise is that of the seed it was made with.
        parts: (n_i, *input_shape) each, as in `Dataset`; numbered through.
        kind: of the images, or whatever they are.

    Returns:
        means over the images: the objective's own metrics; `mse` per input number of what the
        model makes of the unaltered images; and its kind's, such as `psnr` and `ssim`.
    """
    import tensorflow as tf

    size, count = items_at_once(model), 0
    sums: dict[str, float] = {}
    for images in parts:
        for start in range(0, len(images), size):
            batch = scaled(np.asarray(images[start : start + size]))
            numbers = np.arange(count, count + len(batch), dtype=np.int32)
            metrics = objective.metrics(model, batch, numbers)
            rebuilt = model(batch, training=False)
            metrics |= {"mse": tf.reduce_mean(tf.square(batch - rebuilt))}
            for name, figure in (metrics | kind.quality(batch, rebuilt)).items():
                sums[name] = sums.get(name, 0.0) + float(figure) * len(batch)
            count += len(batch)
    return {name: total / count for name, total in sums.items()}
