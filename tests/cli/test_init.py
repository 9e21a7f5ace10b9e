from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from evoae.cli.init import command as init
from evoae.config.load import load_config
from evoae.data.load import load
from evoae.errors import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and a cache of its own."""
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(init, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done


def put_pictures(path: Path) -> None:
    path.mkdir()
    for i in range(12):
        Image.fromarray(np.full((70 + i, 80, 3), 9 * i, np.uint8)).save(path / f"{i}.jpg")


def test_the_folder_template_works_once_the_made_up_path_is_replaced(folder: Path) -> None:
    done = run("--template", "folder")
    assert done.stdout == "evoae.yaml\n"
    assert "Put your folder in place of my-images" in done.stderr
    file = folder / "evoae.yaml"
    file.write_text(file.read_text().replace("my-images", "photos"))
    put_pictures(folder / "photos")
    config = load_config(file)
    assert load(config.data, config.seed).input_shape == (64, 64, 3)


def test_the_folder_template_takes_a_folder_that_exists(folder: Path) -> None:
    put_pictures(folder / "photos")
    assert "Put your folder" not in run("--template", "folder", "--data", "photos").stderr
    data = load_config(folder / "evoae.yaml").data
    assert (data.path, data.size, data.name) == ("photos", 64, None)


def test_a_config_for_a_table_reads_it(folder: Path) -> None:
    (folder / "t.csv").write_text("a,b\n" + "".join(f"{i % 9},{i % 3}\n" for i in range(30)))
    run("mine.yaml", "--data", "t.csv")
    config = load_config(folder / "mine.yaml")
    assert load(config.data, config.seed).input_shape == (2,)


def test_without_data_it_is_fashion_mnist(folder: Path) -> None:
    run()
    assert load_config(folder / "evoae.yaml").data.name == "fashion_mnist"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--data", "no.csv"),
            "--data: no.csv; expected a file or folder that exists, or one of fashion_mnist, ",
        ),
        (
            ("--template", "folder", "--data", "mnist"),
            "--template: folder; mnist is not a folder; leave one of them out",
        ),
    ],
)
def test_data_that_do_not_fit_are_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        run(*arguments)
    assert str(error.value).startswith(sentence)


def test_what_is_chosen_for_the_data_stands_below_its_reason(folder: Path) -> None:
    np.save("rows.npy", np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32))
    run("--data", "rows.npy", "--latent", "3")
    lines = [line.strip() for line in (folder / "evoae.yaml").read_text().splitlines()]
    at = lines.index("#: asked for")
    assert lines[at + 1].startswith("min_latent: 3 ")
    config = load_config(folder / "evoae.yaml")
    assert (config.model.max_latent, config.model.linear) == (3, ("pca", "none"))
    assert max(map(len, lines)) <= 100


def test_data_that_cannot_be_read_yet_get_the_defaults_and_a_sentence(folder: Path) -> None:
    (folder / "t.csv").write_text("a,b\n1,2,3\n")
    assert "cannot be read yet" in run("--data", "t.csv").stderr
    assert load_config(folder / "evoae.yaml").training.batch_size == 32
