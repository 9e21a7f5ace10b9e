"""Tables that are saved as arrays of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoae.config.data import DataConfig
from evoae.data.dataset import Dataset
from evoae.data.kinds.tables import Table
from evoae.data.load import load
from evoae.errors import DataError

ROWS = np.random.default_rng(0).normal([5.0, -300.0, 0.01], [2.0, 40.0, 0.003], (40, 3))


def loaded(path: Path, **settings: Any) -> Dataset:
    return load(DataConfig(path=str(path), **settings), seed=1)


def complaint(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as refused:
        loaded(path, **settings)
    return str(refused.value)


@pytest.fixture
def npy(tmp_path: Path) -> Path:
    np.save(tmp_path / "rows.npy", ROWS)
    return tmp_path / "rows.npy"


def test_an_array_of_rank_two_is_a_table_standardised_on_its_training_rows(npy: Path) -> None:
    data = loaded(npy)
    assert data.input_shape == (3,)
    assert data.kind.output == "linear"
    assert isinstance(data.kind, Table)
    assert data.kind.features == ("x0", "x1", "x2")
    np.testing.assert_allclose(data.train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.std(axis=0), 1, rtol=1e-5)
    parts = np.concatenate([data.train, data.validation, data.test])
    scale = np.array([column.scale for column in data.kind.columns])
    mean = np.array([column.mean for column in data.kind.columns])
    again = parts * scale + mean
    np.testing.assert_allclose(np.sort(again, axis=0), np.sort(ROWS, axis=0), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["int64", "int8", "float32"])
def test_numbers_of_any_type_but_bytes_are_rows(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "rows.npy", np.arange(60).reshape(20, 3).astype(dtype))
    assert loaded(tmp_path / "rows.npy").input_shape == (3,)


def test_an_npz_file_may_name_the_columns_and_hold_labels(tmp_path: Path) -> None:
    labels = np.arange(40) % 2
    np.savez(tmp_path / "rows.npz", x=ROWS, columns=["age", "dose", "ph"], y=labels)
    data = loaded(tmp_path / "rows.npz")
    assert isinstance(data.kind, Table)
    assert data.kind.features == ("age", "dose", "ph")
    assert data.train_labels is not None
    assert set(data.train_labels) == {0, 1}


def test_missing_values_and_columns_are_treated_as_in_other_tables(tmp_path: Path) -> None:
    holes = ROWS.copy()
    holes[[3, 7], 1] = np.nan
    np.save(tmp_path / "rows.npy", holes)
    assert "2 missing values (x1 2)" in complaint(tmp_path / "rows.npy")
    kept = loaded(tmp_path / "rows.npy", missing="drop", ignore=["x0"])
    assert kept.input_shape == (2,)
    assert len(kept.train) + len(kept.validation) + len(kept.test) == 38


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": ROWS, "columns": ["a", "b"]}, "2 names, 2 different, for 3 columns"),
        ({"x": ROWS, "columns": ["a", "b", "a"]}, "all different"),
        ({"x": ROWS, "columns": [1, 2, 3]}, "one name for each"),
        ({"x": ROWS, "y": np.arange(39)}, "labels of shape (39,) for 40 rows"),
        ({"x": ROWS.astype(str)}, "save numbers"),
        ({"x_train": ROWS, "x_test": ROWS}, "a table in two parts"),
    ],
)
def test_arrays_that_are_no_table_are_refused(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)
    assert said in complaint(tmp_path / "rows.npz")


def test_settings_for_the_other_kind_of_array_are_refused(npy: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((9, 4, 4)))
    assert "says nothing about the images" in complaint(tmp_path / "images.npy", missing="drop")
    assert "says nothing about the rows" in complaint(npy, labels="labels.txt")
