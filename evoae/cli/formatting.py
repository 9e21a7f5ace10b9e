"""What comes next, in words; and the words for figures, as every command uses them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from evoae.formatting import (
    about,
    command,
    count,
    duration,
    exact,
    figure,
    flops,
    listed,
    loss,
    plural,
    shape,
    short,
    signed,
    size,
)

__all__ = [
    "about",
    "command",
    "count",
    "duration",
    "exact",
    "figure",
    "flops",
    "listed",
    "loss",
    "next_steps",
    "plural",
    "shape",
    "short",
    "signed",
    "size",
]


def next_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Say on stderr which commands make sense next, and what each does."""
    width = max(len(typed) for typed, _ in steps)
    click.echo(err=True)
    for label, (typed, purpose) in zip(("Next:", *[""] * len(steps)), steps, strict=False):
        click.echo(f"{label:<6} {typed:<{width}}  {purpose}", err=True)
