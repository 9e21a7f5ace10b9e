from statistics import NormalDist

import numpy as np
import pytest

from evoae.errors import UseError
from evoae.use.grid import interpolate, interpolate_random, manifold
from evoae.use.items import Items
from evoae.use.sample import sample
from tests.use.networks import image_autoencoder, images, lone


def test_two_items_make_a_row_from_one_to_the_other(plain):
    inputs = images(2)
    grid = interpolate(plain, inputs, steps=5)
    ends = plain.rebuild(inputs)
    assert grid.values.shape == (1, 5, 9, 7, 2)
    np.testing.assert_allclose(grid.values[0, [0, -1]], ends, atol=1e-5)
    np.testing.assert_allclose(grid.codes[0, 2], plain.encode(inputs).mean(axis=0), atol=1e-6)


def test_four_items_stand_in_the_corners_of_a_square(plain):
    inputs = images(4)
    grid = interpolate(plain, inputs, steps=3)
    corners = grid.values[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, plain.rebuild(inputs), atol=1e-5)
    np.testing.assert_allclose(grid.codes[1, 1], plain.encode(inputs).mean(axis=0), atol=1e-6)


def test_other_numbers_of_items_make_a_row_from_each_to_the_next(plain):
    inputs = images(3)
    grid = interpolate(plain, inputs, steps=4)
    ends = plain.rebuild(inputs)
    assert grid.codes.shape == (2, 4, 3)
    np.testing.assert_allclose(grid.values[:, 0], ends[:-1], atol=1e-5)
    np.testing.assert_allclose(grid.values[:, -1], ends[1:], atol=1e-5)
    with pytest.raises(UseError, match="two or more"):
        interpolate(plain, inputs[:1])


def test_the_manifold_of_a_prior_lies_at_equal_steps_of_probability(variational):
    grid = manifold(variational, side=4)
    probability = np.vectorize(NormalDist().cdf)(grid.codes)
    steps = [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    np.testing.assert_allclose(probability[2, :, 0], steps, atol=1e-6)  # to the right
    np.testing.assert_allclose(probability[:, 1, 1], steps[::-1], atol=1e-6)  # upwards
    expected = variational.decode(grid.codes[1])
    np.testing.assert_allclose(grid.values[1], expected, atol=1e-6)


def test_the_manifold_of_other_codes_spans_what_training_items_reach(squeezing, monkeypatch):
    inputs = np.random.default_rng(0).uniform([0, -1, 0], [1, 5, 1], (5000, 3)).astype(np.float32)
    monkeypatch.setattr(
        "evoae.use.grid.choose_training", lambda *_, **__: Items("rows", (inputs,))
    )
    grid = manifold(squeezing, side=3)
    np.testing.assert_allclose(grid.codes[0, :, 0], [0.02, 1, 1.98], atol=0.05)
    np.testing.assert_allclose(grid.codes[:, 0, 1], [9.88, 4, -1.88], atol=0.3)


def test_a_manifold_of_more_than_two_dimensions_is_refused(plain):
    with pytest.raises(UseError, match=r"3 numbers.*interpolate"):
        manifold(plain)


def test_a_range_is_spanned_at_even_steps_in_either_direction(variational):
    grid = manifold(variational, side=3, span=(-3, 5))
    np.testing.assert_allclose(grid.codes[1, :, 0], [-3, 1, 5])
    np.testing.assert_allclose(grid.codes[:, 1, 1], [5, 1, -3])
    assert grid.source == "even steps from -3 to 5"


def test_a_range_that_a_sigmoids_codes_cannot_have_is_refused():
    model = lone(image_autoencoder(latent=2, code="sigmoid"))
    assert manifold(model, side=2, span=(0, 1)).codes.max() == 1
    with pytest.raises(UseError, match=r"within 0\.\.1.*0,1"):
        manifold(model, side=2, span=(-1, 1))


def test_random_codes_are_those_that_sample_draws(variational):
    grid = interpolate_random(variational, 3, steps=5, seed=4)
    drawn = sample(variational, 3, seed=4).codes
    np.testing.assert_array_equal(grid.codes[:, 0], drawn[:-1])
    np.testing.assert_allclose(grid.codes[:, -1], drawn[1:], atol=1e-6)
    assert grid.source == "straight lines between 3 codes from the prior N(0, I)"
    assert interpolate_random(variational, 4, steps=5).codes.shape == (5, 5, 2)
    with pytest.raises(UseError, match="two or more"):
        interpolate_random(variational, 1)
