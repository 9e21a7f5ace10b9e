"""Files of genomes: one-line texts, a line each; lines that begin with # say what they are."""

from __future__ import annotations

from pathlib import Path

from evoae.errors import GenomeError
from evoae.formatting import size
from evoae.genome.genome import Genome
from evoae.genome.text import parse

_MOST_BYTES = 2**24


def read_genomes(path: Path) -> list[tuple[int, Genome]]:
    """Return every genome of a file with the number of its line, from 1.

    Raises:
        GenomeError: the file cannot be read, or a line is broken.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        lines = data.decode("utf-8").splitlines()
    except FileNotFoundError as why:
        raise GenomeError(str(path), "no such file", "name a file of genomes") from why
    except (OSError, ValueError) as why:
        raise GenomeError(str(path), "no file of text", "name a file of genomes") from why
    if len(data) > _MOST_BYTES:
        raise GenomeError(str(path), f"larger than {size(_MOST_BYTES)}", "name a file of genomes")
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append((number, parse(line)))
            except GenomeError as why:
                place = f"{path}: line {number}: {why.place}"
                raise GenomeError(place, why.value, why.next_step) from why
    return found
