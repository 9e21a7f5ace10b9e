from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoae.config.search import MutationConfig
from evoae.genome.canonical import canonical
from evoae.genome.difference import differences
from evoae.genome.genes import GENES
from evoae.genome.genome import Genome
from evoae.genome.mutation import OPERATORS, mutate
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import parse, render_gene
from tests.genome.strategies import SEEDS, genomes, spaces


def words(before: str, after: str) -> list[str]:
    return [each.words for each in differences(parse(before), parse(after))]


def unnamed(genome: Genome, places: list[int]) -> list[object]:
    return [gene for place, gene in enumerate(genome.genes) if place not in places]


@given(genomes())
def test_equal_genomes_differ_in_nothing(genome: Genome) -> None:
    assert differences(genome, genome) == []


@given(genomes(max_depth=4), genomes(max_depth=4))
def test_what_no_difference_names_is_the_same_in_both(before: Genome, after: Genome) -> None:
    found = differences(before, after)
    old = [place for each in found for place in each.before]
    new = [place for each in found for place in each.after]
    assert len(set(old)) == len(old)  # nothing is said twice
    assert len(set(new)) == len(new)
    assert unnamed(before, old) == unnamed(after, new)
    assert bool(found) == (before != after)


@given(genomes(max_depth=4), genomes(max_depth=4))
def test_the_words_hold_both_values_of_all_that_changed(before: Genome, after: Genome) -> None:
    for each in differences(before, after):
        if each.before and each.after:
            ((i,), (j,)) = each.before, each.after
            a, b = before.genes[i], after.genes[j]
            for field in GENES[type(b)].fields:
                values = [str(getattr(gene, field.name)) for gene in (a, b)]
                assert values[0] == values[1] or all(value in each.words for value in values)
        else:
            genome, places = (after, each.after) if each.after else (before, each.before)
            assert all(render_gene(genome.genes[place]) in each.words for place in places)
            assert each.words.count("added") == bool(each.after)
            assert each.words.count("removed") == bool(each.before)


@given(spaces(), SEEDS, st.sampled_from(sorted(OPERATORS)))
def test_a_mutation_is_one_difference_or_those_of_one_modifier(
    space: Space, seed: int, operator: str
) -> None:
    rng = np.random.default_rng(seed)
    before = canonical(sample(rng, space))
    weights = MutationConfig(**{name: float(name == operator) for name in OPERATORS})
    changed = mutate(rng, before, space, weights)
    found = differences(before, changed.genome)
    if changed.operator == "none":
        assert found == []
    elif operator not in ("modifiers", "filters"):  # a mirrored head follows the first conv
        assert len(found) == 1


_PLAIN = "conv(33,3x3) bn conv(16,3x3) | latent(16) | upconv(16,3x3) upconv(33,3x3)"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (_PLAIN.replace("conv(16,3x3) |", "conv(48,5x3) |"),
         ["conv 2: filters 16 -> 48, kernel 3x3 -> 5x3"]),
        (_PLAIN.replace("bn ", ""), ["bn after conv 1 removed"]),
        (_PLAIN.replace("bn ", "drop(0.25) bn "), ["drop(0.25) after conv 1 added"]),
        (_PLAIN.replace("latent(16)", "latent(24)"), ["latent 16 -> 24"]),
        (_PLAIN.replace("latent(16) | ", ""), ["latent(16) removed"]),
        (f"act(gelu) {_PLAIN}", ["act(gelu) added"]),
        (_PLAIN + " res(1)", ["res(1) after upconv 2 added"]),
        ("conv(33,3x3) bn | latent(16) | upconv(33,3x3)",
         ["pair 2 removed: conv(16,3x3) | upconv(16,3x3)"]),
        ("conv(9,3x3) bn " + _PLAIN + " upconv(9,4x4)",
         ["pair 1 added: conv(9,3x3) bn | upconv(9,4x4)"]),
        (_PLAIN.replace("upconv(16,3x3)", "upconv(17,3x3)").replace("(33,3x3) bn", "(34,3x3) bn"),
         ["conv 1: filters 33 -> 34", "upconv 1: filters 16 -> 17"]),
    ],
)  # fmt: skip
def test_differences_read_like_this(after: str, said: list[str]) -> None:
    assert words(_PLAIN, after) == said


def test_genes_of_the_whole_network_read_like_this() -> None:
    before = "act(relu) head(conv) train(-2.5,32,adam) dense(9) | updense(9)"
    after = "act(gelu) head(conv) train(-2.25,32,adamw) dense(10) | updense(9)"
    assert words(before, after) == [
        "act relu -> gelu",
        "train: learning rate 10^-2.5 -> 10^-2.25, optimizer adam -> adamw",
        "dense 1: units 9 -> 10",
    ]
