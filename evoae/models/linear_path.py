"""The start of a linear path: principal component analysis.

With its two linear maps at PCA and the network's last layers at 0, a network begins as PCA of its
latent size, the best of all linear autoencoders (Baldi and Hornik, "Neural networks and principal
component analysis", 1989).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


def start_from(
    model: keras.Model, mean: NDArray[np.float32], components: NDArray[np.float32]
) -> None:
    """Give the linear path of `model` its first weights.

    Args:
        model: as `build` makes it, with a linear path.
        mean: (d,), of the training split.
        components: (k, d), orthonormal, by falling variance. Numbers of the code beyond k start
            with weights of 0.
    """
    into = model.get_layer("encoder").get_layer("linear_code")
    onto = model.get_layer("decoder").get_layer("linear_head")
    axes = np.zeros((into.units, mean.size), np.float32)
    axes[: len(components)] = components[: into.units]
    into.set_weights([axes.T, -axes @ mean])
    onto.set_weights([axes, mean])
