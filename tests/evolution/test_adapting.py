from __future__ import annotations

import pytest

from evoae.config.schema import MutationConfig
from evoae.evolution.adapting import FLOOR, adapted
from evoae.evolution.state import Individual
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))
WEIGHTS = MutationConfig()


def family(*children: tuple[str, float | None]) -> dict[str, Individual]:
    """A parent with fitness 1 and its children by operator and fitness."""
    found = {"parent": Individual("parent", GENOME, (1.0,))}
    for number, (operator, fitness) in enumerate(children):
        scores = () if fitness is None else (fitness,)
        found[str(number)] = Individual(str(number), GENOME, scores, 1, ("parent",), operator)
    return found


def test_nothing_moves_before_anything_has_paid() -> None:
    assert adapted(WEIGHTS, {}) == WEIGHTS
    assert adapted(WEIGHTS, family(*[("scale_filters", 2.0)] * 9)) == WEIGHTS


def test_what_beats_its_parent_more_often_comes_more_often() -> None:
    history = family(*[("scale_filters", 0.5)] * 20, *[("redraw_kernel", 1.5)] * 20)
    moved = adapted(WEIGHTS, history)
    assert moved.filters > WEIGHTS.filters
    assert moved.kernels < WEIGHTS.kernels
    assert sum(moved.model_dump().values()) == pytest.approx(sum(WEIGHTS.model_dump().values()))


def test_an_operator_that_never_pays_keeps_its_floor() -> None:
    history = family(*[("scale_filters", 0.5)] * 500, *[("redraw_kernel", None)] * 500)
    moved = adapted(WEIGHTS, history)
    share = (moved.kernels / moved.rates) / (WEIGHTS.kernels / WEIGHTS.rates)
    assert FLOOR * 0.9 < share < 0.5


def test_an_operator_that_is_switched_off_stays_off() -> None:
    off = MutationConfig(kernels=0)
    assert adapted(off, family(*[("redraw_kernel", 0.5)] * 9)).kernels == 0


def test_children_of_two_parents_or_two_mutations_tell_nothing() -> None:
    history = family(("scale_filters+redraw_kernel", 0.5), ("swap_blocks", 0.5))
    assert adapted(WEIGHTS, history) == WEIGHTS
