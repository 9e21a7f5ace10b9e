"""What every fit loop promises. To enrol one: a subclass of both kits with its `loop`.

Keras' own loop is the oracle of the second kit, which would compare it with itself: it takes the
first kit alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import Shared
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.training.base import AbstractFitLoop
from tests.covering import covering

SHAPE = (10, 9, 1)
BATCH = 8
TRAIN, VALIDATION = 3 * BATCH + 3, 2 * BATCH + 1  # the last batch is a partial one in both
PLAIN = "conv(5,3x3) conv(4,3x3) | latent(3) | upconv(4,3x3) upconv(5,3x3)"
SMALL = "conv(5,3x3) | latent(3) | upconv(5,3x3)"
DROPPED = "conv(5,3x3) drop(0.3) | latent(3) | upconv(5,3x3) drop(0.2)"
MODIFIED = "conv(5,3x3) bn drop(0.3) | latent(3) | upconv(5,3x3) drop(0.2) bn"

LONGER = {"warmup": 0.3, "epochs": 3}
PAIRS = [  # each differs from another one in the optimiser or in the schedule alone
    ("adam", "constant"),
    ("sgd", "constant"),
    ("adam", "cosine"),
    ("adamw", "cosine"),  # the decay of weights follows the learning rate
    ("muon", "cosine"),  # so do both of its learning rates
]
NOW = [("adamw", "cosine"), ("muon", "cosine"), ("sgd", "constant"), ("adam", "constant")]

Curve = list[tuple[float, float]]  # of each epoch, the training and the validation loss
Loop = Callable[[Any, Any, Shared, TrainingConfig], AbstractFitLoop]


def blobs(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return `count` images of one smooth blob each, which a small network can learn."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centre = rng.uniform(2, 7, (count, 2, 1, 1))
    distance = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2
    return np.round(255 * np.exp(-distance / 6))[..., None].astype(np.uint8)


def shared() -> Shared:
    return Shared(blobs(TRAIN), blobs(VALIDATION, seed=1))


def network(text: str = PLAIN, seed: int = 1) -> Any:
    from evoae.models.build import build

    return build(plan(parse(text), NetworkDefaults(SHAPE)), batchnorm_momentum=0.9, seed=seed)


def objective() -> Any:
    from evoae.models.objectives.base import objective_for

    return objective_for(ReconstructionConfig(), 0, bounded=True)


def settings(learning_rate: float = 0.01, **others: Any) -> TrainingConfig:
    return TrainingConfig(batch_size=BATCH, learning_rate=learning_rate, **others)


def losses(loop: AbstractFitLoop, epochs: int, seed: int = 5) -> Curve:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(TRAIN).astype(np.int32) for _ in range(epochs)]
    return [(loop.train_epoch(order), loop.validate()["loss"]) for order in orders]


def error(model: Any, images: NDArray[np.uint8]) -> float:
    pixels = images.astype(np.float64) / 255
    return float(np.mean((pixels - model(pixels.astype(np.float32)).numpy()) ** 2))


def curve(
    loop: Loop, text: str = PLAIN, data: Shared | None = None, epochs: int = 2, **others: Any
) -> Curve:
    training = settings(epochs=epochs, **others)
    return losses(loop(network(text), objective(), data or shared(), training), epochs)


@cache
def first(loop: Loop, text: str, **others: Any) -> Curve:
    """Return the curve of the first training of this kind in this process; never change it."""
    return curve(loop, text, **others)


def oracle(text: str, **others: Any) -> Curve:
    from evoae.training.fit_keras import KerasLoop

    return first(KerasLoop, text, **others)


class FitLoopContract:
    @pytest.fixture
    def loop(self) -> Loop:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _fresh(self) -> None:
        import keras

        keras.utils.clear_session(free_memory=False)

    def test_the_losses_fall_on_images_that_can_be_learned(self, loop):
        found = curve(loop, epochs=12)
        assert found[-1][0] < 0.7 * found[0][0]
        assert found[-1][1] < 0.7 * found[0][1]

    def test_equal_trainings_find_equal_losses_to_the_last_bit(self, loop):
        assert curve(loop, MODIFIED) == first(loop, MODIFIED)

    def test_an_epoch_loss_is_the_mean_over_images_whatever_the_last_batch_holds(self, loop):
        model = network()
        before = error(model, shared().train)
        standing = loop(model, objective(), shared(), settings(learning_rate=1e-12))
        ((train_loss, validation_loss),) = losses(standing, epochs=1)
        assert train_loss == pytest.approx(before, rel=1e-5)
        assert validation_loss == pytest.approx(error(model, shared().validation), rel=1e-5)

    def test_the_order_of_the_images_is_the_one_handed_in(self, loop):
        made = loop(network(), objective(), shared(), settings(learning_rate=1e-12))
        order = np.zeros(TRAIN, np.int32)  # the first image over and over
        assert made.train_epoch(order) == pytest.approx(
            error(network(), shared().train[:1]), rel=1e-5
        )

    def test_float_images_train_like_the_uint8_images_they_came_from(self, loop):
        from evoae.training.base import scaled

        data = shared()
        as_float = Shared(scaled(data.train), scaled(data.validation))
        assert curve(loop, data=as_float) == first(loop, PLAIN)

    def test_a_training_loss_that_is_not_finite_is_handed_back(self, loop):
        data = Shared(np.full((TRAIN, *SHAPE), np.nan, np.float32), blobs(VALIDATION))
        made = loop(network(), objective(), data, settings())
        assert not math.isfinite(made.train_epoch(np.arange(TRAIN, dtype=np.int32)))

    def test_equal_trainings_in_bfloat16_find_equal_losses_to_the_last_bit(self, loop):
        how = {"precision": "bfloat16"}
        assert curve(loop, MODIFIED, **how) == first(loop, MODIFIED, **how)

    def test_a_network_trained_in_bfloat16_is_validated_and_left_in_float32(self, loop):
        model = network(MODIFIED)
        made = loop(model, objective(), shared(), settings(precision="bfloat16"))
        ((_, validation_loss),) = losses(made, epochs=1)
        layers = [*model.get_layer("encoder").layers, *model.get_layer("decoder").layers]
        assert {layer.dtype_policy.name for layer in (model, *layers)} == {"float32"}
        assert {weight.dtype for weight in model.weights} == {"float32"}
        assert validation_loss == pytest.approx(error(model, shared().validation), rel=1e-6)


class OracleContract:
    """What a fit loop promises that is not Keras' own: the losses of that one."""

    # Batch normalisation is a chain of operations that graphs may fuse, and so round, differently.
    @pytest.mark.parametrize(
        ("text", "rtol"),
        [
            pytest.param(PLAIN, 1e-6, marks=pytest.mark.slow),  # the others have its layers
            pytest.param(DROPPED, 1e-6, marks=pytest.mark.slow),
            (MODIFIED, 2e-5),
        ],
    )
    def test_the_losses_are_the_oracles_up_to_rounding(self, loop, text, rtol):
        np.testing.assert_allclose(first(loop, text), oracle(text), rtol=rtol)

    # Equal operations in an equal order; where one loop takes another way, see its own tests.
    @pytest.mark.parametrize(
        ("text", "rtol"),
        [
            pytest.param(PLAIN, 1e-6, marks=pytest.mark.slow),  # MODIFIED has its layers
            pytest.param(DROPPED, 1e-6, marks=pytest.mark.slow),
            (MODIFIED, 2e-5),
        ],
    )
    def test_the_losses_in_bfloat16_are_the_oracles_up_to_rounding(self, loop, text, rtol):
        how = {"precision": "bfloat16"}
        found, expected = first(loop, text, **how), oracle(text, **how)
        np.testing.assert_allclose(found, expected, rtol=rtol)
        for each in (found, expected):
            np.testing.assert_allclose(each, oracle(text), rtol=0.02)
            assert each != oracle(text)

    @pytest.mark.parametrize(
        ("optimizer", "schedule"),
        [
            *covering(NOW, ("adam", "adamw", "muon", "sgd"), ("constant", "cosine")),
            ("rmsprop", "constant"),
            ("adadelta", "cosine"),
        ],
    )
    def test_optimisers_and_schedules_do_what_keras_own_do(self, loop, optimizer, schedule):
        how = LONGER | {"optimizer": optimizer, "schedule": schedule}
        np.testing.assert_allclose(first(loop, SMALL, **how), oracle(SMALL, **how), rtol=1e-5)

    def test_sgd_may_have_no_momentum(self, loop):
        how = LONGER | {"optimizer": "sgd", "schedule": "constant", "momentum": 0.0}
        np.testing.assert_allclose(first(loop, SMALL, **how), oracle(SMALL, **how), rtol=1e-5)
        assert first(loop, SMALL, **how) != first(loop, SMALL, **how | {"momentum": 0.9})
