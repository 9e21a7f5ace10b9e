from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.backends.backend_agg import FigureCanvasAgg

from evoae.analysis.comparison import course, groups
from evoae.cli.main import cli
from evoae.report.drawing.compared import figure_of
from evoae.runs.run import Run
from tests.runs.samples import make_searched


def invoke(*arguments: object):
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """The second run is better at last, and slower to begin with."""
    return [
        make_searched(tmp_path / "first", [0.3, 0.2, 0.2]),
        make_searched(tmp_path / "second", [0.4, 0.25, 0.1], seed=1),
    ]


def test_the_table_tells_when_each_was_as_good_as_the_other_at_its_end(two):
    head, first, second = invoke(*two).stdout.splitlines()[:3]
    assert head.split()[:6] == ["run", "group", "seed", "best", "trainings", "cost"]
    assert first.split()[:6] == ["1", str(two[0]), "A", "7", ".20000", "3"]
    assert first.endswith("never")
    assert "3 · 30 FLOP" in second


def test_two_runs_of_other_seeds_do_not_tell_whether_they_differ(two):
    done = invoke(*two)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "A: first, second" in done.stdout
    assert "cannot be told" in done.stdout


@pytest.fixture
def eight(tmp_path: Path) -> list[Path]:
    """Four seeds of each of two settings."""
    losses = {"tournament": 0.2, "elitism": 0.3}
    return [
        make_searched(
            tmp_path / f"{name}-{seed}", [0.5, loss + 0.01 * seed], seed=seed, search={name: 3}
        )
        for name, loss in losses.items()
        for seed in range(4)
    ]


def test_enough_seeds_tell_that_two_settings_differ(eight):
    lines = invoke(*eight).stdout.splitlines()
    assert "search.tournament=3" in next(line for line in lines if line.startswith("A: "))
    assert lines[-1] == (
        "After 20 FLOP, B against A: median .31500 against .21500 (+46.5%), "
        "difference +0.1 with a 95% interval of +0.08 to +0.12, p = 0.029 (4 and 4 runs). "
        "They differ."
    )
    told = json.loads(invoke(*eight, "--json").stdout)
    assert [len(group["runs"]) for group in told["groups"]] == [4, 4]
    assert told["contrasts"][0]["differ"] is True
    assert told["runs"][0]["as_good_as"][7] == {"trainings": 2, "cost": 20, "best": 0.2}
    assert len(told["runs"][3]["points"]) == 2


def test_so_few_runs_that_nothing_could_show_say_so(eight):
    done = invoke(*eight[:3], *eight[4:7])
    assert done.stdout.splitlines()[-1].endswith("So few runs cannot show more: at best p = 0.1.")


def test_other_training_settings_are_shown_and_said(two, tmp_path):
    longer = make_searched(tmp_path / "longer", [0.1], training={"epochs": 9})
    done = invoke(two[0], longer)
    assert done.exit_code == 0
    assert "They differ in training.epochs: a lower loss may be the training's" in done.stderr


def test_another_objective_is_refused_in_one_sentence(two, tmp_path):
    other = make_searched(tmp_path / "other", [0.1], objective={"loss": "bce"})
    done = invoke(two[0], other, "--out", tmp_path / "both.svg")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: {other}: cannot be compared with {two[0]}; objective.loss is 'mse' there and "
        "'bce' here; compare runs of the same data and objective\n"
    )
    assert not (tmp_path / "both.svg").exists()


def test_one_run_alone_is_refused(two):
    assert invoke(two[0]).exit_code == 2


def test_a_run_named_twice_is_refused(two):
    done = CliRunner().invoke(cli, ["compare", str(two[0]), str(two[1]), str(two[0])])
    assert done.exit_code == 2
    assert "named twice" in done.stderr


def test_the_figure_is_written_and_its_texts_do_not_meet(eight, tmp_path):
    out = tmp_path / "all.svg"
    assert invoke(*eight, "--out", out).exit_code == 0
    written = out.read_text()
    assert "search.tournament=3" in written
    assert invoke(*eight, "--out", out).exit_code == 2  # it exists already
    courses = [course(Run.open(path)) for path in eight]
    found = groups(courses)
    figure = figure_of(courses, found, [f"{group.name}: four runs" for group in found])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert [axes.get_xlabel() for axes in figure.axes] == ["trainings", "FLOP"]
    for axes in figure.axes:
        assert len(axes.get_lines()) == 8
        assert len({line.get_color() for line in axes.get_lines()}) == 2
    (legend,) = figure.legends
    box = legend.get_window_extent(canvas.get_renderer())
    assert not any(box.overlaps(axes.get_tightbbox()) for axes in figure.axes)
