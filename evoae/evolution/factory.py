"""The algorithm that a configuration names."""

from __future__ import annotations

from evoae.config.search import SearchConfig
from evoae.evolution.aging import Aging
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.generational import Generational
from evoae.evolution.mu_plus_lambda import MuPlusLambda
from evoae.evolution.nsga2 import Nsga2
from evoae.evolution.random_search import RandomSearch
from evoae.genome.space import Space


def algorithm_for(search: SearchConfig, space: Space) -> AbstractAlgorithm:
    """Return the algorithm that `search.algorithm` names, for candidates of `space`."""
    match search.algorithm:
        case "generational":
            return Generational(search, space)
        case "random":
            return RandomSearch(search, space)
        case "mu_plus_lambda":
            return MuPlusLambda(search, space)
        case "aging":
            return Aging(search, space)
        case "nsga2":
            return Nsga2(search, space)
