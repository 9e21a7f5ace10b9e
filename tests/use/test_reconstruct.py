import numpy as np
import pytest
from PIL import Image

import evoae
from evoae.errors import UseError
from evoae.use.items import Items, choose
from evoae.use.model import open_model
from evoae.use.reconstruct import check_posterior, write_rebuilt
from tests.conftest import TINY, with_changes
from tests.use.networks import dense_autoencoder, images, joined, lone


def copier(channels=1):
    """Gives back half of what comes in."""
    import keras

    entry, code = keras.Input((5, 4, channels)), keras.Input((5, 4, channels))
    encoder = keras.Model(entry, keras.layers.Rescaling(1)(entry), name="encoder")
    decoder = keras.Model(code, keras.layers.Rescaling(0.5)(code), name="decoder")
    return lone(joined(encoder, decoder))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_shows_each_row_of_items_above_the_row_of_their_copies(channels, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(18, 5, 4, channels), dtype=np.uint8)
    write_rebuilt(tmp_path / "r.png", copier(channels), Items("x", (pixels,)))
    large = np.asarray(Image.open(tmp_path / "r.png"))
    seen = large[::16, ::16].reshape(4 * 6 - 1, 16 * 5 - 1, channels)
    np.testing.assert_array_equal(seen, large[15::16, 15::16].reshape(seen.shape))
    rows = [seen[6 * row : 6 * row + 5].reshape(5, -1, channels) for row in range(4)]
    for number in range(18):
        row, column = divmod(number, 16)
        here = slice(5 * column, 5 * column + 4)
        np.testing.assert_array_equal(rows[2 * row][:, here], pixels[number])
        half = np.round(pixels[number] / 2).astype(int)
        assert np.abs(rows[2 * row + 1][:, here].astype(int) - half).max() <= 1
    assert (seen[5] == 255).all()
    assert (rows[2][:, 10:] == 255).all()


def test_npz_holds_every_item_and_its_copy(plain, tmp_path):
    items = Items("two", (images(300), images(7, 1)))
    write_rebuilt(tmp_path / "r.npz", plain, items)
    with np.load(tmp_path / "r.npz") as file:
        np.testing.assert_array_equal(file["originals"], items.all())
        expected = np.asarray(plain.autoencoder(items.all(), training=False))
        np.testing.assert_allclose(file["rebuilt"], expected, rtol=0, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["r.npz"]


def test_pictures_of_what_png_cannot_show_are_refused(plain, tmp_path):
    with pytest.raises(UseError, match="2 channels"):
        write_rebuilt(tmp_path / "r.png", plain, Items("x", (images(3),)))
    many = np.broadcast_to(np.zeros((), np.uint8), (10**7, 5, 4, 1))
    with pytest.raises(UseError, match="too many"):
        write_rebuilt(tmp_path / "r.png", copier(), Items("x", (many,)))
    with pytest.raises(UseError, match="no table rows"):
        write_rebuilt(tmp_path / "r.csv", plain, Items("x", (images(3),)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_copies_of_a_denoising_run_are_made_of_what_it_is_validated_on(tmp_path):
    denoising = with_changes(
        TINY,
        search={"population": 2, "generations": 1},
        training={"epochs": 1},
        objective={"kind": "denoising", "corruption": "masking", "level": 0.5},
    )
    run = evoae.search(denoising, run=tmp_path / "run")
    model = open_model(run.path)
    items = choose(model, limit=64)
    write_rebuilt(tmp_path / "r.npz", model, items)
    with np.load(tmp_path / "r.npz") as file:
        clean, noisy, copies = (file[name] for name in ("originals", "corrupted", "rebuilt"))
    kept = noisy == clean
    assert (noisy[~kept] == 0).all()
    assert 0.4 < 1 - kept[clean > 0].mean() < 0.6
    np.testing.assert_allclose(copies, model.rebuild(noisy), atol=1e-6)
    assert np.abs(copies - model.rebuild(clean)).max() > 1e-3
    write_rebuilt(tmp_path / "r.png", model, items)
    with Image.open(tmp_path / "r.png") as picture:
        assert picture.size[1] == 8 * (3 * 4 * 9 - 1)


def test_a_copy_of_a_drawn_code_is_drawn_by_seed_and_lies_around_the_mean_codes(tmp_path):
    same = np.eye(2, dtype=np.float32)
    model = lone(dense_autoencoder(2, 2, posterior=True, weights=(same, same)))
    model.encoder.get_layer("log_var").set_weights(
        [np.zeros((2, 2), np.float32), np.log([4, 1]).astype(np.float32)]
    )
    items = Items("x", (np.full((3000, 2), 5, np.float32),))
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("mean", None)):
        write_rebuilt(tmp_path / f"{name}.npz", model, items, seed=seed)
        drawn.append(np.load(tmp_path / f"{name}.npz")["rebuilt"])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    np.testing.assert_allclose(drawn[0].std(axis=0), [2, 1], rtol=0.06)
    np.testing.assert_allclose(drawn[3], 5, atol=1e-5)


def test_a_model_with_one_code_for_an_item_has_nothing_to_draw(plain, variational):
    check_posterior(variational)
    with pytest.raises(UseError, match="nothing to draw; leave --how out"):
        check_posterior(plain)
