"""The noise of objectives and what it does to images."""

import numpy as np
import pytest

from evoae.config.objectives import ReconstructionConfig
from tests.contracts.objective import settings_of

SHAPE = (9, 7, 3)  # an odd size
COUNT = 200


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0.2, 0.8, (COUNT, *SHAPE)).astype(np.float32)


def numbers(count=COUNT):
    return np.arange(count, dtype=np.int32)


def noises(seed=1, purpose="test"):
    from evoae.models.objectives.noise import FreshNoise, NumberedNoise

    return FreshNoise(seed, purpose), NumberedNoise(seed, purpose)


def corruption(seed=1, bounded=True, **settings):
    from evoae.models.objectives.corruption import Corruption

    config = settings_of(kind="denoising", **settings)
    return Corruption(config, seed, bounded=bounded)


@pytest.mark.parametrize("which", [0, 1], ids=["fresh", "numbered"])
def test_normal_noise_is_normal_and_uniform_noise_uniform(which, images):
    from scipy.stats import kstest

    noise = noises()[which]
    normal, uniform = noise.normal(images, numbers()), noise.uniform(images, numbers())
    assert normal.shape == uniform.shape == images.shape
    for drawn, distribution in ((normal, "norm"), (uniform, "uniform")):
        flat = np.ravel(drawn).astype(float)
        assert kstest(flat, distribution).pvalue > 0.01
        # Neither the numbers of one image nor those of neighbours in a batch are correlated.
        rows = flat.reshape(COUNT, -1)
        for one, other in ((rows[:, :-1], rows[:, 1:]), (rows[:-1], rows[1:])):
            correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
            assert abs(correlation) < 4 / np.sqrt(flat.size)


def test_numbered_noise_depends_on_seed_purpose_and_number_alone(images):
    _, noise = noises()
    whole = noise.normal(images, numbers()).numpy()
    some = np.array([150, 3, 77], np.int32)
    assert np.array_equal(
        noise.uniform(images[:3], some), noise.uniform(images, numbers()).numpy()[some]
    )
    np.testing.assert_allclose(noise.normal(images[:3], some), whole[some], rtol=1e-4, atol=1e-6)
    assert len(np.unique(whole[:, 0, 0, 0])) == COUNT
    for seed, purpose in ((2, "test"), (1, "other"), (2**63 - 1, "test")):
        other = noises(seed, purpose)[1].normal(images, numbers()).numpy()
        assert not np.any(other == whole)


def test_numbered_noise_is_the_splitmix64_of_its_authors():
    """The first outputs for the state 1234567, as published with the reference implementation."""
    from evoae.models.objectives import noise

    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    golden, mask = noise._GOLDEN, 2**64 - 1
    states = np.array([(1234567 + k * golden) & mask for k in (1, 2, 3)], np.uint64)
    import tensorflow as tf

    assert noise._mixed(tf.constant(states)).numpy().tolist() == published


@pytest.mark.parametrize("bounded", [True, False])
def test_gaussian_noise_has_the_level_as_its_deviation_and_keeps_bounds(bounded, images):
    noisy = corruption(level=0.5, bounded=bounded).in_validation(images, numbers()).numpy()
    outside = (noisy < 0) | (noisy > 1)
    if bounded:
        assert not outside.any()
        assert {0.0, 1.0} <= set(noisy.ravel())
    else:
        assert np.std(noisy - images) == pytest.approx(0.5, rel=0.02)
        assert outside.any()


def test_masking_sets_a_share_to_zero_and_leaves_the_rest(images):
    noisy = corruption(corruption="masking", level=0.2).in_validation(images, numbers()).numpy()
    assert np.mean(noisy == 0) == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(noisy[noisy != 0], images[noisy != 0])


@pytest.mark.parametrize(("bounded", "extremes"), [(True, (0, 1)), (False, (-3, 3))])
def test_salt_and_pepper_sets_a_share_to_either_extreme(bounded, extremes, images):
    made = corruption(corruption="salt_pepper", level=0.2, bounded=bounded)
    noisy = made.in_validation(images, numbers()).numpy()
    for extreme in extremes:
        assert np.mean(noisy == extreme) == pytest.approx(0.1, abs=0.01)
    assert np.mean(noisy == images) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_pepper"])
def test_corrupted_data_stay_as_they_are_and_a_corrupting_layer_changes(kind, images):
    data = corruption(corruption=kind, corrupt="data")
    layer = corruption(corruption=kind)
    once = data.in_training(images, numbers())
    assert np.array_equal(data.in_training(images, numbers()), once)
    assert not np.array_equal(data.in_validation(images, numbers()), once)
    once = layer.in_training(images, numbers())
    assert not np.array_equal(layer.in_training(images, numbers()), once)


def test_without_corruption_images_are_handed_on_as_they_are(images):
    from evoae.models.objectives.corruption import Corruption

    made = Corruption(ReconstructionConfig(), 1, bounded=True)
    assert made.in_training(images, numbers()) is images
    assert made.in_validation(images, numbers()) is images
