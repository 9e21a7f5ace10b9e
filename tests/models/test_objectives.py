import numpy as np
import pytest

from evoae.config.objectives import ObjectiveConfig, ReconstructionConfig
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.objectives.base import objective_for
from evoae.models.plan import plan
from tests.contracts.objective import ObjectiveContract, network, settings_of, values
from tests.covering import first

TEXT = "conv(4,3x3) drop(0.5) | latent(3) | upconv(4,3x3)"
SHAPE = (8, 7, 2)
NUMBERS = np.arange(6, dtype=np.int32)
CORRUPTIONS = ("gaussian", "masking", "salt_pepper")


def settings(*many):
    """Return a parametrised fixture of objective settings, the first of them now."""
    configs = [settings_of(**raw) for raw in many]
    names = ["-".join(str(value) for value in raw.values()) for raw in many]

    @pytest.fixture(params=first(configs, lambda each: each == configs[0]), ids=names)
    def config(self, request):
        return request.param

    return config


class TestReconstruction(ObjectiveContract):
    config = settings(
        *({"kind": "reconstruction", "loss": loss} for loss in ("mse", "mae", "bce"))
    )


class TestDenoising(ObjectiveContract):
    config = settings(
        *({"kind": "denoising", "corruption": kind} for kind in CORRUPTIONS),
        {"kind": "denoising", "corrupt": "data", "loss": "mae"},
    )


class TestSparse(ObjectiveContract):
    config = settings(
        {"kind": "sparse"},
        {"kind": "sparse", "sparsity": "l1", "weight": 0.1},
        {"kind": "sparse", "corruption": "masking"},
    )

    @staticmethod
    def of_batch(config):
        return {"loss", "penalty"} if config.sparsity == "kl" else set()


class TestContractive(ObjectiveContract):
    config = settings({"kind": "contractive", "contraction": 0.1})


class TestVariational(ObjectiveContract):
    config = settings(
        {"kind": "variational"},
        {"kind": "variational", "posterior": "full", "beta": 4.0, "anneal_epochs": 1.0},
        {"kind": "variational", "corruption": "gaussian", "corrupt": "data"},
    )


def test_every_objective_is_final_and_passes_the_contract():
    from evoae.models.objectives.base import AbstractObjective

    for kind in ObjectiveConfig.kinds():
        objective_for(settings_of(kind=kind), 0, bounded=True)
    objectives = AbstractObjective.__subclasses__()
    assert all(objective.__final__ for objective in objectives)
    kits = {kit.__name__ for kit in ObjectiveContract.__subclasses__()}
    assert kits >= {f"Test{objective.__name__}" for objective in objectives}


@pytest.fixture(scope="module")
def model():
    from evoae.models.build import build

    return build(plan(parse(TEXT), NetworkDefaults(SHAPE)), seed=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((6, *SHAPE), np.float32)


@pytest.mark.parametrize(
    ("loss", "of_keras"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
    ],
)
def test_the_reconstruction_figure_is_keras_own_loss_per_number(loss, of_keras, model, images):
    import keras

    objective = objective_for(settings_of(loss=loss), 0, bounded=True)
    metrics = values(objective, model, images)
    expected = np.mean(keras.losses.get(of_keras)(images, model.predict(images, verbose=0)))
    assert metrics["loss"] == metrics["error"] == pytest.approx(expected, rel=1e-6)


def test_the_training_loss_sees_dropout_and_the_figure_does_not(model, images):
    objective = objective_for(ReconstructionConfig(), 0, bounded=True)
    output = model(images, training=False).numpy()
    assert values(objective, model, images)["loss"] == pytest.approx(
        np.mean((images - output) ** 2)
    )
    losses = {float(objective.loss(model, images, NUMBERS, epoch=0.0)) for _ in range(3)}
    assert len(losses) == 3


def test_denoising_rebuilds_the_clean_image_from_a_corrupted_one(images):
    config = settings_of(kind="denoising", corruption="masking", level=0.5)
    model = network(config, SHAPE, dropout=0.0)
    metrics = values(objective_for(config, 3, bounded=True), model, images)
    clean = model(images, training=False).numpy()
    assert metrics["error"] == pytest.approx(np.mean((clean - images) ** 2), rel=1e-5)
    assert metrics["loss"] != metrics["error"]
    nearly_none = settings_of(kind="denoising", corruption="masking", level=1e-6)
    metrics = values(objective_for(nearly_none, 3, bounded=True), model, images)
    assert metrics["loss"] == metrics["error"]


def test_beta_rises_with_the_epoch_and_stays(images):
    raised = {"kind": "variational", "beta": 3.0, "anneal_epochs": 2.0}
    model = network(settings_of(**raised), SHAPE, dropout=0.0)

    def loss(epoch, **raw):
        objective = objective_for(settings_of(**raw), 4, bounded=True)
        return float(objective.loss(model, images, NUMBERS, epoch=epoch))

    betas = [(0.0, 0.0), (1.0, 1.5), (2.0, 3.0), (9.0, 3.0)]
    for epoch, beta in betas:
        assert loss(epoch, **raised) == pytest.approx(
            loss(0.0, kind="variational", beta=beta), rel=1e-6
        )
    assert loss(0.0, **raised) < loss(2.0, **raised)


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_the_variational_metrics_are_those_of_their_definitions(posterior, images):
    config = settings_of(kind="variational", loss="bce", beta=2.5, posterior=posterior)
    model = network(config, SHAPE)
    metrics = values(objective_for(config, 4, bounded=True), model, images)
    assert metrics["elbo"] == pytest.approx(metrics["reconstruction"] + metrics["kl"])
    assert metrics["loss"] == pytest.approx(metrics["reconstruction"] + 2.5 * metrics["kl"])
    assert metrics["kl"] > 0
    mean = model.get_layer("encoder").predict(images, verbose=0)[0]
    output = model.get_layer("decoder").predict(mean, verbose=0).astype(float)
    bce = -(images * np.log(output) + (1 - images) * np.log(1 - output))
    assert metrics["error"] == pytest.approx(bce.mean(), rel=1e-5)
    # The sampled code's error is near that of the mean, summed over all input numbers.
    assert metrics["reconstruction"] == pytest.approx(bce.mean() * np.prod(SHAPE), rel=0.2)


def test_the_sparse_metrics_are_those_of_their_definitions(images):
    config = settings_of(kind="sparse", weight=0.2, target=0.1)
    model = network(config, SHAPE)
    metrics = values(objective_for(config, 4, bounded=True), model, images)
    code = model.get_layer("encoder").predict(images, verbose=0).astype(float)
    on = code.mean(axis=0)
    penalty = np.sum(0.1 * np.log(0.1 / on) + 0.9 * np.log(0.9 / (1 - on)))
    assert metrics["activity"] == pytest.approx(code.mean(), rel=1e-5)
    assert metrics["penalty"] == pytest.approx(penalty, rel=1e-4)
    assert metrics["loss"] == pytest.approx(metrics["error"] + 0.2 * penalty, rel=1e-4)
