from __future__ import annotations

from pathlib import Path

import pytest

from evoae.config import shipped
from evoae.config.shipped import find_config, find_genome
from evoae.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "named", ["fmnist.yaml", "fmnist", "configs/fmnist.yaml", "configs/fmnist", "./fmnist.yaml"]
)
def test_a_shipped_configuration_is_found_by_name_from_any_folder_and_said(named: str) -> None:
    said: list[str] = []
    path = find_config(named, said.append)
    assert path == ROOT / "configs" / "fmnist.yaml"
    assert len(said) == 1
    assert str(path) in said[0]


@pytest.mark.parametrize("name", ["fmnist.yaml", "fmnist", "configs/fmnist.yaml"])
def test_a_file_that_is_there_wins_and_nothing_is_said(folder: Path, name: str) -> None:
    (folder / "configs").mkdir()
    (folder / name).write_text("")
    said: list[str] = []
    assert find_config(name, said.append) == Path(name)
    assert said == []


def test_a_folder_of_that_name_is_no_configuration(folder: Path) -> None:
    (folder / "digits").mkdir()
    assert find_config("digits").name == "digits.yaml"


@pytest.mark.parametrize(
    ("named", "near"),
    [("fmnst.yaml", "'fmnist'"), ("mine/quickstat.yaml", "'quickstart'"), ("x.yaml", "book, ")],
)
def test_a_name_of_nothing_is_answered_with_the_nearest_and_how_to_make_one(
    named: str, near: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        find_config(named)
    assert str(caught.value).startswith(f"{named}: no such file; ")
    assert near in str(caught.value)
    assert "`evoae init` writes one" in str(caught.value)


@pytest.mark.parametrize("named", ["other/fmnist.yaml", "/fmnist.yaml", "baselines/fmnist.yaml"])
def test_a_path_to_elsewhere_is_no_name_of_a_shipped_one(named: str) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        find_config(named)


@pytest.mark.parametrize("above", ["", "baselines/", "configs/baselines/"])
def test_a_shipped_genome_is_found_by_name_too(above: str) -> None:
    said: list[str] = []
    path = find_genome(f"{above}dense_784_32.txt", said.append)
    assert path == ROOT / "configs" / "baselines" / "dense_784_32.txt"
    assert len(said) == 1
    assert find_genome("conv(8,3x3) | latent(4) | upconv(8,3x3)").parent == Path()


def test_an_installed_package_has_its_configurations_inside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = folder / "configs"
    inside.mkdir()
    (inside / "own.yaml").write_text("")
    monkeypatch.setattr(shipped, "_FOLDERS", (inside, ROOT / "configs"))
    assert find_config("own") == inside / "own.yaml"
    with pytest.raises(ConfigError):
        find_config("fmnist")
