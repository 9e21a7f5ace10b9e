import csv

import numpy as np

from evoae.use.encode import encode, write_codes
from evoae.use.items import Items
from tests.use.networks import images, joined, lone


def test_codes_are_the_encoders_in_the_order_of_the_items(plain):
    items = Items("two", (images(300), images(4, 1)), np.arange(304))
    codes = encode(plain, items)
    expected = np.asarray(plain.encoder(items.all(), training=False))
    np.testing.assert_allclose(codes, expected, rtol=0, atol=1e-6)


def test_a_distribution_stands_as_its_mean(variational):
    inputs = images(5)
    mean, _ = variational.encoder(inputs, training=False)
    codes = encode(variational, Items("x", (inputs,)))
    np.testing.assert_allclose(codes, mean, rtol=0, atol=1e-6)


def test_a_feature_map_is_flattened_and_decodes_again():
    import keras

    entry, code = keras.Input((4, 4, 1)), keras.Input((2, 2, 3))
    encoder = keras.Model(entry, keras.layers.Conv2D(3, 2, strides=2)(entry), name="encoder")
    up = keras.layers.Conv2DTranspose(1, 2, strides=2)(code)
    model = lone(joined(encoder, keras.Model(code, up, name="decoder")))
    inputs = images(3, shape=(4, 4, 1))
    codes = encode(model, Items("x", (inputs,)))
    assert codes.shape == (3, 12)
    np.testing.assert_allclose(model.decode_all(codes), model.rebuild(inputs), atol=1e-6)


def test_npz_holds_codes_labels_and_with_concat_what_the_network_sees(plain, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(5, 9, 7, 2), dtype=np.uint8)
    items = Items("x", (pixels,), np.array(list("abcde")))
    codes = encode(plain, items)
    write_codes(tmp_path / "c.npz", codes, items, concat=True)
    with np.load(tmp_path / "c.npz") as file:
        np.testing.assert_array_equal(file["codes"], codes)
        assert file["labels"].tolist() == list("abcde")
        np.testing.assert_array_equal(file["features"][:, 126:], codes)
        np.testing.assert_allclose(file["features"][:, :126], pixels.reshape(5, -1) / 255, 1e-6)
    write_codes(tmp_path / "few.npz", codes, items)
    assert sorted(np.load(tmp_path / "few.npz").files) == ["codes", "index", "labels"]


def test_csv_gives_every_number_back_exactly(plain, tmp_path):
    items = Items("x", (images(300),), np.arange(300))
    codes = encode(plain, items)
    write_codes(tmp_path / "c.csv", codes, items, concat=True)
    with (tmp_path / "c.csv").open() as file:
        header, *lines = csv.reader(file)
    assert header == ["index", *(f"x{n}" for n in range(1, 127)), "z1", "z2", "z3", "label"]
    values = np.array(lines)[:, 1:-1].astype(np.float32)
    expected = np.hstack([items.all().reshape(300, -1), codes])
    np.testing.assert_array_equal(values, expected)
    assert [int(line[-1]) for line in lines] == list(range(300))
