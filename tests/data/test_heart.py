from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evoae.config.data import DataConfig
from evoae.data.kinds.tables import Rows, Table
from evoae.data.load import load
from evoae.data.sources import download, named
from evoae.data.sources.fetchers import FileFetcher
from evoae.data.sources.heart import HEART, NAMES
from evoae.errors import DataError

FILE = "processed.cleveland.data"
MINE = os.environ.get("EVOAE_DATA")  # before the fixtures hide it
Heart = Callable[[Path], Path]


def patients(count: int = 40, seed: int = 0) -> str:
    """Return made-up rows in the layout of the original, with two values missing."""
    rng = np.random.default_rng(seed)
    lines = [
        f"{rng.integers(30, 78)}.0,{rng.integers(0, 2)}.0,{rng.integers(1, 5)}.0,"
        f"{rng.integers(94, 200)}.0,{rng.integers(126, 500)}.0,{rng.integers(0, 2)}.0,"
        f"{rng.integers(0, 3)}.0,{rng.integers(71, 203)}.0,{rng.integers(0, 2)}.0,"
        f"{rng.integers(0, 60) / 10},{rng.integers(1, 4)}.0,"
        f"{'?' if i == 3 else f'{rng.integers(0, 4)}.0'},"
        f"{'?' if i == 9 else f'{rng.choice([3, 6, 7])}.0'},{rng.integers(0, 5)}"
        for i in range(count)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def heart(monkeypatch: pytest.MonkeyPatch) -> FileFetcher:
    """The set `heart` with a made-up original, which no network has."""
    fetcher = replace(HEART, digests=(hashlib.sha256(patients().encode()).hexdigest(),))
    monkeypatch.setitem(named.NAMED, "heart", replace(named.NAMED["heart"], fetcher=fetcher))

    def refuse(url: str, target: Path) -> None:
        raise download.DownloadError("no network")

    monkeypatch.setattr(download, "download", refuse)
    return fetcher


def put(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(patients())
    return file


def test_the_file_is_looked_for_where_the_design_says_and_in_that_order(
    heart: FileFetcher, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, environment = tmp_path / "given", tmp_path / "environment"
    monkeypatch.setenv("EVOAE_DATA", str(environment))
    for file in (
        given / "heart" / FILE,
        given / FILE,
        environment / "heart" / FILE,
        environment / FILE,
        home / ".keras/datasets/heart" / FILE,
        home / ".keras/datasets" / FILE,
        tmp_path / "system/heart" / FILE,
    ):
        put(file)
    found = []
    while (where := heart.find(given)) is not None:
        found.append(str(Path(where).relative_to(tmp_path).parent))
        Path(where).unlink()
    assert found == [
        *("given/heart", "given", "environment/heart", "environment"),
        *("home/.keras/datasets/heart", "home/.keras/datasets", "system/heart"),
    ]


def test_the_path_may_be_the_file_itself_under_any_name(
    heart: FileFetcher, tmp_path: Path
) -> None:
    file = put(tmp_path / "mine.txt")
    assert heart.find(file) == str(file)
    assert len(load(DataConfig(name="heart", path=str(file)), 1).train) > 20


def test_heart_names_its_columns_and_drops_rows_that_lack_a_value(
    heart: FileFetcher, tmp_path: Path
) -> None:
    put(tmp_path / "heart" / FILE)
    data = load(DataConfig(name="heart", path=str(tmp_path)), 7)
    table = data.kind
    assert isinstance(table, Table)
    assert table.names == NAMES
    assert (table.label, table.missing, table.left_out) == ("num", "drop", 2)
    kinds = {column.name: column.kind for column in table.columns}
    assert [name for name, kind in kinds.items() if kind == "numeric"] == [
        *("age", "trestbps", "chol", "thalach", "oldpeak", "ca"),
    ]
    assert table.columns[12].categories == ("3", "6", "7")
    assert data.train_labels is not None
    assert set(data.train_labels.tolist()) <= set(range(5))


def test_what_heart_does_by_default_can_be_told_otherwise(
    heart: FileFetcher, tmp_path: Path
) -> None:
    path = str(put(tmp_path / FILE))
    asked = {"name": "heart", "path": path}
    filled = load(DataConfig.model_validate({**asked, "missing": "impute"}), 7).kind
    assert isinstance(filled, Table)
    assert (filled.left_out, filled.missing) == (0, "impute")
    with pytest.raises(DataError, match=r"2 missing values \(ca 1, thal 1\)"):
        load(DataConfig.model_validate({**asked, "missing": "refuse"}), 7)
    whole = load(DataConfig.model_validate({**asked, "label_column": None}), 7)
    assert isinstance(whole.kind, Table)
    assert whole.kind.columns[-1].name == "num"
    assert whole.train_labels is None
    plain = load(DataConfig.model_validate({**asked, "categorical": ()}), 7)
    assert plain.input_shape == (13,)
    with pytest.raises(DataError) as error:
        load(DataConfig.model_validate({**asked, "size": 9}), 7)
    assert str(error.value) == "data.size: 9 says nothing about heart; remove it"


def test_another_file_is_refused(heart: FileFetcher, tmp_path: Path) -> None:
    file = put(tmp_path / FILE)
    file.write_text(patients(seed=1))
    with pytest.raises(DataError) as error:
        heart.read(tmp_path, print)
    assert error.value.place == str(file)
    assert f"expected {heart.digests[0][:12]}…" in str(error.value)


def test_a_download_is_verified_and_kept_and_used_again(
    heart: FileFetcher, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, said = put(tmp_path / "remote"), list[str]()
    monkeypatch.setattr(download, "download", lambda _, target: shutil.copy(remote, target))
    assert isinstance(heart.read(None, said.append), Rows)
    assert said == ["heart: not on this machine yet; getting 18 KB, once"]
    assert [file.name for file in (home / ".keras/datasets").rglob("*")] == ["heart", FILE]
    heart.read(None, said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no network"), ("<html>", "what arrived is not the original")]
)
def test_a_failed_download_says_what_was_tried_and_leaves_nothing(
    heart: FileFetcher,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
    reason: str,
) -> None:
    if content is not None:
        monkeypatch.setattr(download, "download", lambda _, target: target.write_text(content))
    with pytest.raises(DataError) as error:
        heart.read(None, lambda _: None)
    assert "heart: not found in data.path, EVOAE_DATA, ~/.keras/datasets or " in str(error.value)
    assert f"and downloading failed ({reason}" in str(error.value)
    assert error.value.next_step == (
        "Get https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease/"
        "processed.cleveland.data and set data.path to it."
    )
    assert [*(home / ".keras/datasets").iterdir()] == []


@pytest.mark.skipif(
    MINE is None or HEART.find(Path(MINE)) is None, reason="needs the original in EVOAE_DATA"
)
def test_the_original_is_what_its_documentation_says() -> None:
    data = load(DataConfig(name="heart", path=MINE), 7)
    assert isinstance(data.kind, Table)
    assert (data.kind.rows, data.kind.left_out) == (303, 6)
    missing = {column.name: column.missing for column in data.kind.columns if column.missing}
    assert missing == {"ca": 4, "thal": 2}
    assert data.input_shape == (25,)
