"""Textbook networks: a search may begin with those that its space holds."""

import importlib

import numpy as np
import pytest

import evoae
from evoae.config.load import make_config
from evoae.data.pca import LARGEST
from evoae.engine.problem import Problem
from evoae.engine.recommendation import with_recommended
from evoae.engine.seed_genomes import from_textbooks
from evoae.execution.inline import InlineExecutor
from evoae.genome.genes import Linear
from evoae.genome.text import render
from tests import faulty

SESSION = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function


def config(tmp_path, items, **model):
    np.save(tmp_path / "items.npy", items)
    raw = {
        "data": {"path": str(tmp_path / "items.npy")},
        "model": {"min_latent": 3, "max_latent": 3, **model},
        "search": {"seed_genomes": "textbook", "population": 20, "generations": 1},
        "execution": {"kind": "inline"},
    }
    return make_config(raw)


ROWS = np.random.default_rng(0).normal(size=(60, 9)).astype(np.float32)
PICTURES = np.random.default_rng(0).integers(256, size=(60, 28, 28), dtype=np.uint8)
EITHER = {
    "activation": ["relu", "elu", "gelu"],
    "downsampling": ["max", "stride"],
    "upsampling": ["upsample", "transposed"],
}


@pytest.mark.parametrize("items", [ROWS, PICTURES])
@pytest.mark.parametrize("linear", ["none", "pca", ["none", "pca"]])
def test_all_of_a_kind_lie_in_a_wide_space_with_the_code_of_the_search(tmp_path, items, linear):
    layers = "both" if items.ndim == 3 else "auto"
    problem = Problem.make(config(tmp_path, items, linear=linear, layers=layers, **EITHER))
    found = from_textbooks(problem)
    assert len(found) == (8 if isinstance(linear, list) else 4)
    for genome in found:
        assert problem.space.violation(genome) is None
        assert genome.latent.units == 3
    chosen = {
        gene.kind for genome in found for gene in genome.global_genes if type(gene) is Linear
    }
    assert chosen == (set() if linear == "none" else {linear} if linear == "pca" else {*linear})


@pytest.mark.parametrize("shape", [(100, 100), (128, 128, 3), (64, 64), (16, 16, 3)])
@pytest.mark.parametrize("latent", [8, 64])
def test_they_suit_pictures_of_any_size_with_and_without_a_linear_path(tmp_path, shape, latent):
    pictures = np.random.default_rng(0).integers(256, size=(60, *shape), dtype=np.uint8)
    np.save(tmp_path / "items.npy", pictures)
    raw = {"data": {"path": str(tmp_path / "items.npy")}, "execution": {"kind": "inline"}}
    problem = Problem.make(with_recommended(make_config(raw), latent, minutes=0.4))
    found = from_textbooks(problem)
    assert all(problem.space.violation(genome) is None for genome in found)
    linear = [Linear("pca") in genome.global_genes for genome in found]
    assert linear.count(False) >= 2
    if np.prod(shape) <= LARGEST:
        assert linear.count(True) >= 2


@pytest.mark.parametrize("items", [ROWS, PICTURES])
def test_what_a_narrow_space_does_not_hold_is_left_out(tmp_path, items):
    problem = Problem.make(config(tmp_path, items, max_parameters=30_000))
    for genome in from_textbooks(problem):
        assert problem.space.violation(genome) is None
    assert not from_textbooks(Problem.make(config(tmp_path, items, units=[1, 2], filters=[1, 2])))


def test_a_search_begins_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr(SESSION, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    chosen = config(tmp_path, ROWS, **EITHER)
    run = evoae.search(chosen, run=tmp_path / "run")
    tried = [run.find(each.id).candidate for each in run.first_evaluations()]
    given = [each.genome for each in tried if each.operator == "seed"]
    assert sorted(given) == sorted(map(render, from_textbooks(Problem.make(chosen))))
    assert len(tried) == 20


def test_a_space_without_any_begins_at_random(tmp_path, monkeypatch):
    monkeypatch.setattr(SESSION, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    run = evoae.search(config(tmp_path, ROWS, units=[1, 2]), run=tmp_path / "run")
    assert len(run.first_evaluations()) > 0
