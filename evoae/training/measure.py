"""The metrics of a trained model on images that it may never have seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evoae.data.arrays import Images
from evoae.data.dataset import AbstractKind
from evoae.models.batches import items_at_once
from evoae.training.base import scaled

if TYPE_CHECKING:
    import keras

    from evoae.models.objectives.base import AbstractObjective


def measured(
    model: keras.Model, objective: AbstractObjective, parts: Sequence[Images], kind: AbstractKind
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

    def metrics(images: Any, numbers: Any) -> Mapping[str, Any]:
        import tensorflow as tf

        rebuilt = model(images, training=False)
        error = {"mse": tf.reduce_mean(tf.square(images - rebuilt))}
        return objective.metrics(model, images, numbers) | error | kind.quality(images, rebuilt)

    return mean_metrics(metrics, parts, items_at_once(model))


def mean_metrics(
    metrics: Callable[[Any, Any], Mapping[str, Any]], parts: Sequence[Images], size: int
) -> dict[str, float]:
    """Return means over images.

    Args:
        metrics: of a batch in 0..1, (n, *input_shape), and the numbers of its images, (n,).
        parts: as in `measured`.
        size: images in a batch.
    """
    sums: dict[str, float] = defaultdict(float)
    count = 0
    for images in parts:
        for start in range(0, len(images), size):
            batch = scaled(np.asarray(images[start : start + size]))
            numbers = np.arange(count, count + len(batch), dtype=np.int32)
            for name, value in metrics(batch, numbers).items():
                sums[name] += float(value) * len(batch)
            count += len(batch)
    return {name: total / count for name, total in sums.items()}
