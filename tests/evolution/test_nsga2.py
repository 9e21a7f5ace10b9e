from __future__ import annotations

import math

from evoae.config.search import SearchConfig
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Proposal, scored
from tests.contracts.algorithm import history, space

SEARCH = SearchConfig(algorithm="nsga2", population=12)


def judge(proposal: Proposal) -> float:
    """Larger codes and networks rebuild better, with a dent that tells equals apart."""
    size = space().measure(proposal.genome)
    dent = int(proposal.id[:6], 16) / 2**24
    return 1 / (size.latent * math.sqrt(size.parameters)) * (1 + dent)


def test_the_hall_is_the_front_of_everything_that_was_tried() -> None:
    algorithm = algorithm_for(SEARCH, space())
    state = history(algorithm, 6, judge)[-1][1]
    sizes = {id: space().measure(each.genome) for id, each in state.history.items()}
    where = {
        each.id: (loss, sizes[each.id].latent, sizes[each.id].parameters)
        for loss, each in scored(state.history.values())
    }
    front = {
        id
        for id, point in where.items()
        if not any(
            all(a <= b for a, b in zip(other, point, strict=True)) and other != point
            for other in where.values()
        )
    }
    hall = algorithm.hall(state, 1000)
    assert {each.id for each in hall} == front
    assert [each.fitness for each in hall] == sorted(each.fitness for each in hall)


def test_a_short_hall_keeps_the_ends_of_the_front() -> None:
    algorithm = algorithm_for(SEARCH, space())
    state = history(algorithm, 6, judge)[-1][1]
    latent = {id: space().measure(each.genome).latent for id, each in state.history.items()}
    all_of_it, short = algorithm.hall(state, 1000), algorithm.hall(state, 6)
    assert len(short) == 6
    assert short[0] == all_of_it[0]
    assert min(latent[e.id] for e in short) == min(latent[e.id] for e in all_of_it)


def test_the_front_of_two_objectives_ignores_the_third() -> None:
    search = SEARCH.model_copy(update={"objectives": ("loss", "latent")})
    algorithm = algorithm_for(search, space())
    state = history(algorithm, 4, judge)[-1][1]
    hall = algorithm.hall(state, 1000)
    latents = [space().measure(each.genome).latent for each in hall]
    assert latents == sorted(latents, reverse=True)  # as the loss rises
    assert len(set(latents)) == len(latents)


def test_the_hypervolume_of_a_generation_is_that_of_all_that_was_tried() -> None:
    search = SEARCH.model_copy(update={"objectives": ("loss", "latent")})
    algorithm = algorithm_for(search, space())
    states = [state for _, state in history(algorithm, 6, judge)]
    grown = [algorithm.metrics(state)["hypervolume"] for state in states]
    assert grown == sorted(grown)
    assert grown[-1] > grown[0] > 0

    points = [
        (math.log(loss), math.log(space().measure(each.genome).latent))
        for loss, each in scored(states[-1].history.values())
    ]
    corner = tuple(max(point[axis] for point in points[: SEARCH.population]) for axis in (0, 1))
    area, below = 0.0, corner[1]
    for loss, latent in sorted(points):  # from the best loss on, a strip for each smaller code
        if loss < corner[0] and latent < below:
            area += (corner[0] - loss) * (below - latent)
            below = latent
    assert math.isclose(grown[-1], area)


def test_without_a_score_there_is_no_hypervolume() -> None:
    algorithm = algorithm_for(SEARCH, space())
    assert algorithm.metrics(history(algorithm, 2, lambda _: None)[-1][1]) == {"hypervolume": None}
