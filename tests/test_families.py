"""Every kind of objective trains to the same result on every executor, images and rows alike."""

from __future__ import annotations

import importlib

import pytest

import evoae
from evoae.config.schema import ExecutionConfig
from evoae.execution.factory import executor_for
from tests.conftest import TINY, history, with_changes
from tests.covering import first

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
OBJECTIVES = [
    {"kind": "reconstruction", "loss": "bce"},
    {"kind": "denoising", "corruption": "masking", "level": 0.2},
    {"kind": "sparse", "sparsity": "kl"},
    {"kind": "contractive"},
    {"kind": "variational", "loss": "bce", "posterior": "full", "anneal_epochs": 1.0},
]
FEW = with_changes(TINY, search={"population": 2, "generations": 1})
FIGURES = {
    "reconstruction": {"loss", "error"},
    "denoising": {"loss", "error"},
    "sparse": {"loss", "error", "penalty", "activity"},
    "contractive": {"loss", "error", "penalty"},
    "variational": {"loss", "elbo", "reconstruction", "kl", "error"},
}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [f"{i % 7},{(i * i) % 11 / 3},{'abc'[i % 3]}" for i in range(120)]
    path.write_text("one,two,three\n" + "\n".join(rows))
    return {"path": str(path)}


@pytest.fixture(scope="module")
def workers():
    """Two processes that train one search after the other, and so load TensorFlow once."""
    executor = executor_for(ExecutionConfig(kind="local", workers=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "close", lambda: None)
        yield executor
    executor.close()


@pytest.mark.parametrize(
    "objective",
    first(OBJECTIVES, lambda each: each["kind"] == "denoising"),
    ids=lambda objective: objective["kind"],
)
def test_an_objective_gives_the_same_search_on_every_executor(
    objective, workers, tmp_path, monkeypatch
):
    raw = with_changes(FEW, objective=objective)
    inline = evoae.search(raw, run=tmp_path / "inline")
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: workers)
    local = evoae.search(raw, run=tmp_path / "local")
    assert history(inline) == history(local)
    for evaluation in inline.first_evaluations():
        assert set(evaluation.metrics) == FIGURES[objective["kind"]]
        assert evaluation.fitness == evaluation.metrics["loss"]


@pytest.mark.parametrize(
    "kind",
    first(["reconstruction", "sparse", "variational"], lambda kind: kind == "variational"),
)
def test_a_table_is_searched_for_every_kind_of_code(kind, table, tmp_path):
    raw = with_changes(FEW, objective={"kind": kind}) | {"data": table}
    run = evoae.search(raw, run=tmp_path / "run")
    assert all(evaluation.fitness is not None for evaluation in run.first_evaluations())
    model = run.hall_of_fame()[0].load()
    assert model.output_shape == (None, 5)
    assert len(model.get_layer("encoder").outputs) == (2 if kind == "variational" else 1)


def test_a_search_with_every_gene_ends_and_obeys_its_train_genes(tmp_path):
    raw = with_changes(
        FEW,
        model={
            "layers": "both",
            "units": [4, 16],
            "activation": ["relu", "gelu", "tanh"],
            "downsampling": ["max", "average", "stride"],
            "upsampling": ["upsample", "transposed"],
            "learning": {"evolve": True, "batch_sizes": [8, 32], "optimizers": ["adam", "sgd"]},
            "min_side": 3,
        },
    )
    run = evoae.search(raw, run=tmp_path / "run")
    assert all(entry.genome.startswith("act(") for entry in run.hall_of_fame())
    assert all(" train(" in entry.genome for entry in run.hall_of_fame())
    again = evoae.search(raw, run=tmp_path / "again")
    assert history(run) == history(again)
