"""Files of genomes: one-line texts, a line each; lines that begin with # say what they are."""

from __future__ import annotations

from pathlib import Path

from evoae.errors import GenomeError
from evoae.genome.genome import Genome
from evoae.genome.text import parse


def read_genomes(path: Path) -> list[tuple[int, Genome]]:
    """Return every genome of a file with the number of its line, from 1.

    Raises:
        GenomeError: the file cannot be read, or a line is broken.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as why:
        raise GenomeError(str(path), "no such file", "name a file of genomes") from why
    except (OSError, ValueError) as why:
        raise GenomeError(str(path), "no file of text", "name a file of genomes") from why
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append((number, parse(line)))
            except GenomeError as why:
                place = f"{path}: line {number}: {why.place}"
                raise GenomeError(place, why.value, why.next_step) from why
    return found
