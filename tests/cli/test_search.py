"""What `evoae search` says before it trains anything, and when it has ended."""

import yaml
from click.testing import CliRunner

from evoae import formatting
from evoae.cli.main import cli
from evoae.engine.problem import Problem
from evoae.engine.progress import SearchInfo
from tests.conftest import TINY


def test_a_search_begins_with_what_plan_warns_of(tiny_run, tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(TINY))

    def search(config, *, callback, **_):
        problem = Problem.make(config)
        counts = len(problem.dataset.train), len(problem.dataset.validation)
        notes = ("Going on.",)
        shape = problem.dataset.input_shape
        info = SearchInfo(config, tmp_path, shape, *counts, 9, 8, 2, 1, notes, problem)
        callback.started(info)
        return tiny_run

    monkeypatch.setattr("evoae.engine.session.search", search)
    said = CliRunner().invoke(cli, ["search", "--config", str(tmp_path / "c.yaml")]).stderr
    before, _, after = said.partition("\nGoing on.\n")
    assert "run folder" in before
    assert after.startswith("Warning: A training has only 6 optimiser steps, too few to tell ")
    assert after.count("optimiser steps") == 1


def test_a_search_behind_pca_ends_with_what_helps(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("evoae.engine.session.search", lambda *_, **__: tiny_run)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(TINY))
    done = CliRunner().invoke(cli, ["search", "--config", str(tmp_path / "c.yaml")])
    bound, best = tiny_run.linear_bound()[1], tiny_run.hall_of_fame()[0].val_loss
    figures = f"{formatting.loss(bound)} against {formatting.loss(best)}"
    assert f"PCA of the same size is better in validation: {figures}. What helps:" in done.stderr
    assert f"Next:  evoae refit {tiny_run.path} --minutes 1 " in done.stderr
    assert "--set 'model.linear=[pca, none]'" in done.stderr
    assert "none of the variance, worse than the mean item; PCA of the same size" in done.stderr
