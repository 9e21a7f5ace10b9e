"""What `benchmarks.families` compares and counts; the benchmark itself trains for half an hour."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.families import absent
from benchmarks.uses import check_categories, ks_row, told_apart
from evoae.data.kinds.columns import Column
from evoae.data.kinds.tables import Table
from evoae.use.score import Scores

AGE, SEX = Column("age"), Column("sex", categories=("0", "1"))
TABLE = Table((AGE, SEX), ("age", "sex"))


def numbers(*values):
    return pd.Series(values, dtype=float)


def test_a_column_like_the_datas_has_no_distance_and_one_beyond_it_the_largest():
    data = numbers(1, 2, 3, 4)
    same = ks_row(AGE, data, data)
    assert (same.ks, same.variation, same.outside) == (0, None, 0)
    assert (same.mean, same.sampled_deviation) == (2.5, data.std(ddof=0))
    beyond = ks_row(AGE, data, data + 10)
    assert (beyond.ks, beyond.outside) == (1, 1)


def test_categories_are_compared_by_their_shares():
    row = ks_row(SEX, pd.Series(["0", "0", "1", "1"]), pd.Series(["0", "1", "1", "1"]))
    assert row.variation == row.ks == pytest.approx(0.25)
    assert (row.mean, row.sampled_mean) == (0.5, 0.75)


def test_a_cell_of_no_category_is_noticed():
    rows = pd.DataFrame({"age": ["40", "50"], "sex": ["0", "1"]})
    check_categories(TABLE, rows, "rows.csv")
    rows.loc[1, "sex"] = "0.5"
    with pytest.raises(AssertionError, match=r"rows\.csv: column sex"):
        check_categories(TABLE, rows, "rows.csv")


def test_strange_items_that_score_higher_are_told_apart():
    normal, strange = (Scores(np.array(each), None, "mse") for each in ([1.0, 2], [3.0, 4]))
    assert told_apart(normal, strange) == 1
    assert told_apart(strange, normal) == 0


def test_a_config_without_its_data_is_skipped_with_a_reason(tmp_path, monkeypatch):
    for name in ("EVOAE_DATA", "HOME", "KERAS_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert "evoae data get cifar10" in absent("cifar10", None, None)
    assert "--folder" in absent("folder", None, None)
    assert str(tmp_path) in absent("folder", tmp_path, None)
    assert absent("heart", None, None) is None
