"""Mutation rates that follow what has paid so far in the search.

Probability matching with a floor (D. Goldberg 1990; D. Thierens, An adaptive pursuit strategy for
allocating operator probabilities, GECCO 2005): an operator is drawn in proportion to the share of
its children that beat their parent.
"""

from __future__ import annotations

from collections.abc import Mapping

from evoae.config.schema import MutationConfig
from evoae.evolution.state import Individual
from evoae.genome.mutation import OPERATORS

FLOOR = 0.3  # of its configured weight that an operator keeps whatever happens
_PRIOR = 5  # children that every operator is supposed to have had, with the mean success


def _beats(child: Individual, parent: Individual) -> bool:
    """Tell whether a child is better than its parent, after equal epochs if one was stopped."""
    if child.fitness is None or parent.fitness is None:
        return False
    if child.raced or parent.raced:
        epochs = min(len(child.curve), len(parent.curve))
        return child.curve[epochs - 1] < parent.curve[epochs - 1]
    return child.fitness < parent.fitness


def adapted(weights: MutationConfig, history: Mapping[str, Individual]) -> MutationConfig:
    """Return `weights` after what the mutations of a search have brought.

    Args:
        weights: as configured; 0 stays 0, and their sum stays what it is.
        history: every candidate by id. Children of one parent by one mutation count.
    """
    words = {operator.__name__: word for word, operator in OPERATORS.items()}
    tries, successes = dict.fromkeys(OPERATORS, 0), dict.fromkeys(OPERATORS, 0)
    for child in history.values():
        word = words.get(child.operator)
        parent = history.get(child.parents[0]) if len(child.parents) == 1 else None
        if word is None or parent is None or not parent.scores:
            continue
        tries[word] += 1
        successes[word] += _beats(child, parent)
    if not sum(successes.values()):
        return weights
    mean = sum(successes.values()) / sum(tries.values())
    shares = {
        word: (successes[word] + _PRIOR * mean) / (tries[word] + _PRIOR) / mean
        for word in OPERATORS
    }
    raw = weights.model_dump()
    moved = {word: raw[word] * (FLOOR + (1 - FLOOR) * shares[word]) for word in OPERATORS}
    scale = sum(raw.values()) / sum(moved.values())
    return MutationConfig(**{word: weight * scale for word, weight in moved.items()})
