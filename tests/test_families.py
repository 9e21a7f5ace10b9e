"""Every kind of objective trains to the same result on every executor, images and rows alike."""

from __future__ import annotations

import pytest

import evoae
from tests.conftest import TINY, history, with_changes

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


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective["kind"])
def test_an_objective_gives_the_same_search_on_every_executor(objective, tmp_path):
    runs = []
    for execution in ({"kind": "inline"}, {"kind": "local", "workers": 2}):
        raw = with_changes(FEW, objective=objective, execution=execution)
        runs.append(evoae.search(raw, run=tmp_path / execution["kind"]))
    inline, local = map(history, runs)
    assert inline == local
    for evaluation in runs[0].first_evaluations():
        assert set(evaluation.metrics) == FIGURES[objective["kind"]]
        assert evaluation.fitness == evaluation.metrics["loss"]


@pytest.mark.parametrize("kind", ["reconstruction", "sparse", "variational"])
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
