"""A gene is added by its row of the table and its function on the plan, and by nothing else."""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import evoae
from evoae.config.model import ModelConfig
from evoae.config.schema import ReconstructionConfig
from evoae.config.search import MutationConfig, SearchConfig
from evoae.errors import GenomeError
from evoae.evolution.deduplication import propose
from evoae.evolution.state import Individual
from evoae.evolution.surrogate import Surrogate
from evoae.evolution.toolbox import toolbox
from evoae.evolution.variation import mutated
from evoae.execution.inline import InlineExecutor
from evoae.genome.codec import decode, encode
from evoae.genome.crossover import swap_genes
from evoae.genome.difference import differences
from evoae.genome.features import choices, features, totals
from evoae.genome.gene_kind import Field, GeneKind, GlobalGene, Modifier
from evoae.genome.genes import GENES
from evoae.genome.genome import Genome
from evoae.genome.mutation import mutate
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import parse, render
from evoae.models.layers import PlanBuilder
from evoae.models.plan import LAYERS, measure, plan
from tests import faulty
from tests.conftest import TINY

INPUT = (16, 16, 1)
MODEL = ModelConfig(max_depth=2, filters=(4, 12))
TEXT = "blur(strong) conv(8,3x3) noise(0.25) bn | latent(4) | upconv(8,3x3) noise(0.5)"
TOKENS = [-98, 1, -1, 8, 3, 3, -99, 0.25, -3, -5, 4, -2, 8, 3, 3, -99, 0.5]


@dataclass(frozen=True, slots=True)
class Noise(Modifier):
    """Add Gaussian noise to what stands before it, in training."""

    deviation: float


@dataclass(frozen=True, slots=True)
class Blur(GlobalGene):
    """Average the input over a few pixels."""

    kind: str


NOISE = GeneKind(
    Noise,
    token=-99,
    word="noise",
    fields=(Field("deviation", float, 0, 0.9, mutation="rates", shift=0.2, positive=True),),
    keras_layers=("GaussianNoise",),
    chance=0.5,
)
BLUR = GeneKind(
    Blur,
    token=-98,
    word="blur",
    fields=(Field("kind", int, 0, 1, mutation="global_genes", words=("none", "strong")),),
    evolves=lambda _: True,
    absent=lambda *_: Blur("none"),
)


def lay_noise(builder: PlanBuilder, gene: Noise) -> None:
    builder.lay("GaussianNoise", settings={"stddev": gene.deviation})


def lay_blur(builder: PlanBuilder, gene: Blur) -> None:
    if gene.kind == "strong":
        pooling = {"pool_size": 3, "strides": 1, "padding": "same"}
        builder.lay("AveragePooling2D", settings=pooling)


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for kind, lay in ((NOISE, lay_noise), (BLUR, lay_blur)):
        monkeypatch.setitem(GENES, kind.gene, kind)
        monkeypatch.setitem(LAYERS, kind.gene, lay)
    yield
    monkeypatch.undo()
    assert not {Noise, Blur} & GENES.keys()


@pytest.fixture
def space() -> Space:
    defaults = NetworkDefaults.of(MODEL, ReconstructionConfig(), INPUT, "sigmoid")
    return Space(MODEL, INPUT, measure(defaults))


def drawn(space: Space, count: int) -> list[Genome]:
    rng = np.random.default_rng(1)
    return [sample(rng, space) for _ in range(count)]


def of(genomes: list[Genome], gene: type) -> list[object]:
    return [held for genome in genomes for held in genome.genes if isinstance(held, gene)]


def test_both_written_forms_read_it_back() -> None:
    genome = parse(TEXT)
    assert (render(genome), encode(genome), decode(TOKENS)) == (TEXT, TOKENS, genome)


def test_a_broken_one_is_refused_by_its_range_in_both_forms() -> None:
    with pytest.raises(GenomeError) as why:
        parse(TEXT.replace("0.25", "1.5"))
    assert "deviation must lie in 0..0.9" in str(why.value)
    with pytest.raises(GenomeError) as why:
        decode([-99, 0.25])
    assert "expected an encoder layer (conv or dense) first" in str(why.value)


def test_random_genomes_have_it_with_its_probability_and_range(space: Space) -> None:
    genomes = drawn(space, 300)
    blocks = sum(2 * genome.depth for genome in genomes)
    deviations = [noise.deviation for noise in of(genomes, Noise)]
    assert 0.4 < len(deviations) / blocks < 0.6
    assert 0 < min(deviations) < 0.1 < 0.8 < max(deviations) <= 0.9
    assert Counter(blur.kind for blur in of(genomes, Blur)).keys() == {"none", "strong"}


def test_mutation_inserts_removes_and_changes_it(space: Space) -> None:
    rng, said = np.random.default_rng(2), Counter[str]()
    genome = sample(rng, space)
    for _ in range(300):
        varied = mutate(rng, genome, space, MutationConfig())
        for difference in differences(genome, varied.genome):
            said[f"{varied.operator} {difference.words.split()[-1]}"] += "noise" in str(difference)
            said[f"{varied.operator}"] += "blur" in difference.words
        genome = varied.genome
        assert space.admits(genome)
    assert said["toggle_modifier added"]
    assert said["toggle_modifier removed"]
    assert any(count for text, count in said.items() if text.startswith("shift_rate"))
    assert said["redraw_global_gene"]


def test_a_noise_of_nothing_is_no_part_of_a_canonical_genome(space: Space) -> None:
    silent = propose(parse(TEXT.replace("noise(0.25) ", "noise(0.0001) ")), (), "seed")
    assert render(silent.genome) == TEXT.replace("noise(0.25) ", "")
    assert space.violation(parse(TEXT)) is None
    assert space.violation(parse(TEXT.removeprefix("blur(strong) "))) == (
        "genes of the whole network: none; the configuration makes it blur"
    )


def test_crossover_exchanges_it(space: Space) -> None:
    first, second = parse(TEXT), parse(TEXT.replace("0.25", "0.75").replace("strong", "none"))
    children = {
        render(child)
        for seed in range(30)
        for child in swap_genes(np.random.default_rng(seed), first, second, space)
    }
    assert TEXT.replace("0.25", "0.75") in children
    assert TEXT.replace("strong", "none") in children


def test_the_plan_lays_it_and_keras_builds_and_reloads_it(space: Space, tmp_path: Path) -> None:
    from evoae.training.setup import prepare

    prepare()
    from evoae.models.build import build
    from evoae.runs.model_file import load_model

    layers = plan(parse(TEXT), NetworkDefaults(INPUT))
    noises = [layer for layer in layers.layers if layer.kind == "GaussianNoise"]
    assert [layer.name for layer in noises] == [
        "encoder_gaussiannoise_1",
        "decoder_gaussiannoise_1",
    ]
    assert layers.layers[0].kind == "AveragePooling2D"
    network = build(layers, seed=1)
    assert network.count_params() == space.measure(parse(TEXT)).parameters
    assert network.get_layer("encoder").get_layer(noises[0].name).stddev == 0.25
    network.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").count_params() == network.count_params()


def test_features_tell_of_it(space: Space) -> None:
    with_it, without = parse(TEXT), parse(TEXT.replace(" noise(0.25)", ""))
    assert totals(with_it)[NOISE] == 0.75
    assert choices(with_it) == {"blur": "strong"}
    rows = [features(genome, space) for genome in (with_it, without)]
    assert len(rows[0]) == len(rows[1])
    changed = [(a, b) for a, b in zip(*rows, strict=True) if a != b]
    assert (0.25, 0.0) in changed
    assert rows[0][-2:] == [0.0, 1.0]


def test_a_surrogate_learns_that_it_helps(space: Space) -> None:
    rng = np.random.default_rng(3)
    proposals = [propose(genome, (), "sample") for genome in drawn(space, 160)]
    proposals = list({proposal.id: proposal for proposal in proposals}.values())
    known = [
        Individual(p.id, p.genome, (math.exp(-totals(p.genome)[NOISE]),)) for p in proposals[:100]
    ]
    tools = toolbox(rng, SearchConfig(), space)
    asked = {individual.id for individual in known}
    offered = proposals[100:]
    chosen = Surrogate(space).select(known, offered, 5, asked, lambda each: mutated(tools, each))
    noise = [[totals(p.genome)[NOISE] for p in some] for some in (chosen, offered)]
    assert np.mean(noise[0]) > 2 * np.mean(noise[1])


def test_a_search_tries_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = importlib.import_module("evoae.engine.session")
    monkeypatch.setattr(session, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    run = evoae.search(TINY, run=tmp_path / "run")
    with run.at_one_moment() as now:
        genomes = [parse(candidate.genome) for candidate in now.candidates.values()]
    assert of(genomes, Noise)
    assert len(of(genomes, Blur)) == len(genomes)
