"""From a configuration to its objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evoae.config.schema import ObjectiveConfig

if TYPE_CHECKING:
    from evoae.models.objectives.base import AbstractObjective


def objective_for(config: ObjectiveConfig, seed: int, *, bounded: bool) -> AbstractObjective:
    """Make an objective for one training. Loads TensorFlow.

    Args:
        config: any.
        seed: of all its noise; non-negative.
        bounded: whether inputs lie in 0..1, so that corrupted ones must as well.
    """
    from evoae.models.objectives.corruption import Corruption

    match config.kind:
        case "reconstruction":
            from evoae.models.objectives.reconstruction import Reconstruction

            return Reconstruction(config)
        case "denoising":
            from evoae.models.objectives.denoising import Denoising

            return Denoising(config, Corruption(config, seed, bounded=bounded))
        case "sparse":
            from evoae.models.objectives.sparse import Sparse

            return Sparse(config, Corruption(config, seed, bounded=bounded))
        case "contractive":
            from evoae.models.objectives.contractive import Contractive

            return Contractive(config)
        case "variational":
            from evoae.models.objectives.variational import Variational

            return Variational(config, seed, Corruption(config, seed, bounded=bounded))
