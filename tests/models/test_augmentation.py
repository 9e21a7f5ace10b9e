"""Augmented training images: what moves, what stays, and who never sees them."""

import numpy as np
import pytest

from evoae.config.load import make_config
from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.engine.problem import Problem
from evoae.errors import ConfigError
from evoae.models.objectives.augmentation import Augmented
from evoae.models.objectives.base import objective_for
from tests.contracts.objective import ObjectiveContract, network, settings_of, three_losses, values
from tests.covering import first

SHAPE = (8, 7, 2)
KINDS = ("reconstruction", "denoising", "variational")


class TestAugmented(ObjectiveContract):
    """The kit, but for what says that training noise is the objective's own."""

    @pytest.fixture(params=[SHAPE], ids=["images"])
    def shape(self, request):
        return request.param

    @pytest.fixture(params=first(KINDS, lambda kind: kind == "denoising"))
    def config(self, request):
        return settings_of(kind=request.param)

    @pytest.fixture
    def make(self, config):
        def varied(seed=5):
            objective = objective_for(config, seed, bounded=True)
            return Augmented(objective, TrainingConfig(shift=1, flip=0.5), seed)

        return varied

    @pytest.mark.parametrize("shape", [SHAPE], indirect=True, ids=["images"])  # rows do not move
    def test_a_compiled_loop_takes_the_steps_that_single_ones_take(
        self, config, make, shape, images
    ):
        super().test_a_compiled_loop_takes_the_steps_that_single_ones_take(
            config, make, shape, images
        )

    def test_training_noise_is_fresh_at_each_step_and_equal_for_equal_seeds(
        self, config, make, steady, images
    ):
        def losses(seed):
            return three_losses(make(seed), steady, images)

        assert losses(5) == losses(5)
        assert len(set(losses(5))) == 3
        assert losses(6) != losses(5)


def seen_in_training(images, seed=3, epoch=0.0, **training):
    """Return the images that an objective is handed after so many epochs."""
    handed = []

    class Spy:
        fitness = "loss"

        def loss(self, model, images, numbers, *, epoch):
            handed.append(np.asarray(images))
            return 0.0

    varied = Augmented(Spy(), TrainingConfig(**training), seed)
    varied.loss(None, images, np.arange(len(images)), epoch=epoch)
    return handed[0]


def image(count=400):
    one = np.arange(8 * 7 * 2, dtype=np.float32).reshape(1, 8, 7, 2)
    return np.repeat(one, count, axis=0)


def test_images_are_moved_by_every_distance_up_to_the_most_and_no_further():
    moved = seen_in_training(image(), shift=2)
    wide = np.pad(image(1)[0], ((2, 2), (2, 2), (0, 0)), mode="symmetric")
    crops = {(i, j): wide[i : i + 8, j : j + 7] for i in range(5) for j in range(5)}
    found = [next(at for at, crop in crops.items() if (crop == one).all()) for one in moved]
    assert set(found) == set(crops)


def test_about_the_share_that_was_asked_for_is_mirrored():
    flipped = seen_in_training(image(), flip=0.25)
    mirrored = [(one == image(1)[0][:, ::-1]).all() for one in flipped]
    same = [(one == image(1)[0]).all() for one in flipped]
    assert sum(mirrored) + sum(same) == len(flipped)
    assert np.mean(mirrored) == pytest.approx(0.25, abs=0.08)


def test_the_last_epochs_may_see_the_images_as_they_are():
    settings = {"shift": 1, "flip": 0.5, "epochs": 10, "augment_until": 0.8}
    assert (seen_in_training(image(), epoch=7.99, **settings) != image()).any()
    assert (seen_in_training(image(), epoch=8.0, **settings) == image()).all()


def test_validation_sees_the_images_as_they_are():
    config = ReconstructionConfig()
    plain = objective_for(config, 5, bounded=True)
    varied = Augmented(plain, TrainingConfig(shift=3, flip=1.0), 5)
    images = np.random.default_rng(0).random((6, *SHAPE), np.float32)
    model = network(config, SHAPE)
    assert values(varied, model, images) == values(plain, model, images)
    assert varied.fitness == plain.fitness


@pytest.mark.parametrize("setting", ["training.shift", "refit.flip"])
def test_rows_of_a_table_cannot_be_moved(setting, tmp_path):
    lines = "\n".join(f"{n},{n * n % 7}" for n in range(60))
    (tmp_path / "t.csv").write_text(f"a,b\n{lines}\n")
    section, name = setting.split(".")
    config = make_config({"data": {"path": str(tmp_path / "t.csv")}, section: {name: 1}})
    with pytest.raises(ConfigError) as refused:
        Problem.make(config)
    assert refused.value.place == setting
