"""The zoo: good networks that were found before, with the figures measured of them.

A reference to beat, and a start for searches of the same kind of data. `zoo.yaml` beside this
module is the list.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from evoae.config.schema import Config
from evoae.errors import GenomeError
from evoae.genome.canonical import canonical
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
from evoae.genome.text import parse


@dataclass(frozen=True, slots=True)
class Known:
    """A network of the zoo.

    Attributes:
        name: unique in the zoo.
        data: the named data set.
        input_shape: of an item: (height, width, channels) or (features,).
        genome: one-line text, with every gene of the whole network that it needs.
        latent: numbers in its code.
        parameters: all weights.
        validation, test: the objective's figure after the proper training, as in `refit`;
            validation is None where it was trained on as well.
        mse: mean squared error of the rebuilt test items; on the 0..1 scale of images.
        pca: the same of principal components of the same number; None where there are none.
        found: where the network and the figures come from.
        config: settings of search and refit that differ from the defaults, as in a YAML file.
    """

    name: str
    data: str
    input_shape: Sequence[int]
    genome: str
    latent: int
    parameters: int
    validation: float | None
    test: float
    mse: float
    pca: float | None
    found: str
    config: Mapping[str, Any]


@cache
def zoo() -> tuple[Known, ...]:
    """Return every network, by data and then by size of the code."""
    listed = yaml.safe_load(files("evoae.engine").joinpath("zoo.yaml").read_text(encoding="utf-8"))
    return tuple(sorted((Known(**each) for each in listed), key=lambda k: (k.data, k.latent)))


def known(name: str) -> Known:
    """Return the network of this name.

    Raises:
        GenomeError: there is none.
    """
    names = {each.name: each for each in zoo()}
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise GenomeError("zoo", f"no network {name}", f"{hint}'evoae zoo list' names all")
    return names[name]


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
