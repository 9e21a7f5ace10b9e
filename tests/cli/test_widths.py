"""What commands print for people fits a terminal, and no number is lost in a narrow one."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from evoae import terminal
from evoae.cli import output, show
from evoae.cli.fidelity import _print as print_fidelity
from evoae.cli.main import cli
from evoae.cli.refit import print_refitted
from evoae.experiments.rank_fidelity import Correlation, Fidelity, Trained
from evoae.experiments.refit import Refitted
from evoae.runs.run import Run
from tests.golden_json import RUN, make_golden_run
from tests.runs.samples import make_family

WIDTHS = (60, 80, 100, 120)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
GENOME = "conv(64,5x5) bn drop(0.25) conv(48,3x3) | latent(8) | upconv(48,3x3) upconv(64,5x5) bn"
COMMANDS = (
    *("hof run", "hof run --front", "evaluations run", "failures run", "status run", "show run"),
    *("lineage family", "compare run other", "data list", "data describe cells.csv"),
    *("zoo list", "zoo show fmnist-32", "space sample --config c.yaml --shape 28x28x1 -n 3"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs, a table and a configuration."""
    folder = tmp_path_factory.mktemp("widths")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_golden_run()
        shutil.copytree(RUN, "other")
        make_family(Path("family")).close()
    names = ("a_rather_long_name_of_a_column", "b", "kind")
    cells = [f"{1e6 / (1 + row)},{row * 3.25},{('one', 'other')[row % 2]}" for row in range(40)]
    (folder / "cells.csv").write_text("\n".join([",".join(names), *cells]))
    (folder / "c.yaml").write_text("data: {name: fashion_mnist}")
    return folder


def refitted(run: Run) -> None:
    """Print two refits with every figure that images have."""
    test = dict.fromkeys(("loss", "error", "mse", "psnr", "ssim"), 12.3456)
    both = [
        Refitted(
            *(entry.id, GENOME, {"batch_size": 16, "learning_rate": 0.01}, 3, None, 4.5, (20, 19)),
            **{"val_loss": 0.01, "test_loss": 0.02, "test": test, "deviation": test, "pca": 0.03},
        )
        for entry in run.hall_of_fame()
    ]
    print_refitted(run, both)


def fidelity(run: Run) -> None:
    """Print a sample of two candidates."""
    ids = [entry.id for entry in run.hall_of_fame()]
    sample = [
        Trained(id, GENOME, place, 0.012345, 0.0056789, (1, 2), "scored", None, 9.0)
        for place, id in enumerate(ids)
    ]
    rank = Correlation(0.5, 0.25, 0.75)
    advice = "Trust the search's order, and refit the best 3."
    print_fidelity(Fidelity(RUN, 9, 40, tuple(sample), rank, rank, 1, 2, 0.01, advice))


def printed(what: str | Callable[[Run], None], width: int, patch: pytest.MonkeyPatch) -> str:
    """Return what a command or function prints on a terminal of that width."""
    for module in (output, show):
        patch.setattr(module, "width_of", lambda _: width)
    if isinstance(what, str):
        done = CliRunner().invoke(cli, shlex.split(what))
    else:
        done = CliRunner().invoke(_command(what))
    assert done.exit_code == 0, done.output
    return done.stdout


def _command(function: Callable[[Run], None]) -> click.Command:
    return click.Command("printing", callback=lambda: function(Run.open(RUN)))


@pytest.mark.parametrize(
    "what", [*COMMANDS, refitted, fidelity], ids=lambda what: getattr(what, "__name__", str(what))
)
def test_no_number_is_lost_however_narrow_the_terminal(
    what: str | Callable[[Run], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EVOAE_CACHE", str(folder))
    wide = Counter(NUMBER.findall(printed(what, 10_000, monkeypatch)))
    for width in WIDTHS:
        text = printed(what, width, monkeypatch)
        assert wide - Counter(NUMBER.findall(text)) == Counter(), f"{width}:\n{text}"
        lines = [line for line in text.splitlines() if len(line) > width]
        assert all(max(map(len, line.split())) > width - 15 for line in lines), f"{width}:\n{text}"


def test_the_genome_stands_beside_or_below_its_row() -> None:
    cells = [["id", "loss", "genome"], ["9f3ac1", ".01763", GENOME]]
    assert list(terminal.table(cells, {"loss"}, 120)) == [
        "id        loss  genome",
        f"9f3ac1  .01763  {GENOME}",
    ]
    beside = list(terminal.table(cells, {"loss"}, 80))
    assert beside[1].startswith("9f3ac1  .01763  conv(64,5x5) bn")
    assert beside[2].startswith(" " * 16)
    below = list(terminal.table(cells, {"loss"}, 28))
    assert below[:2] == ["id        loss", "9f3ac1  .01763"]
    assert all(line.startswith("    ") for line in below[2:])
    assert " ".join(line.strip() for line in below[2:]) == GENOME


def test_a_column_without_room_stands_below_behind_its_header() -> None:
    cells = [["id", "loss", "params"], ["9f3ac1", ".01763", "1,234,567"]]
    assert list(terminal.table(cells, {"loss", "params"}, 22)) == [
        *("id        loss", "9f3ac1  .01763", "    params: 1,234,567")
    ]


def test_a_word_is_never_broken() -> None:
    assert terminal.folded("drop(0.25) latent(8)", 12) == ["drop(0.25)", "latent(8)"]
    assert terminal.folded("digest aaaaaaaa", 6, "  ") == ["digest aaaaaaaa"]
    assert terminal.folded("文字 文字", 5) == ["文字", "文字"]
    assert terminal.folded("", 4) == [""]


def test_items_are_broken_between_them() -> None:
    assert terminal.dotted(["trained 40", "cost 1.2 TFLOP"], 20) == [
        "trained 40",
        "cost 1.2 TFLOP",
    ]
    assert terminal.dotted(["a 1", "b 2"], 20) == ["a 1 · b 2"]
