"""What may be wrong with a configuration that can be run, a sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median_low

from evoae.data.pca import LARGEST, pca_errors
from evoae.engine.problem import Problem
from evoae.evaluation import cost
from evoae.evolution.algorithm import batch_rng
from evoae.execution.bfloat16 import note_on
from evoae.genome.canonical import candidate_id
from evoae.genome.sampling import sample

_DRAWN = 200  # networks by which a space is judged
_DIFFERENT = 0.5  # share of them that is different in a space that is not narrow
_REBUILT = 0.99  # share of the variance from which PCA leaves little to do
_FEW_STEPS = 100  # of the optimiser: 32 teach nothing, 128 rank networks


def config_warnings(problem: Problem) -> tuple[str, ...]:
    """Return what a person should think about before the search that `problem` describes."""
    return tuple(_warnings(problem))


def _warnings(problem: Problem) -> Iterator[str]:
    config, data = problem.config, problem.dataset
    rng = batch_rng(config.seed, 0)
    drawn = [sample(rng, problem.space) for _ in range(_DRAWN)]
    different = len({candidate_id(genome) for genome in drawn})
    if different < _DIFFERENT * _DRAWN:
        yield (
            f"The space is narrow: of {_DRAWN} networks drawn from it, {different} are different. "
            "Widen it (model), or make the search shorter."
        )
    sizes = [problem.space.measure(genome) for genome in drawn]
    inputs = math.prod(data.input_shape)
    copying = sum(size.latent >= inputs for size in sizes)
    if copying:
        yield (
            f"{copying / _DRAWN:.0%} of the networks compress nothing: their code has as many "
            f"numbers as the input, {inputs:,}, or more, and the search will prefer them. "
            "Set model.max_latent."
        )
    elif config.model.latent == "vector" and data.train[0].size <= LARGEST:
        yield from _of_pca(problem)
    steps = math.ceil(len(data.train) / config.training.batch_size) * config.training.epochs
    if steps < _FEW_STEPS and not config.model.learning.evolve:
        yield (
            f"A training has only {steps} optimiser steps, too few to tell networks apart: use a "
            "smaller training.batch_size, or more epochs or images."
        )
    flops, budget = median_low(size.flops for size in sizes), config.search.budget.flops
    if budget is not None:
        affordable = budget / cost(flops, len(data.train) * config.training.epochs)
        if affordable < 2 * config.search.population:
            yield (
                f"search.budget.flops pays for about {affordable:.0f} trainings, less than two "
                f"generations of {config.search.population}: raise it."
            )
    if slow := note_on(config.training.precision):
        yield slow


def _of_pca(problem: Problem) -> Iterator[str]:
    """Say whether PCA of the largest code leaves anything to do."""
    data, latent = problem.dataset, problem.config.model.max_latent
    if latent is None or not problem.config.objective.is_squared_error:
        return
    errors = pca_errors(data.train, data.validation, [0, latent])
    rebuilt = 1 - errors[latent] / errors[0] if errors[0] else 1.0
    if rebuilt > _REBUILT:
        yield (
            f"PCA with a code of {latent} already rebuilds {rebuilt:.1%} of the variance: "
            "little is left to find. A smaller model.max_latent makes the question harder."
        )
