"""What stands out in a data set is said."""

import numpy as np
import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.config.load import make_config
from evoae.data.findings import findings
from evoae.data.load import load

RNG = np.random.default_rng(5)


def said(path):
    return findings(load(make_config({"data": {"path": str(path)}}).data, 7))


@pytest.fixture
def table(tmp_path):
    lines = [f"{1000 + i},{RNG.normal():.4f},3,{'ab'[i % 2]}" for i in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("patient,weight,ward,site\n" + "\n".join(lines))
    return path


def test_constant_columns_and_keys_are_named(table):
    same, key = said(table)
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
    assert "x0." in key
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
        assert "patient. To leave it out, put it into data.ignore." in result.stderr
