"""What a search begins with: a file's genomes, or networks of the zoo or textbooks that fit it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from evoae.config.schema import Config
from evoae.engine.problem import Problem
from evoae.engine.zoo import zoo
from evoae.errors import GenomeError, SpaceError
from evoae.genome.canonical import canonical
from evoae.genome.files import read_genomes
from evoae.genome.gene_kind import GlobalGene
from evoae.genome.genes import GENES, Latent, Linear, kinds, make, numbers
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space
from evoae.genome.text import parse, render

# What an engineer would write first, best first. A search of minutes trains some dozens of
# networks, and random ones are mostly worse; auto-sklearn 2.0 begins with a portfolio for the same
# reason (Feurer et al., 2022).
_ROWS = (
    "dense(256) dense(128) dense(64) | latent({latent}) | updense(64) updense(128) updense(256)",
    "act(gelu) dense(256) dense(128) | latent({latent}) | updense(128) updense(256)",
    "act(elu) dense(128) drop(0.1) dense(64) drop(0.1) | latent({latent}) | "
    "updense(64) drop(0.1) updense(128) drop(0.1)",
    "dense(128) dense(64) | latent({latent}) | updense(64) updense(128)",
)
_PICTURES = (
    "down(stride) up(transposed) conv(32,5x5) conv(64,5x5) | latent({latent}) | "
    "upconv(64,5x5) upconv(32,5x5)",
    "down(stride) up(transposed) conv(32,3x3) conv(64,3x3) | latent({latent}) | "
    "upconv(64,3x3) upconv(32,3x3)",
    "down(stride) up(transposed) conv(16,5x5) conv(32,5x5) | latent({latent}) | "
    "upconv(32,5x5) upconv(16,5x5)",
    "dense(256) dense(128) | latent({latent}) | updense(128) updense(256)",
)
_HALVINGS, _FURTHER = 2, 2  # of widths, and convolutions, until a textbook network is given up


def seed_genomes(problem: Problem) -> tuple[str, ...]:
    """Return the genomes of `search.seed_genomes` as text, each once.

    Raises:
        GenomeError: the file cannot be read, or a line of it is broken.
        SpaceError: the space does not hold one of the file, or none of the zoo.
    """
    chosen = problem.config.search.seed_genomes
    if chosen in _SHIPPED:
        found = tuple(map(render, _SHIPPED[chosen](problem)))
        if chosen == "zoo" and not found:
            raise SpaceError(
                "search.seed_genomes", "zoo, but the space holds none of it", "use null"
            )
        return found
    given: dict[str, None] = {}
    for number, genome in read_genomes(Path(chosen)) if chosen else ():
        if reason := problem.space.violation(genome):
            raise SpaceError(
                f"{chosen}: line {number}", reason, "take it out, or widen the space (model)"
            )
        given[render(canonical(genome))] = None
    return tuple(given)


def from_zoo(problem: Problem) -> tuple[Genome, ...]:
    """Return the networks of the zoo that a search may begin with, see `fitting`.

    Networks found for its data come first, then those with the nearest code; at most half a
    population.
    """
    wanted = problem.config.model.max_latent or problem.config.model.min_latent
    ranked = sorted(
        zoo(), key=lambda each: (each.data != problem.dataset.name, abs(each.latent - wanted))
    )
    most = max(1, problem.config.search.population // 2)
    return fitting(problem, (each.genome for each in ranked))[:most]


def from_textbooks(problem: Problem) -> tuple[Genome, ...]:
    """Return the textbook networks for data of this kind, in the search's own form, each once.

    Each is there with and without a linear path, where that is a gene. One that the space does
    not hold as it stands, for large pictures say, is deepened or made narrower until it does.
    """
    rows = len(problem.dataset.input_shape) == 1
    most = problem.config.model.max_latent or 1
    texts = [text.format(latent=most) for text in (_ROWS if rows else _PICTURES)]
    if Linear in problem.space.global_genes:
        texts = [f"{words}{text}" for text in texts for words in ("", "linear(pca) ")]
    found = (_simplified(parse(text), problem) for text in texts)
    return tuple(dict.fromkeys(genome for genome in found if genome is not None))


def _simplified(genome: Genome, problem: Problem) -> Genome | None:
    """Return the widest form of a network that the space holds, and its shallowest; or None.

    A further convolution halves the map once more, and with it the layers around the code, which
    have most of the parameters of a network for large pictures.
    """
    for _ in range(_HALVINGS + 1):
        deeper = genome
        for _ in range(_FURTHER + 1):
            fitted = _fitted(deeper, problem.config, problem.space)
            if fitted is not None:
                return fitted
            if not genome.encoder[-1].needs_map:
                break
            deeper = replace(
                deeper,
                encoder=(*deeper.encoder, deeper.encoder[-1]),
                decoder=(deeper.decoder[0], *deeper.decoder),
            )
        genome = replace(
            genome,
            encoder=tuple(_narrower(block, problem.space) for block in genome.encoder),
            decoder=tuple(_narrower(block, problem.space) for block in genome.decoder),
        )
    return None


def _narrower(block: Block, space: Space) -> Block:
    """Return a block of half the width, as far as the space has it."""
    narrower: list[float] = []
    for field, number in zip(GENES[type(block.layer)].fields, numbers(block.layer), strict=True):
        if field.tells == "width":
            least, _ = space.steps(field)
            half = max(least, space.to_steps(field, number / 2))
            narrower.append(space.from_steps(field, half))
        else:
            narrower.append(number)
    return replace(block, layer=make(type(block.layer), narrower))


def fitting(problem: Problem, genomes: Iterable[str]) -> tuple[Genome, ...]:
    """Return those genomes that a search may begin with, in its own form, each once.

    The code takes the nearest size that the space admits, and genes of the whole network are
    written or left out as the space does it. Networks that would still lie outside the space, or
    that the configuration's fixed settings would change, are left out.
    """
    found: dict[Genome, None] = {}
    for text in genomes:
        genome = _fitted(parse(text), problem.config, problem.space)
        if genome is not None:
            found[genome] = None
    return tuple(found)


def _fitted(genome: Genome, config: Config, space: Space) -> Genome | None:
    """Return a genome as the space would write it; None if it has no place there."""
    latent = genome.latent
    if latent is not None:
        most = config.model.max_latent or latent.units
        latent = Latent(min(max(latent.units, config.model.min_latent), most))
    own = {type(gene): gene for gene in genome.global_genes}
    absent = {
        gene: kind.absent(config.model, config.training)
        for gene, kind in kinds(GlobalGene).items()
        if kind.absent
    }
    if any(
        own.get(gene, absent[gene]) != absent[gene]
        for gene in absent
        if gene not in space.global_genes
    ):
        return None
    global_genes = tuple(own.get(gene, absent[gene]) for gene in space.global_genes)
    fitted = canonical(replace(genome, latent=latent, global_genes=global_genes))
    try:
        return fitted if space.admits(fitted) else None
    except GenomeError:  # convolutions for rows of a table
        return None


_SHIPPED: dict[str, Callable[[Problem], tuple[Genome, ...]]] = {  # in place of a file
    "zoo": from_zoo,
    "textbook": from_textbooks,
}
