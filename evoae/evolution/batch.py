"""The next batch: an algorithm's new candidates, and repeats of those whose score is uncertain."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial

from evoae.config.search import SearchConfig
from evoae.evaluation import TrainingKey
from evoae.evolution.algorithm import AbstractAlgorithm, batch_rng
from evoae.evolution.deduplication import propose
from evoae.evolution.noise import needs_repeat
from evoae.evolution.state import Proposal, State
from evoae.evolution.surrogate import Surrogate
from evoae.evolution.toolbox import toolbox
from evoae.evolution.variation import mutated
from evoae.genome.genome import Genome


def next_batch(
    algorithm: AbstractAlgorithm,
    search: SearchConfig,
    surrogate: Surrogate,
    state: State,
    batch: int,
    seed: int,
    pending: Set[TrainingKey],
    seeds: Sequence[Genome] = (),
) -> tuple[Proposal, ...]:
    """Return the trainings of batch `batch`, further ones of known candidates first.

    Args:
        algorithm: proposes new candidates.
        search: its settings.
        surrogate: of the search; chooses if `search.surrogate` asks for it.
        state: after batch `batch` - `algorithm.max_in_flight`.
        batch: from 1.
        seed: of the run.
        pending: keys of the trainings under way, which the state lacks.
        seeds: genomes that a search begins with, in the space, before anything else.
    """
    count = algorithm.size(batch)
    given = _given(algorithm, batch, seeds)
    share = round(batch * count * search.repeat_share) - round(
        (batch - 1) * count * search.repeat_share
    )
    share = min(share, count - len(given))
    further = needs_repeat(
        state.history.values(), search.repeats, share + len(pending), algorithm.sizes
    )
    again = [proposal for proposal in further if proposal.key not in pending][:share]
    known = state.history.keys() | {key.candidate for key in pending}
    rng = batch_rng(seed, batch)
    known |= {proposal.id for proposal in given}
    new = count - len(again) - len(given)
    if not (algorithm.guided and search.surrogate > 1):
        return (*again, *given, *algorithm.ask(state, rng, new, known))
    proposals = surrogate.select(
        tuple(state.history.values()),
        algorithm.ask(state, rng, new * search.surrogate, known),
        new,
        known,
        partial(mutated, toolbox(rng, search, surrogate.space)),
        algorithm.order,
    )
    return (*again, *given, *proposals)


def _given(
    algorithm: AbstractAlgorithm, batch: int, seeds: Sequence[Genome]
) -> tuple[Proposal, ...]:
    """Return the seeds whose turn is in a batch; they fill the first ones."""
    if batch > len(seeds):  # a batch holds one at least
        return ()
    start = sum(algorithm.size(earlier) for earlier in range(1, batch))
    return tuple(
        propose(genome, (), "seed") for genome in seeds[start : start + algorithm.size(batch)]
    )
