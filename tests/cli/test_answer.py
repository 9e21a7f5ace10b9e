"""The refitted model is the answer, and a loss stands beside what it means."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evoae import formatting
from evoae.cli.main import cli
from evoae.config.load import load_config
from evoae.experiments.advice import against_pca
from evoae.runs.files import REFIT
from evoae.runs.hall_of_fame import leading
from evoae.runs.run import Run
from tests.runs.samples import candidate, identity, make_run, scored


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def refit(number: int, validation: float | None, test: float, pca: float = 0.05) -> dict:
    return {
        **{"id": identity(number), "genome": candidate(number).genome, "settings": {}},
        **{"trained": 1, "message": None, "seconds": 1.0, "epochs": [9, 7]},
        **{"handed_over": "refit", "val_losses": {}, "val_loss": validation, "test_loss": test},
        **{"test": {"mse": test}, "deviation": {}, "pca": pca, "pca_validation": pca / 2},
        "variance": {"validation": 0.2, "test": 0.4},
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A finished run of three candidates, the third of which was best in the search."""
    with make_run(tmp_path / "run", generations=2) as store:
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(scored(5, 0.07))
        store.update(ended=True, pca={8: 0.04}, variance=0.16, seconds=200.0)
    return tmp_path / "run"


def record(path: Path, *refits: dict) -> Run:
    from evoae.runs.store import Store

    with Store.writer(path) as store:
        for one in refits:
            store.set_result(one["id"], REFIT, one)
    return Run.open(path)


def ranks(opened: Run) -> list[int]:
    return [entry.rank for entry in leading(opened.hall_of_fame())]


def test_the_best_refit_leads_and_is_best(path: Path) -> None:
    record(path, refit(3, 0.03, 0.05), refit(5, 0.02, 0.06))
    opened = Run.open(path)
    assert ranks(opened) == [2, 1]
    assert opened.find("best").candidate.id == identity(5)
    hall = opened.hall_of_fame()
    assert [entry.rank for entry in hall] == [1, 2]  # of the search, as before
    told = json.loads(run("hof", path, "--json").stdout)
    assert [entry["id"] for entry in told] == [identity(5), identity(3)]


def test_a_poor_refit_of_another_does_not_lead_before_the_first_is_refitted(path: Path) -> None:
    opened = record(path, refit(5, 0.06, 0.05))
    assert ranks(opened) == [1, 2]
    record(path, refit(3, 0.07, 0.05))
    assert ranks(opened) == [2, 1]


def test_a_refit_with_the_validation_items_is_the_last_step_and_leads(path: Path) -> None:
    opened = record(path, refit(3, 0.03, 0.05), refit(5, None, 0.09))
    assert ranks(opened) == [2, 1]
    first = run("hof", path).stdout.splitlines()[1].split()
    assert first[:5] == ["2", "000500", ".07000", "-", ".09000"]


def test_hof_shows_pca_on_the_items_of_each_column(path: Path) -> None:
    record(path, refit(3, 0.03, 0.04))
    done = run("hof", path)
    header, first, second, pca = done.stdout.splitlines()
    assert header.split() == [
        "rank",
        "id",
        "search",
        "refit",
        "test",
        "latent",
        "params",
        "genome",
    ]
    assert first.split()[:5] == ["1", "000300", ".05000", ".03000", ".04000"]
    assert second.split()[:5] == ["2", "000500", ".07000", "-", "-"]
    assert pca.split()[:5] == ["PCA", ".04000", ".02500", ".05000", "8"]
    assert done.stderr == ""


def test_status_speaks_of_the_refitted_model(path: Path) -> None:
    record(path, refit(3, 0.03, 0.04))
    first, meaning, figures = run("status", path).stdout.splitlines()
    assert first.endswith("refitted .03000, test .04000  000300")
    assert meaning == "explains 90% of the variance; PCA of the same size 88%"
    assert figures.startswith("trained 3 · ")
    answer = json.loads(run("status", path, "--json").stdout)["answer"]
    assert (answer["refit_loss"], answer["test_pca"]) == (0.03, 0.05)
    assert answer["test_explained"] == pytest.approx(0.9)


@pytest.mark.parametrize("command", ["hof", "status"])
def test_a_search_behind_pca_says_so_and_what_to_do(command: str, path: Path) -> None:
    said = run(command, path).stderr.strip().splitlines()
    assert said == [
        "PCA of the same size is better in validation: .04000 against .05000.",
        f"Train the best longer, since searches train briefly:  evoae refit {path} --minutes 4",
    ]


def test_the_commands_against_pca_work_as_printed(path: Path, tmp_path: Path) -> None:
    opened = Run.open(path)
    (refit_it, _), (search_it, _) = against_pca(opened, opened.best())
    assert refit_it == f"evoae refit {path} --minutes 4"
    *_, config, option, changed = shlex.split(search_it)
    assert option == "--set"
    assert load_config(Path(config), [changed]).model.linear == ("pca", "none")
    later = record(path, refit(3, 0.03, 0.06))
    assert [typed for typed, _ in against_pca(later, later.best())] == [search_it]
    assert "better on the test set: .05000 against .06000" in run("hof", path).stderr


def test_as_good_as_pca_is_not_behind_it(path: Path) -> None:
    opened = record(path, refit(3, 0.03, 0.05 * 1.0005))
    assert against_pca(opened, opened.best()) == []


@pytest.mark.parametrize(
    ("share", "of_pca", "said"),
    [
        (0.894, 0.851, "explains 89% of the variance; PCA of the same size 85%"),
        (0.951, None, "explains 95.1% of the variance"),
        (0.9961, 0.5, "explains 99.61% of the variance; PCA of the same size 50%"),
        (-0.1, 0.2, "explains none of the variance, worse than the mean item; PCA of the same "),
    ],
)
def test_what_a_loss_means_is_a_share_of_the_variance(
    share: float, of_pca: float | None, said: str
) -> None:
    assert formatting.explained(share, of_pca).startswith(said)


def test_show_and_evaluate_say_what_a_loss_means(path: Path, monkeypatch: object) -> None:
    record(path, refit(3, 0.03, 0.04))
    shown = run("show", path).stdout
    assert "explains 69% of the variance; PCA of the same size 75%" in shown
    from evoae.cli.evaluate import _in_words

    of_test = _in_words(str(path), "best", None, 0.1)
    assert of_test == "explains 75% of the variance; PCA of the same size 88%"
    of_validation = _in_words(str(path), "best", "validation", 0.1)
    assert of_validation == "explains 50% of the variance; PCA of the same size 88%"
    assert _in_words(str(path), "best", "train", 0.1) == ""
