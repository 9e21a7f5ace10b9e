import numpy as np
import pytest

from evoae.config.schema import ObjectiveConfig
from evoae.genome.frame import Frame
from evoae.genome.text import parse
from evoae.models.plan import plan
from tests.contracts.objective import ObjectiveContract

TEXT = "conv(4,3x3) drop(0.5) | latent(3) | upconv(4,3x3)"
NUMBERS = np.arange(6, dtype=np.int32)


@pytest.fixture(scope="module")
def model():
    from evoae.models.build import build

    return build(plan(parse(TEXT), Frame((8, 8, 2))), seed=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((6, 8, 8, 2), np.float32)


@pytest.mark.parametrize(
    ("loss", "of_keras"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
    ],
)
def test_the_reconstruction_figure_is_keras_own_loss_per_pixel(loss, of_keras, model, images):
    import keras

    from evoae.models.objectives.reconstruction import Reconstruction

    objective = Reconstruction(ObjectiveConfig(loss=loss))
    figure = float(objective.figures(model, images, NUMBERS)["loss"])
    expected = np.mean(keras.losses.get(of_keras)(images, model.predict(images, verbose=0)))
    assert figure == pytest.approx(expected, rel=1e-6)


def test_the_training_loss_sees_dropout_and_the_figure_does_not(model, images):
    from evoae.models.objectives.reconstruction import Reconstruction

    objective = Reconstruction(ObjectiveConfig())
    figure = float(objective.figures(model, images, NUMBERS)["loss"])
    assert float(objective.loss(model, images, NUMBERS, epoch=0.0)) != figure


class TestReconstruction(ObjectiveContract):
    @pytest.fixture(params=["mse", "mae", "bce"])
    def objective(self, request):
        from evoae.models.objectives.reconstruction import Reconstruction

        return Reconstruction(ObjectiveConfig(loss=request.param))


def test_every_objective_is_final_and_passes_the_contract():
    from evoae.models.objectives.base import AbstractObjective

    objectives = AbstractObjective.__subclasses__()
    assert all(objective.__final__ for objective in objectives)
    kits = {kit.__name__ for kit in ObjectiveContract.__subclasses__()}
    assert kits == {f"Test{objective.__name__}" for objective in objectives}
