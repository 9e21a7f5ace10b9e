"""Spreadsheets, typed tables, and files of several arrays."""

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from evoae.config.data import DataConfig
from evoae.data.load import load, read
from evoae.errors import DataError

RNG = np.random.default_rng(2)
FRAME = pd.DataFrame(RNG.normal(size=(60, 3)).round(3), columns=list("abc")).assign(
    key=[f"K{i}" for i in range(60)],
    when=pd.date_range("2024-01-01", periods=60),
    city=pd.Categorical(["Ulm", "Bonn", "Kiel"] * 20),
)


def complaint(path, **keys):
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(path), **keys), 1)
    return str(error.value)


def check_frame(data):
    assert [column.name for column in data.kind.columns] == ["a", "b", "c", "city"]
    assert data.kind.keys == ("key",)
    beside = data.test_origins.columns(["all"])
    assert [*beside] == ["row", "key", "when"]
    decoded = data.kind.decode(data.test)
    for position, (row, key, when) in enumerate(zip(*beside.values(), strict=True)):
        original = FRAME.iloc[row - 1]
        assert (key, when) == (original["key"], str(original["when"].date()))
        assert decoded.iloc[position].tolist() == original[["a", "b", "c", "city"]].tolist()


@pytest.mark.parametrize(
    ("suffix", "write", "needs"),
    [
        ("parquet", pd.DataFrame.to_parquet, "pyarrow"),
        ("feather", pd.DataFrame.to_feather, "pyarrow"),
        ("dta", lambda frame, path: frame.to_stata(path, write_index=False), None),
    ],
)
def test_typed_tables_are_read_like_csv(suffix, write, needs, tmp_path):
    path = tmp_path / f"t.{suffix}"
    if needs:
        pytest.importorskip(needs)
    write(FRAME, path)
    check_frame(load(DataConfig(path=str(path)), 1))


def test_a_sheet_is_read_wherever_its_table_lies(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        FRAME.to_excel(book, sheet_name="plant", startrow=4, startcol=2, index=False)
        FRAME[["a", "b"]].to_excel(book, sheet_name="more", index=False)
    source = read(DataConfig(path=str(path)))
    (remark,) = source.remarks
    assert "took the sheet 'plant', not 'empty' and 'more' (data.key)" in remark
    assert "took line 5 for names" in remark
    check_frame(source.split(DataConfig(path="x"), 1))
    assert load(DataConfig(path=str(path), key="more"), 1).input_shape == (2,)
    assert "book.xlsx has no sheet 'less'; there is 'empty'" in complaint(path, key="less")
    path.write_bytes(path.read_bytes()[:300])
    assert "cannot be read" in complaint(path)


def test_a_reader_that_is_not_installed_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for name, package in (("t.parquet", "pyarrow"), ("t.xlsx", "openpyxl"), ("t.xls", "xlrd")):
        (tmp_path / name).write_bytes(b"x")
        said = complaint(tmp_path / name)
        assert f"needs {package}, which is not installed; pip install {package}" in said


def test_arrays_of_matlab_and_hdf5_are_chosen_by_usual_names_or_by_key(tmp_path):
    rows, labels = RNG.normal(size=(40, 3)), np.arange(40) % 2
    scipy.io.savemat(tmp_path / "old.mat", {"X": rows, "y": labels, "mu": rows.mean()})
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["X"], file["y"] = rows.T, labels[None]
    with h5py.File(tmp_path / "h.h5", "w") as file:
        file["plant/data"], file["plant/labels"] = rows, labels
    for name in ("old.mat", "new.mat", "h.h5"):
        data = load(DataConfig(path=str(tmp_path / name)), 1)
        assert data.input_shape == (3,)
        assert data.train_labels is not None
        rebuilt = data.kind.decode(data.test).to_numpy()
        np.testing.assert_allclose(rebuilt, rows[data.test_origins.names - 1], rtol=1e-5)
        assert data.test_labels.tolist() == labels[data.test_origins.names - 1].tolist()
    scipy.io.savemat(tmp_path / "two.mat", {"alpha": rows, "beta": rows[:, :2]})
    said = complaint(tmp_path / "two.mat")
    assert "which are the items? It holds 'alpha' 40×3 and 'beta' 40×2; name one with" in said
    assert load(DataConfig(path=str(tmp_path / "two.mat"), key="beta"), 1).input_shape == (2,)
    assert "two.mat has no 'gamma'" in complaint(tmp_path / "two.mat", key="gamma")
    np.savez(tmp_path / "two.npz", alpha=rows, beta=rows[:, :2])
    assert load(DataConfig(path=str(tmp_path / "two.npz"), key="beta"), 1).input_shape == (2,)
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 nonsense" * 20)
    assert "cannot be read" in complaint(tmp_path / "old.mat")


def test_pictures_along_the_last_axis_and_a_single_one_are_refused(tmp_path):
    pictures = RNG.integers(0, 256, (16, 16, 3, 50), dtype=np.uint8)
    scipy.io.savemat(tmp_path / "x.mat", {"X": pictures, "y": np.ones((50, 1))})
    np.savez(tmp_path / "x.npz", x=pictures)
    np.save(tmp_path / "x.npy", pictures[:, :, 0])
    for suffix in ("mat", "npz", "npy"):
        said = complaint(tmp_path / f"x.{suffix}")
        assert "50 pictures of 16×16 along the last axis; save np.moveaxis(x, -1, 0)" in said
    np.save(tmp_path / "one.npy", pictures[..., 0])
    assert "one picture in colour" in complaint(tmp_path / "one.npy")
    np.save(tmp_path / "x.npy", np.moveaxis(pictures, -1, 0))
    assert load(DataConfig(path=str(tmp_path / "x.npy")), 1).input_shape == (16, 16, 3)


def test_what_is_no_matlab_file_is_one_sentence_and_sparse_matrices_are_read(tmp_path):
    path = tmp_path / "x.mat"
    path.write_bytes(b"nothing")
    assert "cannot be read" in complaint(path)
    rows = scipy.sparse.random(60, 5, 0.4, "csc", random_state=1)
    scipy.io.savemat(path, {"X": rows})
    data = load(DataConfig(path=str(path)), 1)
    wanted = rows.toarray()[data.test_origins.names - 1]
    np.testing.assert_allclose(data.kind.decode(data.test).to_numpy(), wanted, atol=1e-6)


def test_fields_of_a_structured_array_are_columns(tmp_path):
    fields = [("a", ">f8"), ("n", "<i4"), ("city", "U4"), ("code", "S2")]
    rows = [(i / 7, i % 5, ("Ulm", "Bonn")[i % 2], b"xy"[: i % 2 + 1]) for i in range(60)]
    np.save(tmp_path / "x.npy", np.array(rows, fields))
    data = load(DataConfig(path=str(tmp_path / "x.npy")), 1)
    assert [column.name for column in data.kind.columns] == ["a", "n", "city", "code"]
    assert data.kind.decode(data.test).iloc[0].tolist()[2:] == [
        rows[data.test_origins.names[0] - 1][2],
        rows[data.test_origins.names[0] - 1][3].decode(),
    ]


def test_usual_names_of_other_tools_are_known_in_npz(tmp_path):
    rows = RNG.normal(size=(60, 3))
    np.savez(tmp_path / "x.npz", X=rows, target=np.arange(60) % 3)
    data = load(DataConfig(path=str(tmp_path / "x.npz")), 1)
    assert data.train_labels is not None
