"""What stands out in a data set is said."""

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.config.load import make_config
from evoae.data.findings import findings
from evoae.data.load import load
from evoae.engine import session
from evoae.engine.progress import Callback

RNG = np.random.default_rng(5)


def said(path):
    data = load(make_config({"data": {"path": str(path)}}).data, 7)
    return (*data.notes, *findings(data))


@pytest.fixture
def table(tmp_path):
    lines = [f"{1000 + i},{RNG.normal():.4f},3,{'ab'[i % 2]}" for i in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("patient,weight,ward,site\n" + "\n".join(lines))
    return path


def test_constant_columns_and_keys_are_named(table):
    key, same = said(table)
    assert "ward" in same
    assert "data.ignore" in same
    assert "patient" in key
    for name in ("weight", "site"):
        assert name not in same + key


def test_shuffled_keys_are_found_and_counts_that_repeat_are_none(tmp_path):
    keys = RNG.permutation(80)
    rows = np.stack([keys, RNG.poisson(9, 80), RNG.normal(size=80)], axis=1)
    np.save(tmp_path / "rows.npy", rows.astype(np.float32))
    (key,) = said(tmp_path / "rows.npy")
    assert "'x0'" in key
    assert "x1" not in key


@pytest.mark.parametrize("shape", [(5,), (4, 4)])
def test_items_that_two_splits_share_are_counted(tmp_path, shape):
    if len(shape) == 1:
        once = RNG.normal(size=(30, *shape)).astype(np.float32)
    else:
        once = RNG.integers(256, size=(30, *shape), dtype=np.uint8)
    np.save(tmp_path / "items.npy", np.concatenate([once, once, once]))
    told = said(tmp_path / "items.npy")
    assert ["validation" in told[0], "test" in told[1], len(told)] == [True, True, 2]
    assert all("also among the training items" in line for line in told)
    np.save(tmp_path / "items.npy", once)
    assert said(tmp_path / "items.npy") == ()


def test_describe_and_init_say_it(table):
    described = CliRunner().invoke(cli, ["data", "describe", str(table)], catch_exceptions=False)
    init = CliRunner().invoke(cli, ["init", "-", "--data", str(table)], catch_exceptions=False)
    for result in (described, init):
        assert "as they tell rows apart: 'patient'." in result.stderr


def levels(*values):
    """Thirty pictures of random pixels of these values."""
    return RNG.choice(np.array(values, np.uint8), (30, 16, 16))


def said_of(path, array, **keys):
    np.save(path, array)
    return findings(load(make_config({"data": {"path": str(path), **keys}}).data, 7))


@pytest.mark.parametrize(
    ("images", "start", "remedy"),
    [
        (levels(*range(17)), "17 of 256 grey levels used, 0 to 16,", "16"),
        (levels(*range(100, 131)), "31 of 256 grey levels used, 100 to 130,", "[100, 130]"),
        (levels(*range(9)) / np.float32(100), "9 of 256 grey levels used, 0 to 20,", "0.07843"),
        (np.stack([levels(*range(20))] * 3, -1), "20 of 256 levels used, 0 to 19,", "19"),
    ],
)
def test_images_in_which_nearly_nothing_varies_are_doubted_and_the_remedy_works(
    tmp_path, images, start, remedy
):
    (line,) = said_of(tmp_path / "x.npy", images)
    assert line.startswith(start)
    assert line.endswith(f"such as data.scale={remedy}.")
    assert said_of(tmp_path / "x.npy", images, scale=yaml.safe_load(remedy)) == ()


def test_stray_bright_pixels_hide_no_twelve_bits(tmp_path):
    deep = RNG.integers(0, 4096, (30, 64, 64)).astype(np.uint16)
    deep[:, 3, 3] = 65_535
    (line,) = said_of(tmp_path / "x.npy", deep)
    assert line.startswith("17 of 256 grey levels used, 0 to 16,")
    assert line.endswith("such as data.scale=4095.")
    assert said_of(tmp_path / "x.npy", deep, scale=4095) == ()


@pytest.mark.parametrize(
    "images",
    [
        levels(0, 255),
        np.uint8(255) * (np.arange(4096).reshape(64, 64) == np.arange(30).reshape(-1, 1, 1)),
        levels(0, 1),  # a mask, which is scaled
        levels(*range(60, 130)),
        RNG.integers(0, 17, (30, 8, 8)) / np.float32(16),
    ],
    ids=["drawings", "sparse", "mask", "pale", "digits"],
)
def test_drawings_and_pale_pictures_are_not_doubted(tmp_path, images):
    assert said_of(tmp_path / "x.npy", images) == ()


def test_a_search_says_it_before_it_trains(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", levels(*range(17)))
    said = []

    class Listener(Callback):
        def said(self, line):
            said.append(line)

    monkeypatch.setattr(session, "share", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.search(
            {"data": {"path": str(tmp_path / "x.npy")}}, run=tmp_path / "run", callback=Listener()
        )
    assert said[0].startswith("warning: 17 of 256 grey levels used")
