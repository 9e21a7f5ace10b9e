from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from evoae.analysis.lineage import lineage
from evoae.cli.lineage import tree
from evoae.cli.main import cli
from evoae.runs.run import Run
from tests.runs.samples import bred, identity, make_family, make_run, scored

GENOME = "conv(32,3x3) | latent(8) | upconv(32,3x3)"


def invoke(*arguments: object):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_family(tmp_path / "run").close()
    return tmp_path / "run"


def test_the_tree_of_the_best_reads_like_this(run):
    assert invoke("lineage", run).stdout.splitlines() == [
        "000400  .04000  generation 3, scale_filters",
        "│  .06000 -> .04000 (-33.3%) from 000300",
        "│    conv 1: filters 32 -> 40",
        "000300  .06000  generation 2, swap_genes",
        "│  .08000 -> .06000 (-25.0%) from 000100",
        "│    latent 8 -> 10",
        "│  .10000 -> .06000 (-40.0%) from 000200, 4 differences",
        "│     000200  .10000  generation 1, sample",
        "000100  .08000  generation 1, sample",
    ]


def test_a_tree_that_was_cut_says_so(run):
    done = invoke("lineage", run, "0004", "--depth", 1)
    assert done.stdout.splitlines()[-1] == "and 2 ancestors further back"


def test_a_failed_candidate_tells_how_it_failed(run):
    first, *_ = invoke("lineage", run, "0005").stdout.splitlines()
    assert first == "000500  diverged  generation 2, toggle_modifier"


def test_an_ancestor_of_several_is_told_once(tmp_path):
    parents = {1: (), 2: (), 3: (1, 2), 4: (1, 2), 5: (3, 4), 6: (5, 1)}
    with make_run(tmp_path / "run") as store:
        for number, theirs in parents.items():
            genome = GENOME.replace("32", str(30 + number))
            store.add_candidate(bred(number, genome, theirs, number))
            store.add_evaluation(scored(number, 1 / number))
    lines = list(tree(lineage(Run.open(tmp_path / "run"))))
    for number in parents:
        told = [line for line in lines if f"generation {number}, sample" in line]
        assert len(told) == 1, lines
    assert any("told elsewhere in this tree" in line for line in lines)


def test_a_very_deep_tree_is_written_to_its_end(tmp_path):
    with make_run(tmp_path / "run") as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # nobody pulls a plug here
        for number in range(1, 1201):  # each with a founder of its own as the parent most like it
            theirs = (number - 1, 5_000 + number) if number > 1 else ()
            store.add_candidate(bred(5_000 + number, GENOME, (), number))
            near = GENOME.replace("(8)", "(9)") if number % 2 else GENOME
            store.add_candidate(bred(number, near, theirs, number))
        store.add_evaluation(scored(1200))
    lines = list(tree(lineage(Run.open(tmp_path / "run"))))
    assert sum("generation 1, sample" in line for line in lines) == 1


def test_json_tells_every_change(run):
    told = json.loads(invoke("lineage", run, "--json").stdout)
    assert (told["id"], told["left_out"]) == (identity(4), 0)
    child = told["relatives"][1]
    assert [parent["id"] for parent in child["parents"]] == [identity(1), identity(2)]
    assert len(child["parents"][1]["changes"]) == 4
    assert child["val_loss"] == pytest.approx(0.06)


def test_the_picture_is_written_once_and_never_over_another_file(run, tmp_path):
    done = invoke("lineage", run, "--out", tmp_path / "tree.svg")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'tree.svg'}\n")
    assert "swap_genes: latent 8 -&gt; 10" in (tmp_path / "tree.svg").read_text()
    again = invoke("lineage", run, "--out", tmp_path / "tree.svg")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert invoke("lineage", run, "--out", tmp_path / "tree.svg", "--force").exit_code == 0
    odd = invoke("lineage", run, "--out", tmp_path / "tree.gif")
    assert (odd.exit_code, odd.stdout) == (2, "")
    assert "use .pdf or .png or .svg" in odd.stderr


def test_an_unknown_candidate_is_one_sentence(run):
    done = invoke("lineage", run, "ffff")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no candidate begins with 'ffff'" in done.stderr
