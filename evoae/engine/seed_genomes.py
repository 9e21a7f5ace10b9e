"""What a search begins with: the genomes of a file, or networks of the zoo that fit its space."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from evoae.config.schema import Config
from evoae.engine.problem import Problem
from evoae.engine.zoo import zoo
from evoae.errors import GenomeError, SpaceError
from evoae.genome.canonical import canonical
from evoae.genome.files import read_genomes
from evoae.genome.genes import (
    Activation,
    Downsampling,
    GlobalGene,
    Head,
    Latent,
    Train,
    Upsampling,
)
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.space import Space
from evoae.genome.text import parse, render

_ZOO = "zoo"  # in place of a file of genomes


def seed_genomes(problem: Problem) -> tuple[str, ...]:
    """Return the genomes of `search.seed_genomes` as text, each once.

    Raises:
        GenomeError: the file cannot be read, or a line of it is broken.
        SpaceError: the space does not hold one of the file, or none of the zoo.
    """
    chosen = problem.config.search.seed_genomes
    if chosen == _ZOO:
        fitting = seeds(problem.config, problem.defaults, problem.space, problem.dataset.name)
        if not fitting:
            raise SpaceError(
                "search.seed_genomes", f"{_ZOO}, but the space holds none of it", "use null"
            )
        return tuple(map(render, fitting))
    found: dict[str, None] = {}
    for number, genome in read_genomes(Path(chosen)) if chosen else ():
        if reason := problem.space.violation(genome):
            raise SpaceError(
                f"{chosen}: line {number}", reason, "take it out, or widen the space (model)"
            )
        found[render(canonical(genome))] = None
    return tuple(found)


def seeds(
    config: Config, defaults: NetworkDefaults, space: Space, data: str
) -> tuple[Genome, ...]:
    """Return the networks of the zoo that a search may begin with, in its own form.

    The code takes the nearest size that the space admits, and genes of the whole network are
    written or left out as the space does it. Networks that would still lie outside the space, or
    that the configuration's fixed settings would change, are left out. At most half a population.

    Args:
        config: of the search.
        defaults: of its networks.
        space: of its candidates.
        data: name of its data set; networks found for it come first, then those with the nearest
            code.
    """
    wanted = config.model.max_latent or config.model.min_latent
    ranked = sorted(zoo(), key=lambda each: (each.data != data, abs(each.latent - wanted)))
    found: dict[Genome, None] = {}
    for each in ranked:
        genome = _fitted(parse(each.genome), config, defaults, space)
        if genome is not None:
            found[genome] = None
    return tuple(found)[: max(1, config.search.population // 2)]


def _fitted(
    genome: Genome, config: Config, defaults: NetworkDefaults, space: Space
) -> Genome | None:
    """Return a genome as the space would write it; None if it has no place there."""
    latent = genome.latent
    if latent is not None:
        most = config.model.max_latent or latent.units
        latent = Latent(min(max(latent.units, config.model.min_latent), most))
    own: dict[type[GlobalGene], GlobalGene] = {type(gene): gene for gene in genome.global_genes}
    fixed: dict[type[GlobalGene], GlobalGene] = {
        Activation: Activation(defaults.activation),
        Downsampling: Downsampling(defaults.downsampling),
        Upsampling: Upsampling(defaults.upsampling),
        Head: Head("conv"),  # what a genome without the gene has
        Train: _learning(config),
    }
    if any(
        own.get(kind, fixed[kind]) != fixed[kind]
        for kind in fixed
        if kind not in space.global_genes
    ):
        return None
    global_genes = tuple(own.get(kind, fixed[kind]) for kind in space.global_genes)
    fitted = canonical(replace(genome, latent=latent, global_genes=global_genes))
    try:
        return fitted if space.admits(fitted) else None
    except GenomeError:  # convolutions for rows of a table
        return None


def _learning(config: Config) -> Train:
    """Return the configuration's own training as a gene."""
    training = config.training
    return Train(math.log10(training.learning_rate), training.batch_size, training.optimizer)
