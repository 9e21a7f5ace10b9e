from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoae.config.model import LearningConfig, ModelConfig, SamplingConfig
from evoae.config.search import MutationConfig
from evoae.genome.canonical import canonical
from evoae.genome.codec import encode
from evoae.genome.crossover import swap_blocks, swap_genes
from evoae.genome.genes import Conv, Dropout
from evoae.genome.genome import Genome
from evoae.genome.mutation import (
    OPERATORS,
    Operator,
    insert_pair,
    mutate,
    redraw_kernel,
    remove_pair,
    toggle_modifier,
)
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import draw_gene, sample
from evoae.genome.space import Space
from evoae.genome.text import parse, render
from evoae.models.plan import measure
from tests.genome.laws import assert_lawful
from tests.genome.strategies import SEEDS, spaces

scale_filters, scale_latent = OPERATORS["filters"], OPERATORS["latent"]
shift_blocks, shift_rate = OPERATORS["blocks"], OPERATORS["rates"]

SHAPE = (28, 28, 1)
RESIDUAL = SamplingConfig(residual=0.5)
EVEN = MutationConfig(filters=1, kernels=1, rates=1, latent=1, modifiers=1)
RICH = (
    "conv(32,3x3) bn drop(0.25) conv(64,5x4) | latent(8) | upconv(40,3x3) upconv(50,4x4) drop(0.1)"
)
DRAWN = "conv(28,3x3) | latent(27) | upconv(16,3x5)"
MUTATED = "conv(28,3x3) conv(95,3x4) | latent(27) | upconv(73,3x5) bn drop(0.088) upconv(16,3x5)"
RICHER = (
    "act(relu) down(max) up(upsample) head(conv) train(-3.0,32,adam) conv(32,3x3) dense(64) "
    "| latent(8) | updense(64) bn upconv(32,3x3)"
)
CHOICES = {
    "activation": ("relu", "gelu"),
    "downsampling": ("max", "stride"),
    "upsampling": ("upsample", "transposed"),
    "head": ("conv", "mirror"),
    "learning": LearningConfig(evolve=True),
}
BLOCKY = "conv(32,3x3) res(2) bn | latent(8) | upconv(32,3x3) res(1)"
ONE = "conv(16,3x3) | latent(8) | upconv(16,3x3)"
POOR = "conv(20,3x3) | latent(8) | upconv(30,5x5) bn"


def space_of(**model: Any) -> Space:
    return Space(ModelConfig(**model), SHAPE, measure(NetworkDefaults(SHAPE)))


def only(name: str) -> MutationConfig:
    return MutationConfig(**{other: float(other == name) for other in OPERATORS})


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


@settings(max_examples=25)
@given(spaces(), SEEDS)
def test_laws_hold_after_long_chains_of_variation(space: Space, seed: int) -> None:
    assert_a_chain_is_lawful(space, seed)


@pytest.mark.slow
@settings(max_examples=500)
@given(spaces(), SEEDS)
def test_laws_hold_after_many_long_chains_of_variation(space: Space, seed: int) -> None:
    assert_a_chain_is_lawful(space, seed)


def assert_a_chain_is_lawful(space: Space, seed: int) -> None:
    """Check every law after each of a chain of variations of two random genomes."""
    rng = np.random.default_rng(seed)
    a, b = sample(rng, space), sample(rng, space)
    for _ in range(6):
        a = mutate(rng, a, space, EVEN).genome
        a, b = swap_genes(rng, a, b, space)
        b, a = swap_blocks(rng, b, a, space)
        assert_lawful(a, space)
        assert_lawful(b, space)


@given(spaces(), SEEDS)
def test_inputs_are_never_edited_and_the_same_seed_gives_the_same_answer(
    space: Space, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = sample(rng, space), sample(rng, space)
    before = encode(a), encode(b)

    def answers() -> list[object]:
        again = np.random.default_rng(seed)
        return [
            sample(again, space),
            mutate(again, a, space, EVEN),
            swap_genes(again, a, b, space),
            swap_blocks(again, a, b, space),
        ]

    assert answers() == answers()
    assert (encode(a), encode(b)) == before


@given(spaces(), SEEDS)
def test_a_mutation_changes_the_network_or_says_none(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    genome = sample(rng, space)
    variation = mutate(rng, genome, space, EVEN)
    assert (variation.genome == genome) == (variation.operator == "none")


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_with_room_always_changes_the_network(name: str) -> None:
    genome, space = parse(RICH), space_of()
    if name in ("units", "global_genes", "learning"):
        genome, space = parse(RICHER), space_of(layers="both", **CHOICES)
    if name == "blocks":
        genome, space = parse(BLOCKY), space_of(sampling=RESIDUAL)
    for rng in rngs(100):
        variation = mutate(rng, genome, space, only(name))
        assert variation.operator == OPERATORS[name].__name__
        assert canonical(variation.genome) != genome


@pytest.mark.parametrize("operator", [scale_filters, scale_latent, redraw_kernel, shift_rate])
def test_an_operator_without_room_returns_its_input(operator: Operator) -> None:
    space = space_of(
        filters=(32, 32), kernels=(3, 3), rates=(0.25, 0.25), min_latent=8, max_latent=8
    )
    genome = parse("conv(32,3x3) drop(0.25) | latent(8) | upconv(32,3x3)")
    for rng in rngs(20):
        assert operator(rng, genome, space) is genome


def test_a_space_of_one_network_mutates_to_none_and_returns_the_input() -> None:
    space = space_of(
        filters=(16, 16),
        kernels=(3, 3),
        rates=(0.0, 0.0),
        min_latent=8,
        max_latent=8,
        max_depth=1,
        max_parameters=space_of().measure(parse(ONE)).parameters,
    )
    genome = parse(ONE)
    variation = mutate(np.random.default_rng(0), genome, space, EVEN)
    assert variation.genome is genome
    assert variation.operator == "none"


def test_an_operator_without_room_gives_way_to_the_others() -> None:
    space = space_of(filters=(16, 16))
    weights = MutationConfig(
        filters=1e9, kernels=0, rates=0, latent=1, modifiers=0, insert_pair=0, remove_pair=0
    )
    assert mutate(np.random.default_rng(0), parse(ONE), space, weights).operator == "scale_latent"


def test_the_weights_decide_how_often_an_operator_is_drawn() -> None:
    weights = MutationConfig(
        filters=3, kernels=1, rates=0, latent=0, modifiers=0, insert_pair=0, remove_pair=0
    )
    rng, genome, space = np.random.default_rng(3), parse(RICH), space_of()
    drawn = Counter(mutate(rng, genome, space, weights).operator for _ in range(2_000))
    assert set(drawn) == {"scale_filters", "redraw_kernel"}
    assert 1_420 < drawn["scale_filters"] < 1_580  # 1,500 ± 4 standard deviations


def test_filters_are_scaled_by_10_to_50_per_cent_both_ways() -> None:
    genome, space = (
        parse("conv(100,3x3) | latent(8) | upconv(100,3x3)"),
        space_of(filters=(1, 999)),
    )
    seen = set()
    for rng in rngs(300):
        blocks = scale_filters(rng, genome, space)
        seen |= {blocks.encoder[0].layer.filters, blocks.decoder[0].layer.filters}
    assert seen <= {*range(50, 91), 100, *range(110, 151)}
    assert min(seen) < 60
    assert max(seen) > 140


@pytest.mark.parametrize("filters", [1, 2, 3])
def test_scaling_changes_even_the_smallest_numbers(filters: int) -> None:
    text = f"conv({filters},3x3) | latent(8) | upconv({filters},3x3)"
    for rng in rngs(50):
        assert scale_filters(rng, parse(text), space_of(filters=(1, 3))) != parse(text)


def test_every_other_kernel_is_drawn_from_both_sides() -> None:
    genome, space = parse("conv(16,3x3) | latent(8) | upconv(16,3x3)"), space_of()
    results = [redraw_kernel(rng, genome, space) for rng in rngs(300)]
    assert len(set(results)) == 2 * (3 * 3 - 1)


def test_a_rate_shifts_by_at_most_a_tenth_and_never_to_zero() -> None:
    genome, space = parse("conv(16,3x3) drop(0.05) | latent(8) | upconv(16,3x3)"), space_of()
    rates = set()
    for rng in rngs(300):
        (modifier,) = shift_rate(rng, genome, space).encoder[0].modifiers
        assert isinstance(modifier, Dropout)
        rates.add(modifier.rate)
    assert min(rates) == 0.001
    assert max(rates) <= 0.15
    assert 0.05 not in rates


def test_toggling_inserts_and_removes_modifiers_on_both_sides() -> None:
    space = space_of()
    inserted = {
        tuple(len(block.modifiers) for block in (*genome.encoder, *genome.decoder))
        for genome in (toggle_modifier(rng, parse(ONE), space) for rng in rngs(50))
    }
    assert inserted == {(1, 0), (0, 1)}
    full = parse("conv(16,3x3) bn drop(0.1) | latent(8) | upconv(16,3x3)")
    texts = {render(toggle_modifier(rng, full, space)).split(" | ")[0] for rng in rngs(50)}
    assert texts == {"conv(16,3x3) bn drop(0.1)", "conv(16,3x3) bn", "conv(16,3x3) drop(0.1)"}


def test_an_inserted_bn_stands_before_the_drop() -> None:
    genome = parse("conv(16,3x3) drop(0.1) | latent(8) | upconv(16,3x3) bn drop(0.1)")
    texts = {render(toggle_modifier(rng, genome, space_of())).split(" | ")[0] for rng in rngs(50)}
    assert "conv(16,3x3) bn drop(0.1)" in texts


def test_a_pair_is_inserted_at_every_depth_with_its_mirror() -> None:
    genome, space = parse(RICH), space_of()
    places = set()
    for rng in rngs(60):
        child = insert_pair(rng, genome, space)
        (at,) = (
            i for i in range(3) if child.encoder[:i] + child.encoder[i + 1 :] == genome.encoder
        )
        assert child.decoder[: 2 - at] + child.decoder[3 - at :] == genome.decoder
        places.add(at)
    assert places == {0, 1, 2}


def test_a_removed_pair_takes_its_mirror_along() -> None:
    genome = parse(RICH)
    (outer, inner), (inner_mirror, outer_mirror) = genome.encoder, genome.decoder
    children = {remove_pair(rng, genome, space_of()) for rng in rngs(30)}
    assert children == {
        Genome((outer,), genome.latent, (outer_mirror,)),
        Genome((inner,), genome.latent, (inner_mirror,)),
    }


def test_depth_stays_between_one_and_the_limit() -> None:
    rng = np.random.default_rng(0)
    assert insert_pair(rng, parse(RICH), space_of(max_depth=2)) == parse(RICH)
    assert remove_pair(rng, parse(POOR), space_of()) == parse(POOR)


def test_swapped_genes_are_exchanged_between_the_parents() -> None:
    a, b, space = parse(RICH), parse(POOR), space_of()
    for rng in rngs(100):
        first, second = swap_genes(rng, a, b, space)
        changed = [(x, y) for x, y in zip(a.genes, first.genes, strict=True) if x != y]
        back = [(x, y) for x, y in zip(b.genes, second.genes, strict=True) if x != y]
        assert len(changed) == len(back) == 1
        assert changed[0] == back[0][::-1]
        assert type(changed[0][0]) is type(changed[0][1])


def test_every_gene_type_that_differs_in_both_parents_is_swapped_sometimes() -> None:
    a = parse("conv(20,3x3) drop(0.2) | latent(8) | upconv(20,3x3)")
    b = parse("conv(30,3x3) drop(0.3) | latent(9) | upconv(30,3x3)")
    swapped = set()
    for rng in rngs(100):
        child, _ = swap_genes(rng, a, b, space_of())
        swapped |= {type(x) for x, y in zip(a.genes, child.genes, strict=True) if x != y}
    assert {gene.__name__ for gene in swapped} == {"Conv", "UpConv", "Dropout", "Latent"}


def test_swapped_blocks_move_with_modifiers_and_mirror_between_unequal_depths() -> None:
    a, b = parse(RICH), parse(POOR)
    children = {swap_blocks(rng, a, b, space_of()) for rng in rngs(60)}
    assert {tuple(map(render, pair)) for pair in children} == {
        (
            "conv(20,3x3) conv(64,5x4) | latent(8) | upconv(40,3x3) upconv(30,5x5) bn",
            "conv(32,3x3) bn drop(0.25) | latent(8) | upconv(50,4x4) drop(0.1)",
        ),
        (
            "conv(32,3x3) bn drop(0.25) conv(20,3x3) | latent(8) "
            "| upconv(30,5x5) bn upconv(50,4x4) drop(0.1)",
            "conv(64,5x4) | latent(8) | upconv(40,3x3)",
        ),
    }


@pytest.mark.parametrize("swap", [swap_genes, swap_blocks])
def test_parents_with_nothing_to_exchange_return_themselves(swap: Any) -> None:
    genome = parse(ONE)
    assert swap(np.random.default_rng(0), genome, genome, space_of()) == (genome, genome)


@pytest.mark.parametrize("swap", [swap_genes, swap_blocks])
def test_a_child_over_a_limit_is_replaced_by_its_parent(swap: Any) -> None:
    narrow = parse("conv(16,3x3) | latent(32) | upconv(128,3x3)")
    wide = parse("conv(128,3x3) | latent(2) | upconv(128,3x3)")
    space = space_of(max_parameters=space_of().measure(wide).parameters)
    for rng in rngs(20):  # every exchange joins the wide layer with the wide latent
        first, second = swap(rng, narrow, wide, space)
        assert (first == narrow) != (second == wide)
        assert parse("conv(16,3x3) | latent(2) | upconv(128,3x3)") in (first, second)


@pytest.mark.parametrize("swap", [swap_genes, swap_blocks])
def test_children_that_only_trade_places_are_drawn_again(swap: Any) -> None:
    a = parse("conv(20,3x3) conv(30,3x3) | latent(8) | upconv(16,3x3) upconv(16,3x3)")
    b = parse("conv(30,3x3) conv(30,3x3) | latent(8) | upconv(16,3x3) upconv(16,3x3)")
    for rng in rngs(20):
        assert set(swap(rng, a, b, space_of())) != {a, b}


def test_sampled_filters_reach_both_ends_and_favour_small_ones() -> None:
    rng, space = np.random.default_rng(5), space_of()
    filters = [draw_gene(rng, Conv, space).filters for _ in range(6_000)]
    assert (min(filters), max(filters)) == (16, 128)
    below = sum(number < 46 for number in filters) / len(filters)
    assert 0.47 < below < 0.53  # half of a log-uniform draw; 27% of a uniform one


def test_sampling_keeps_the_published_probabilities() -> None:
    space = space_of(max_parameters=None, max_depth=10)
    rng = np.random.default_rng(11)
    drawn = [sample(rng, space) for _ in range(3_000)]
    depths = Counter(genome.depth for genome in drawn)
    assert 0.46 < depths[1] / len(drawn) < 0.54
    assert 0.21 < depths[2] / len(drawn) < 0.29
    blocks = [block for genome in drawn for block in (*genome.encoder, *genome.decoder)]
    words = [tuple(type(gene).__name__ for gene in block.modifiers) for block in blocks]
    share = {word: count / len(blocks) for word, count in Counter(words).items()}
    assert set(share) == {(), ("BatchNorm",), ("Dropout",), ("BatchNorm", "Dropout")}
    assert all(0.22 < part < 0.28 for part in share.values())


def test_sampled_rates_are_all_those_of_three_digits_in_the_range() -> None:
    rng, space = np.random.default_rng(0), space_of(rates=(0.1004, 0.1036))
    rates = {draw_gene(rng, Dropout, space).rate for _ in range(100)}
    assert rates == {0.101, 0.102, 0.103}


def test_a_range_without_a_rate_of_three_digits_yields_no_dropout() -> None:
    rng, space = np.random.default_rng(0), space_of(rates=(0.1001, 0.1009))
    genomes = [sample(rng, space) for _ in range(50)]
    genomes += [toggle_modifier(rng, genome, space) for genome in genomes]
    assert not any("drop" in render(genome) for genome in genomes)


@given(st.integers(0, 499), st.integers(0, 500), SEEDS)
def test_sampled_rates_have_three_digits_inside_a_narrow_range(a: int, b: int, seed: int) -> None:
    low, high = sorted((a / 1000 + 0.0004, b / 1000))
    space = space_of(rates=(low, high))
    genome = sample(np.random.default_rng(seed), space)
    assert_lawful(genome, space)


def test_a_tight_space_still_yields_many_networks() -> None:
    space = space_of(max_parameters=15_000)
    rng = np.random.default_rng(2)
    drawn = {sample(rng, space) for _ in range(60)}
    assert len(drawn) > 30
    assert all(map(space.admits, drawn))


def test_mixed_networks_keep_convolutions_before_dense_layers() -> None:
    space = space_of(layers="both", max_parameters=None, max_depth=6)
    found = set()
    for rng in rngs(40):
        genome = sample(rng, space)
        for _ in range(5):
            genome = insert_pair(rng, genome, space)
        assert_lawful(genome, space)
        found.add((genome.convolutions, genome.depth))
    assert {convolutions for convolutions, _ in found} >= {1, 2, 3, 4, 5}
    assert {depth - convolutions for convolutions, depth in found} >= {1, 2, 3, 4, 5}


def test_a_convolution_is_swapped_for_a_convolution_and_never_for_a_dense_layer() -> None:
    space = space_of(layers="both", units=(4, 64))
    a = parse("conv(32,3x3) dense(40) | latent(8) | updense(41) upconv(33,3x3)")
    b = parse("conv(64,5x5) dense(50) | latent(8) | updense(51) upconv(65,5x5)")
    children = {render(swap_blocks(rng, a, b, space)[0]) for rng in rngs(40)}
    assert children == {
        "conv(64,5x5) dense(40) | latent(8) | updense(41) upconv(65,5x5)",
        "conv(32,3x3) dense(50) | latent(8) | updense(51) upconv(33,3x3)",
    }


def test_spaces_without_choices_draw_the_same_networks_as_before_there_were_any() -> None:
    rng, space = np.random.default_rng(0), space_of()
    genome = sample(rng, space)
    assert render(genome) == DRAWN
    assert render(mutate(rng, genome, space, MutationConfig()).genome) == MUTATED


def test_residual_blocks_are_drawn_after_convolutions_alone_with_their_probability() -> None:
    sampling = SamplingConfig(residual=0.3)
    space = space_of(layers="both", sampling=sampling, max_parameters=None, max_depth=6)
    rng = np.random.default_rng(4)
    drawn = [sample(rng, space) for _ in range(500)]
    assert all(assert_lawful(genome, space) is None for genome in drawn)
    found = Counter()
    for genome in drawn:
        for block in (*genome.encoder, *genome.decoder):
            found[len(block.first) if hasattr(block.layer, "filters") else -1] += 1
    assert found[1] / (found[0] + found[1]) == pytest.approx(0.3, abs=0.05)
    assert set(found) == {-1, 0, 1}


def test_without_their_probability_no_variation_brings_residual_blocks_in() -> None:
    space, rng = space_of(), np.random.default_rng(0)
    for seed in range(40):
        genome = sample(np.random.default_rng(seed), space)
        for _ in range(5):
            genome = mutate(rng, genome, space, MutationConfig()).genome
        assert "res(" not in render(genome)
    # Those of a given network can be removed.
    blocky = parse(BLOCKY)
    assert space.admits(blocky)
    texts = {render(toggle_modifier(rng, blocky, space)) for _ in range(60)}
    assert "conv(32,3x3) bn | latent(8) | upconv(32,3x3) res(1)" in texts
    assert "conv(32,3x3) res(2) bn | latent(8) | upconv(32,3x3)" in texts


def test_residual_blocks_are_inserted_first_and_counted_up_and_down() -> None:
    space = space_of(sampling=RESIDUAL, residual=(1, 3))
    plain = parse("conv(16,3x3) bn | latent(8) | upconv(16,3x3) drop(0.1)")
    children = [toggle_modifier(rng, plain, space) for rng in rngs(100)]
    said = {render(child) for child in children if "res(" in render(child)}
    assert said == {
        text
        for blocks in (1, 2, 3)
        for text in (
            f"conv(16,3x3) res({blocks}) bn | latent(8) | upconv(16,3x3) drop(0.1)",
            f"conv(16,3x3) bn | latent(8) | upconv(16,3x3) res({blocks}) drop(0.1)",
        )
    }
    shifted = {render(shift_blocks(rng, parse(BLOCKY), space)) for rng in rngs(50)}
    assert shifted == {
        BLOCKY.replace("res(2)", "res(1)"),
        BLOCKY.replace("res(2)", "res(3)"),
        BLOCKY.replace("res(1)", "res(2)"),
    }


def test_a_mirrored_head_keeps_its_mirrors_filters_through_every_variation() -> None:
    space = space_of(head=("mirror",), max_parameters=None)
    rng = np.random.default_rng(1)
    genomes = [sample(rng, space) for _ in range(20)]
    changed = 0
    for _ in range(200):
        i, j = map(int, rng.integers(20, size=2))
        children = swap_genes(rng, genomes[i], genomes[j], space)
        children = swap_blocks(rng, *children, space)
        genomes[i], genomes[j] = (
            mutate(rng, child, space, MutationConfig()).genome for child in children
        )
        for genome in (genomes[i], genomes[j]):
            assert_lawful(genome, space)
            changed += genome.encoder[0].layer.filters == genome.decoder[-1].layer.filters
    assert changed == 400
