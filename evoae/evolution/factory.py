"""The algorithm that a configuration names."""

from __future__ import annotations

from evoae.config.schema import SearchConfig
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.generational import Generational
from evoae.evolution.random_search import RandomSearch
from evoae.genome.space import Space


def algorithm_for(search: SearchConfig, space: Space) -> AbstractAlgorithm:
    """Return the algorithm that `search.algorithm` names, for candidates of `space`."""
    match search.algorithm:
        case "generational":
            return Generational(search, space)
        case "random":
            return RandomSearch(search, space)
