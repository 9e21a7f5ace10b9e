"""Proposing candidates that were not proposed before, so that no budget is spent twice."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from deap import base

from evoae.evolution.state import Proposal
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.genome import Genome

TRIES = 20  # enough to leave any neighbourhood that holds something new; a small space may not


def propose(genome: Genome, parents: tuple[str, ...], operator: str) -> Proposal:
    """Return `genome`, whatever made it, as a proposal in canonical form."""
    genome = canonical(genome)
    return Proposal(candidate_id(genome), genome, parents, operator)


def fresh_sample(tools: base.Toolbox, known: AbstractSet[str]) -> Proposal:
    """Return a sample that is not known; a known one if none turns up."""
    for _ in range(TRIES):
        proposal = propose(tools.sample(), (), "sample")
        if proposal.id not in known:
            break
    return proposal


def fresh_samples(
    tools: base.Toolbox, count: int, known: AbstractSet[str]
) -> tuple[Proposal, ...]:
    """Return `count` samples, distinct and not known as far as the space allows."""
    seen = set(known)
    proposals = []
    for _ in range(count):
        proposals.append(fresh_sample(tools, seen))
        seen.add(proposals[-1].id)
    return tuple(proposals)
