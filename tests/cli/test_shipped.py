"""Every command that takes a configuration takes a shipped one by its name."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import evoae
from evoae.cli.main import cli
from evoae.engine.progress import Callback
from evoae.errors import RunError
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
SHORT = (
    *(
        "--set",
        "search.population=2",
        "--set",
        "search.generations=1",
        "--set",
        "search.elitism=0",
    ),
    *("--set", "training.epochs=1", "--set", "data.reduce.train=32", "--set", "data.test=0.5"),
    *("--set", "data.reduce.validation=16", "--set", "execution.kind=inline"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "--config", "digits.yaml", *SHORT),
        ("plan", "digits", "--networks", "2", *SHORT),
        ("train", "--config", "digits", "--genome", "dense_784_32.txt", "--epochs", "1", *SHORT),
        ("space", "sample", "--config", "configs/digits.yaml", "--shape", "8x8x1"),
        ("space", "check", "--config", "digits.yaml", "--shape", "8x8x1"),
        ("data", "describe", "digits.yaml"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_command_takes_a_shipped_configuration_and_says_which_file(
    arguments: tuple[str, ...],
) -> None:
    said = run(*arguments).stderr.splitlines()
    assert [line for line in said if str(ROOT / "configs" / "digits.yaml") in line] == said[:1]


def test_python_takes_a_shipped_configuration_as_well() -> None:
    class Hearing(Callback):
        def said(self, line: str) -> None:
            heard.append(line)

    heard: list[str] = []
    (Path("there") / "sub").mkdir(parents=True)
    with pytest.raises(RunError, match="exists already"):
        evoae.search("digits.yaml", run="there", callback=Hearing())
    assert str(ROOT / "configs" / "digits.yaml") in heard[0]


def typed_next(said: str) -> list[str]:
    """Return the words of the command that comes next, without what it does."""
    (line,) = (line for line in said.splitlines() if line.startswith("Next:"))
    return shlex.split(line.removeprefix("Next:").split("  do it")[0])


def test_init_suggests_a_search_that_works_as_it_is_printed() -> None:
    said = run("init", "my own; file.yaml", "--data", "digits").stderr
    assert typed_next(said) == ["evoae", "search", "--config", "my own; file.yaml"]


@pytest.mark.slow
def test_plan_suggests_the_search_that_it_forecast() -> None:
    Path("my tiny.yaml").write_text(yaml.safe_dump(TINY))
    changes = ("--set", "training.epochs=1", "--set", "model.filters=[4, 8]")
    said = run("plan", "my tiny.yaml", "--networks", "2", *changes).stderr
    assert typed_next(said) == ["evoae", "search", "--config", "my tiny.yaml", *changes]
