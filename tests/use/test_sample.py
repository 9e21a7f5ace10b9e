import dataclasses

import numpy as np
import pytest

from evoae.data.kinds.columns import Column
from evoae.data.kinds.tables import Table
from evoae.errors import UseError
from evoae.use.items import Items
from evoae.use.sample import residuals, sample
from tests.use.networks import dense_autoencoder, image_autoencoder, images, lone


def use_items(monkeypatch, inputs):
    """Let `inputs` be the training items, as rows have no file format without a table."""
    monkeypatch.setattr(
        "evoae.use.sample.choose_training", lambda *_, **__: Items("rows", (inputs,))
    )


def rows(count=4000):
    rng = np.random.default_rng(3)
    return rng.multivariate_normal(
        [1, -2, 0], [[1, 0.6, 0], [0.6, 2, 0], [0, 0, 9]], count
    ).astype(np.float32)


def test_a_variational_model_samples_its_prior_and_needs_no_data(variational):
    drawn = sample(variational, 4000, seed=5)
    assert "N(0, I)" in drawn.source
    np.testing.assert_allclose(drawn.codes.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.codes.T), np.eye(2), atol=0.08)
    np.testing.assert_allclose(drawn.values, variational.decode_all(drawn.codes), atol=1e-6)


def test_equal_seeds_draw_equal_items_and_others_others(variational):
    first, again, other = (sample(variational, 3, seed=seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_other_codes_come_from_a_gaussian_like_that_of_training_codes(squeezing, monkeypatch):
    inputs = rows()
    use_items(monkeypatch, inputs)
    drawn = sample(squeezing, 20_000, seed=1)
    assert "4,000 training items" in drawn.source
    codes = 2 * inputs[:, :2]
    np.testing.assert_allclose(drawn.codes.mean(axis=0), codes.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.codes.T), np.cov(codes.T), rtol=0.05, atol=0.1)


def test_codes_that_lie_in_a_plane_are_drawn_in_that_plane(monkeypatch):
    into = np.array([[1, 0, 2], [0, 1, -1], [0, 0, 0]], np.float32)  # z3 = 2 z1 - z2
    model = lone(dense_autoencoder(3, 3, weights=(into, np.eye(3, dtype=np.float32))))
    use_items(monkeypatch, rows(50))
    codes = sample(model, 500).codes
    np.testing.assert_allclose(codes[:, 2], 2 * codes[:, 0] - codes[:, 1], atol=1e-4)
    assert codes.std(axis=0).min() > 0.5


def test_codes_of_a_sigmoid_stay_between_its_bounds(tmp_path):
    model = lone(image_autoencoder(code="sigmoid"))
    np.save(tmp_path / "x.npy", images(40, shape=(9, 7, 2)))
    drawn = sample(model, 2000, data=str(tmp_path / "x.npy"))
    assert model.bounded
    assert "0..1" in drawn.source
    assert (drawn.codes.min() >= 0, drawn.codes.max() <= 1) == (True, True)


def test_the_mode_and_draws_of_a_bernoulli_are_zeros_and_ones(variational):
    model = dataclasses.replace(variational, loss="bce")
    mean, mode, draw = (sample(model, 3000, how=how, seed=4) for how in ("mean", "mode", "sample"))
    np.testing.assert_array_equal(mean.codes, draw.codes)
    np.testing.assert_array_equal(mode.values, mean.values > 0.5)
    assert set(np.unique(draw.values)) == {0, 1}
    np.testing.assert_allclose(draw.values.mean(axis=0), mean.values.mean(axis=0), atol=0.05)


@pytest.mark.parametrize(("loss", "spread"), [("mse", 3.0), ("mae", 3 * np.sqrt(4 / np.pi))])
def test_draws_spread_around_the_mean_as_training_residuals_do(
    loss, spread, squeezing, monkeypatch
):
    # The third value, N(0, 9), is lost: its residuals have root mean square 3, and mean size
    # 3 sqrt(2/pi), of which a Laplace distribution has the standard deviation sqrt(2) times that.
    model = dataclasses.replace(squeezing, loss=loss)
    use_items(monkeypatch, rows())
    mean, mode, draw = (sample(model, 5000, how=how, seed=4) for how in ("mean", "mode", "sample"))
    np.testing.assert_array_equal(mode.values, mean.values)
    noise = draw.values - mean.values
    np.testing.assert_allclose(noise[:, :2], 0, atol=1e-4)
    assert noise[:, 2].std() == pytest.approx(spread, rel=0.05)


def test_residuals_are_the_same_however_items_are_batched(plain):
    inputs = images(300)
    rng = np.random.default_rng(0)
    together = residuals(plain, Items("x", (inputs,)), rng)
    apart = residuals(plain, Items("x", (inputs[:7], inputs[7:])), rng)
    copies = np.asarray(plain.autoencoder(inputs, training=False))
    expected = np.sqrt(((inputs - copies) ** 2).mean(axis=0))
    np.testing.assert_allclose(together, expected, rtol=1e-4)
    np.testing.assert_allclose(apart, together, rtol=1e-5)


def test_residuals_of_a_distribution_over_codes_are_those_of_a_drawn_code():
    into, back = np.eye(2, dtype=np.float32), np.diag([1, 3]).astype(np.float32)
    model = lone(dense_autoencoder(2, 2, posterior=True, weights=(into, back)))
    log_var = model.encoder.get_layer("log_var")
    log_var.set_weights([np.zeros((2, 2), np.float32), np.log([4, 1]).astype(np.float32)])
    inputs = np.zeros((20_000, 2), np.float32)  # whose mean codes are decoded without an error
    found = residuals(model, Items("x", (inputs,)), np.random.default_rng(1))
    np.testing.assert_allclose(found, [2, 3], rtol=0.03)


def test_a_gaussian_of_one_item_is_refused(squeezing, monkeypatch):
    use_items(monkeypatch, rows(1))
    with pytest.raises(UseError, match="two or more"):
        sample(squeezing, 3)


def test_draws_near_an_item_of_a_variational_model_are_those_of_its_posterior():
    into, back = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
    model = lone(dense_autoencoder(2, 2, posterior=True, weights=(into, back)))
    log_var = model.encoder.get_layer("log_var")
    log_var.set_weights([np.zeros((2, 2), np.float32), np.log([4, 1]).astype(np.float32)])
    item = np.array([[3, -1]], np.float32)
    drawn = sample(model, 4000, seed=2, near=item)
    assert drawn.source == "its posterior"
    np.testing.assert_allclose(drawn.codes.mean(axis=0), item[0], atol=0.1)
    np.testing.assert_allclose(drawn.codes.std(axis=0), [2, 1], rtol=0.05)
    narrow = sample(model, 4000, seed=2, near=item, width=0.1)
    np.testing.assert_allclose(narrow.codes - item, (drawn.codes - item) / 10, atol=1e-5)


def test_draws_near_an_item_of_another_model_vary_as_training_codes_do(squeezing, monkeypatch):
    inputs = rows()
    use_items(monkeypatch, inputs)
    drawn = sample(squeezing, 20_000, near=inputs[:1], width=0.5)
    codes = 2 * inputs[:, :2]
    np.testing.assert_allclose(drawn.codes.mean(axis=0), codes[0], atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.codes.T), np.cov(codes.T) / 4, rtol=0.05, atol=0.05)
    assert "0.5 times as wide" in drawn.source


def categories(outputs):
    """A network that says the same `outputs` of three categories whatever its code."""
    colour = Column("colour", categories=("blue", "green", "red"), shares=(0.2, 0.3, 0.5))
    model = lone(dense_autoencoder(3, 3), Table(columns=(colour,)))
    object.__setattr__(model, "decode_all", lambda codes: np.tile(outputs, (len(codes), 1)))
    return model


@pytest.mark.parametrize(
    ("outputs", "shares"),
    [
        ([0.1, 0.6, 0.3], [0.1, 0.6, 0.3]),
        ([-0.5, 0.4, 0.4], [0, 0.5, 0.5]),
        ([-0.5, -0.1, -0.2], [0, 1, 0]),
    ],
)
def test_a_draw_takes_each_category_as_often_as_the_network_says(outputs, shares, monkeypatch):
    model = categories(np.array(outputs, np.float32))
    use_items(monkeypatch, np.eye(3, dtype=np.float32)[[0, 1, 2] * 9])
    draw = sample(model, 4000, how="sample", seed=1).values
    assert set(np.unique(draw)) <= {0, 1}
    np.testing.assert_array_equal(draw.sum(axis=1), 1)
    np.testing.assert_allclose(draw.mean(axis=0), shares, atol=0.03)
    mode = sample(model, 3, how="mode").values
    np.testing.assert_array_equal(mode.argmax(axis=1), np.argmax(outputs))
    np.testing.assert_array_equal(mode.sum(axis=1), 1)
    mean = sample(model, 3).values
    np.testing.assert_allclose(mean, np.tile(np.float32(outputs), (3, 1)))
