"""The algorithm that a configuration names."""

from __future__ import annotations

from evoae.config.search import SearchConfig
from evoae.config.values import AlgorithmName
from evoae.evolution.aging import Aging
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.generational import Generational
from evoae.evolution.mu_plus_lambda import MuPlusLambda
from evoae.evolution.nsga2 import Nsga2
from evoae.evolution.random_search import RandomSearch
from evoae.genome.space import Space

_ALGORITHMS: dict[AlgorithmName, type[AbstractAlgorithm]] = {
    "generational": Generational,
    "mu_plus_lambda": MuPlusLambda,
    "aging": Aging,
    "nsga2": Nsga2,
    "random": RandomSearch,
}


def algorithm_for(search: SearchConfig, space: Space) -> AbstractAlgorithm:
    """Return the algorithm that `search.algorithm` names, for candidates of `space`."""
    return _ALGORITHMS[search.algorithm](search, space)
