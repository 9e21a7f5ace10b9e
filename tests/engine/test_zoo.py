"""The zoo: its figures are its networks', and searches begin with those that fit."""

import importlib
import math

import pytest
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.config.load import make_config
from evoae.data.sources.named import NAMED
from evoae.engine.problem import Problem
from evoae.engine.seed_genomes import from_zoo
from evoae.engine.zoo import known, zoo
from evoae.errors import GenomeError, SpaceError
from evoae.execution.inline import InlineExecutor
from evoae.genome.canonical import canonical
from evoae.genome.genes import Downsampling, Head, Train
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse, render
from evoae.models.plan import plan
from tests import faulty
from tests.conftest import TINY, with_changes

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function


@pytest.mark.parametrize("one", zoo(), ids=lambda one: one.name)
def test_every_network_is_what_its_line_says(one):
    config = make_config(one.config)
    assert one.data == config.data.name
    assert one.data in NAMED
    genome = parse(one.genome)
    assert render(canonical(genome)) == one.genome
    shape = tuple(one.input_shape)
    output = "sigmoid" if len(shape) == 3 else "linear"
    defaults = NetworkDefaults.of(config.model, config.objective, shape, output)
    size = plan(genome, defaults).size
    assert (one.latent, one.parameters) == (size.latent, size.parameters)
    assert 0 < one.mse < 1
    assert one.test > 0
    trained_on = config.refit.with_validation
    assert one.validation is None if trained_on else one.validation > 0
    assert one.found.endswith(".")


def test_names_are_unique():
    assert len({one.name for one in zoo()}) == len(zoo()) > 0


def problem(**sections):
    return Problem.make(make_config(with_changes(TINY, **sections)))


def wide(**model):
    chosen = {"filters": [4, 128], "kernels": [2, 7], "max_latent": 64, "max_depth": 4}
    none = {"max_parameters": None, "max_flops": None, "max_activation_bytes": None}
    return problem(model={**chosen, **none, **model}, search={"population": 40})


def test_seeds_lie_in_the_space_and_have_its_genes():
    evolved = wide(downsampling=["max", "stride"], upsampling=["upsample", "transposed"])
    found = from_zoo(evolved)
    assert found
    for genome in found:
        assert evolved.space.violation(genome) is None
    assert {type(gene) for gene in found[0].global_genes} == set(evolved.space.global_genes)
    fixed = wide(downsampling="stride", upsampling="transposed")
    assert Downsampling("max") in {gene for genome in found for gene in genome.global_genes}
    assert all(genome.global_genes == () for genome in from_zoo(fixed))
    assert 0 < len(from_zoo(fixed)) < len(found)


def test_a_network_without_a_gene_of_the_head_has_the_plain_one():
    mirrored = [one for one in zoo() if "head(mirror)" in one.genome]
    evolved = from_zoo(wide(head=["conv", "mirror"]))
    assert {genome.global_genes for genome in evolved} == {(Head("conv"),), (Head("mirror"),)}
    assert 0 < len(from_zoo(wide(head="mirror"))) <= len(mirrored)
    assert {genome.global_genes for genome in from_zoo(wide(head="mirror"))} == {(Head("mirror"),)}


def test_the_code_takes_the_nearest_size_and_learning_genes_the_configuration_s():
    narrow = wide(
        min_latent=3, max_latent=5, learning={"evolve": True, "learning_rates": [1e-4, 1e-1]}
    )
    for genome in from_zoo(narrow):
        assert genome.latent.units == 5
        (train,) = [gene for gene in genome.global_genes if isinstance(gene, Train)]
        rate = narrow.config.training.learning_rate
        assert math.isclose(10**train.learning_rate, rate, rel_tol=0.01)


def test_at_most_half_a_population_comes_from_the_zoo():
    few = problem(
        model={"filters": [4, 128], "kernels": [2, 7], "max_latent": 64, "max_flops": None},
        search={"population": 4},
    )
    assert len(from_zoo(few)) <= 2


def test_a_search_begins_with_it(monkeypatch, tmp_path):
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    config = with_changes(
        TINY,
        model={"filters": [4, 128], "kernels": [2, 7], "max_latent": 64, "max_flops": None},
        search={"seed_genomes": "zoo", "population": 6},
    )
    expected = list(map(render, from_zoo(Problem.make(make_config(config)))))
    run = evoae.search(config, run=tmp_path / "run")
    tried = [run.find(each.id).candidate for each in run.first_evaluations()]
    given = [each.genome for each in tried if each.operator == "seed"]
    assert sorted(given) == sorted(expected)
    assert given


def test_a_space_that_holds_none_of_it_is_refused(tmp_path):
    config = with_changes(
        TINY, model={"filters": [1, 2], "max_latent": 2}, search={"seed_genomes": "zoo"}
    )
    with pytest.raises(SpaceError, match=r"search.seed_genomes: zoo, but the space holds none"):
        evoae.search(config, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_name_is_met_with_the_nearest():
    name = zoo()[0].name
    with pytest.raises(GenomeError, match=rf"did you mean {name}\?"):
        known(name + "x")


@pytest.mark.slow
def test_the_commands_show_and_train_it(tmp_path):
    def run(*words):
        result = CliRunner().invoke(cli, ["zoo", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    listed = run("list")
    assert all(one.name in listed for one in zoo())
    assert known("digits-8").genome in run("show", "digits-8")
    assert "heart" not in run("list", "--data", "digits")
    quick = ["--epochs", "2", "--seeds", "1", "--set", "training.epochs=1"]
    quick += ["--set", "data.reduce={train: 96, validation: 64}"]
    assert "test" in run("train", "digits-8", "--run", str(tmp_path / "run"), *quick)
