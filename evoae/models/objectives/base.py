"""The interface of objectives, and the metrics that each reports.

Every objective gives these metrics of a batch, each a mean over its images, and some of their own.
Validation averages them over all images, an evaluation records them.

| figure | of | what it is |
|---|---|---|
| loss | all | what training minimises, measured on validation images: the fitness |
| error | all | mse, mae or bce per input number: clean images in, the model as used |
| penalty | sparse | KL or L1 of the code summed over its units, before its weight |
| activity | sparse | mean absolute activation of a code unit |
| penalty | contractive | squared Frobenius norm of the code's Jacobian, before its weight |
| reconstruction | variational | error summed over the input numbers, of a sampled code; nats |
| kl | variational | divergence of the posterior from N(0, I), in nats |
| elbo | variational | reconstruction + kl: the negative evidence lower bound, in nats |

Where validation needs noise, corrupted inputs or a sampled code, the seed and the image's number
decide it. So equal models get equal metrics, however the images are batched.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from evoae.config.objectives import ObjectiveConfig

if TYPE_CHECKING:
    import keras


class AbstractObjective(ABC):
    """What training minimises, and the validation metrics of which one is the fitness.

    An objective gets the model, not its output, so that it may feed it altered images, look at its
    code or add a penalty. Both methods are traced into the fit loops' graphs: they may use Keras
    and TensorFlow operations only, and keep no state but that of a seed generator.

    `class Sparse(AbstractObjective, kind="sparse")` in `sparse.py` is the objective of the kind
    `sparse`. Those of a kind are made with (config, seed, *, bounded), see `objective_for`.

    Attributes:
        fitness: name of the metric that the search minimises.
    """

    fitness = "loss"
    of_kind: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, *, kind: str | None = None) -> None:
        if kind is not None:
            AbstractObjective.of_kind[kind] = cls

    @abstractmethod
    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:
        """Return what training minimises, a scalar: the mean over the images of the batch.

        Dropout drops, batch normalisation uses the batch's statistics, and noise is fresh.

        Args:
            model: the autoencoder, with its nested `encoder` and `decoder`.
            images: (n, *input_shape), float32; table rows count as images of one axis.
            numbers: (n,), int32, each image's number among the training images.
            epoch: scalar, float32, the epochs trained so far with the fraction of this one.
        """

    @abstractmethod
    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return the validation metrics, scalars: means over the images of the batch.

        Args:
            model: the autoencoder; called as for use, not as in training.
            images: (n, *input_shape), float32.
            numbers: (n,), int32, each image's number among the validation images.
        """


def objective_for(config: ObjectiveConfig, seed: int, *, bounded: bool) -> AbstractObjective:
    """Make an objective for one training.

    Args:
        config: of any kind.
        seed: of all its noise; non-negative.
        bounded: whether inputs lie in 0..1, so that corrupted ones must as well.
    """
    if config.kind not in AbstractObjective.of_kind:
        import_module(f"{__package__}.{config.kind}")
    made: AbstractObjective = AbstractObjective.of_kind[config.kind](config, seed, bounded=bounded)
    return made
