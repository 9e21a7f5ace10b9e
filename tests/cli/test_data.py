from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evoae.cli.data import command as data
from evoae.data.sources import download, fetchers
from evoae.errors import DataError, EvoaeError


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("EVOAE_DATA", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fetchers, "SYSTEM", tmp_path / "system")


def run(*arguments: str) -> tuple[str, str]:
    """Return stdout and stderr; what the command raises passes through, as it does to the edge."""
    done = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout, done.stderr


def test_list_says_what_is_here_and_what_is_not() -> None:
    out, err = run("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert rows["fashion_mnist"].endswith("MIT           not here yet")
    assert "28×28×1  60,000 + 10,000 test" in rows["mnist"]
    assert rows["digits"].endswith("scikit-learn")
    assert err == ""


def test_list_as_json_is_a_list_of_objects() -> None:
    listed = {entry["name"]: entry for entry in json.loads(run("list", "--json")[0])}
    assert listed["fashion_mnist"] == {
        "name": "fashion_mnist",
        "shape": [28, 28, 1],
        "train": 60_000,
        "test": 10_000,
        "licence": "MIT",
        "source": "https://github.com/zalandoresearch/fashion-mnist",
        "found": None,
    }
    assert listed["digits"]["test"] is None


def test_get_prints_only_where_the_set_is() -> None:
    assert run("get", "digits") == ("scikit-learn\n", "")


def test_get_without_network_talks_on_stderr_and_raises_the_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise download.DownloadError("no network")

    monkeypatch.setattr(download, "download", refuse)
    with pytest.raises(DataError) as error:
        data(["get", "mnist"], standalone_mode=False)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "mnist: not on this machine yet; getting 11 MB, once\n")
    assert "not found in data.path, EVOAE_DATA, ~/.keras/datasets or " in str(error.value)
    assert error.value.next_step == (
        "Set EVOAE_DATA, or put its four idx files or mnist.npz in a folder and set data.path."
    )


def test_describe_a_named_set_for_people() -> None:
    out, _ = run("describe", "digits")
    assert out.splitlines() == [
        "name        digits",
        "shape       8×8×1",
        "type        float32 from 0 to 1",
        "train       1,455",
        "validation  162",
        "test        180",
        "mean image  MSE 0.07249 validation, 0.07263 test: what any model must beat",
        "digest      112ea8ba84140358fe4c6f1be672e3878fef1613cb9a11f71feaba9342490aee",
    ]


def test_describe_a_file_as_json(tmp_path: Path) -> None:
    images = np.zeros((20, 4, 6, 3), np.uint8)
    images[::2] = 255
    np.save(tmp_path / "x.npy", images)
    described = json.loads(run("describe", str(tmp_path / "x.npy"), "--json")[0])
    assert described["name"] == "x.npy"
    assert described["input_shape"] == [4, 6, 3]
    assert (described["dtype"], described["low"], described["high"]) == ("uint8", 0, 255)
    assert (described["train"], described["validation"], described["test"]) == (16, 2, 2)
    mean = np.load(tmp_path / "x.npy").mean() / 255
    assert described["mean_image_mse_test"] == pytest.approx(mean * (1 - mean), abs=0.02)
    assert len(described["digest"]) == 64


def test_describe_something_that_is_neither_is_a_sentence() -> None:
    with pytest.raises(DataError) as error:
        run("describe", "fashion")
    assert str(error.value) == (
        "fashion: no named set, and no file; 'evoae data list' shows the sets"
    )


def test_the_command_loads_numpy_only_when_it_runs() -> None:
    code = (
        "import sys, evoae.cli.data\n"
        "heavy = {'numpy', 'sklearn', 'tensorflow', 'keras', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_data_never_loads_tensorflow() -> None:
    code = (
        "import sys\n"
        "from evoae.config.data import DataConfig\n"
        "from evoae.data import load, shared_memmap, summary\n"
        "from evoae.data.sources import files\n"
        "summary.summarise(load.load(DataConfig(name='digits'), 7))\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_describe_a_table_for_people(tmp_path: Path) -> None:
    lines = [f"{i},{i / 4},{'ab'[i % 2]}" for i in range(30)]
    lines[7], lines[8] = "?,1,a", "3,1,"
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["age,dose,kind", *lines]))
    with pytest.raises(DataError) as error:
        run("describe", str(file))
    assert error.value.value == "2 missing values (age 1, kind 1)"
    out, _ = run("describe", str(file), "--set", "data.missing=drop")
    described = out.splitlines()
    assert described[1:5] == [
        "shape       4",
        f"type        {described[2][12:]}",
        "train       23",
        "validation  2",
    ]
    assert described[8] == "rows        30, 2 of them left out; 2 values missing"
    rows = {line.split()[0]: line for line in described[10:]}
    assert rows["age"].split()[:4] == ["age", "numeric", "1", "-"]
    assert rows["kind"].split()[:4] == ["kind", "categorical", "1", "0"]
    assert "%" in rows["kind"]
    as_json = json.loads(run("describe", str(file), "--set", "data.missing=drop", "--json")[0])
    assert (as_json["rows"], as_json["left_out"]) == (30, 2)
    assert [column["name"] for column in as_json["columns"]] == ["age", "dose", "kind"]


def test_many_columns_are_counted_and_those_that_stand_out_are_listed(tmp_path: Path) -> None:
    names = ["sample", *(f"gene{i}" for i in range(300)), "site"]
    rng = np.random.default_rng(0)
    lines = [
        f"{100 + row},{','.join(f'{v:.3f}' for v in values)},{'ab'[row % 2]}"
        for row, values in enumerate(rng.normal(size=(80, 300)))
    ]
    lines[4] = lines[4].replace(",", ",,", 1).rsplit(",", 2)[0] + ",b"
    lines = [re.sub(r"^(\d+,[^,]*,)[^,]*", r"\g<1>7", line) for line in lines]
    file = tmp_path / "t.csv"
    file.write_text("\n".join([",".join(names), *lines]))
    out, _ = run("describe", str(file), "--set", "data.missing=impute")
    described = out.splitlines()
    assert len(described) < 60
    assert described[9] == "columns     301: 1 constant and 1 with missing values"
    assert described[10].startswith("numeric     300: means ")
    assert described[11] == "categorical 1 with 2 categories each"
    assert [line.split()[0] for line in described[14:16]] == ["gene1", "gene0"]
    assert described[-1] == "299 further columns; --json lists all"
    told = json.loads(run("describe", str(file), "--set", "data.missing=impute", "--json")[0])
    assert [column["name"] for column in told["columns"]] == names[1:]


def test_describe_what_a_config_describes(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("seed: 8\ndata: {name: digits, validation: 100}\n")
    described = json.loads(run("describe", str(config), "--json")[0])
    assert (described["name"], described["validation"]) == ("digits", 100)
    with pytest.raises(EvoaeError, match=r"data\.sizee"):
        run("describe", "digits", "--set", "data.sizee=3")


def test_describe_a_folder_of_pictures_and_say_what_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(np.full((9 + i % 2, 9, 3), 20 * i, np.uint8)).save(folder / f"{i}.png")
    (folder / "notes.jpg").write_text("no picture")
    with pytest.raises(DataError, match=r"notes.jpg: cannot be decoded \(no picture of a known"):
        run("describe", str(folder))
    with pytest.raises(DataError, match=r"2 sizes, height×width: 9×9 \(6\), 10×9 \(6\)"):
        run("describe", str(folder), "--set", "data.corrupt=skip")
    settings = ("--set", "data.corrupt=skip", "--set", "data.size=8")
    out, err = run("describe", str(folder), *settings)
    assert out.splitlines()[:2] == [
        "name        photos",
        "shape       8×8×3",
    ]
    assert err == (
        "photos: skipped 1 of 13 pictures that cannot be decoded: "
        "notes.jpg (no picture of a known format)\n"
    )
