"""The golden files of the genome's written forms: `python -m tests.golden_genome --write`.

Each `tests/golden/genome/NAME.txt` pins the codec version, token sequence, one-line text,
candidate id and layer plan of one network. Rewriting shows a changed format as a diff to review.
A file of an older codec version must stay readable: keep it, and add a new one beside it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from evoae.genome.canonical import candidate_id
from evoae.genome.codec import CODEC_VERSION, decode, encode
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import render
from evoae.models.plan import plan

FOLDER = Path(__file__).parent / "golden" / "genome"


@dataclass(frozen=True)
class Case:
    """One network: its tokens, its input's shape and `min_side`."""

    tokens: tuple[float, ...]
    shape: tuple[int, ...]
    min_side: int = 7


CASES = {
    "design_square": Case(
        (-1, 32, 3, 3, -1, 16, 3, 3, -5, 8, -2, 16, 3, 3, -2, 32, 3, 3), (28, 28, 1)
    ),
    "design_odd": Case(
        (-1, 32, 3, 3, -1, 16, 3, 5, -5, 8, -2, 24, 3, 3, -2, 32, 3, 3), (15, 13, 3)
    ),
    "design_one_block": Case((-1, 32, 3, 3, -3, -4, 0.25, -5, 32, -2, 32, 3, 3), (28, 28, 1)),
    "hand_made_64_32_16": Case(
        (-1, 64, 3, 3, -1, 32, 3, 3, -1, 16, 3, 3, -2, 16, 3, 3, -2, 32, 3, 3, -2, 64, 3, 3),
        (28, 28, 1),
        min_side=3,
    ),
    "published": Case(
        (-1, 64, 3, 3, -3, -1, 32, 3, 3, -4, 0.3, -2, 32, 3, 3, -2, 64, 3, 3, -3), (28, 28, 1)
    ),
    "published_long_rate": Case(
        (-1, 119, 3, 3, -4, 0.4472135954999579, -2, 21, 3, 3, -3, -4, 0.1), (28, 28, 1)
    ),
    "smallest_input": Case((-1, 16, 3, 3, -5, 2, -2, 16, 3, 3), (8, 8, 1)),
    "colour_wide": Case(
        (
            *(-1, 24, 5, 4, -1, 48, 3, 3, -3, -1, 96, 4, 5, -5, 128),
            *(-2, 96, 3, 3, -4, 0.125, -2, 48, 3, 3, -2, 24, 5, 5, -3),
        ),
        (31, 90, 3),
    ),
    "strided_transposed": Case(
        (-10, 2, -11, 1, -1, 32, 4, 4, -1, 64, 4, 4, -5, 32, -2, 64, 4, 4, -2, 32, 4, 4),
        (28, 28, 1),
    ),
    "every_trait": Case(
        (
            *(-9, 4, -10, 1, -11, 1, -8, -2.523, 48, 1),
            *(-1, 24, 5, 4, -3, -6, 40, -4, 0.2, -5, 12, -7, 44, -3, -2, 20, 3, 3),
        ),
        (15, 13, 3),
    ),
    "mirrored_head": Case(
        (-10, 2, -11, 1, -12, 1, -1, 32, 4, 4, -1, 64, 4, 4, -5, 32, -2, 64, 4, 4, -2, 32, 4, 4),
        (28, 28, 1),
    ),
    "mirrored_head_odd": Case(
        (
            *(-12, 1, -1, 24, 5, 4, -13, 2, -3, -4, 0.2, -1, 16, 3, 3),
            *(-5, 12, -2, 20, 3, 3, -13, 1, -3, -2, 24, 3, 4, -13, 1, -3, -4, 0.1),
        ),
        (15, 26, 3),
    ),
    "residual_odd": Case(
        (-1, 24, 3, 3, -3, -13, 2, -1, 16, 3, 3, -2, 20, 3, 3, -3, -2, 16, 3, 3, -13, 1),
        (15, 26, 3),
    ),
    "dense_image": Case((-6, 256, -6, 64, -5, 32, -7, 64, -7, 256), (28, 28, 1)),
    "dense_784_32": Case((-5, 32), (28, 28, 1)),
    "dense_table": Case((-6, 16, -3, -5, 2, -7, 12), (13,)),
    "not_canonical": Case(
        (-1, 16, 3, 3, -3, -3, -4, 0.0, -5, 4, -2, 16, 3, 3, -4, 0.12345), (16, 16, 1)
    ),
}


def golden_text(case: Case) -> str:
    """Return what the golden file of `case` holds."""
    genome = decode(case.tokens)
    layers = plan(genome, NetworkDefaults(case.shape, min_side=case.min_side))
    table = [
        f"{layer.part:8}{layer.name:22}{'x'.join(map(str, layer.shape)):>12}"
        f"{layer.parameters:>10}{layer.flops:>12}"
        for layer in layers.layers
    ]
    size = layers.size
    head = [
        f"codec: {CODEC_VERSION}",
        f"tokens: {json.dumps(encode(genome))}",
        f"text: {render(genome)}",
        f"id: {candidate_id(genome)}",
        f"input: {'x'.join(map(str, case.shape))}, min_side {case.min_side}",
        f"size: latent {size.latent}, parameters {size.parameters}, FLOPs {size.flops}, "
        f"activation bytes {size.activation_bytes}",
        f"{'part':8}{'layer':22}{'shape':>12}{'weights':>10}{'FLOPs':>12}",
    ]
    return "\n".join([*head, *table]) + "\n"


def main() -> None:
    """Rewrite every golden file."""
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.golden_genome --write")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        (FOLDER / f"{name}.txt").write_text(golden_text(case), encoding="utf-8")


if __name__ == "__main__":
    main()
