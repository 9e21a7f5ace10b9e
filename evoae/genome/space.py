"""The search space: what a search draws from, and the hard limits that every candidate keeps.

A limit is checked on a network's `Size`, which only shape inference can tell. `genome` lies below
`models`, so whoever makes a `Space` hands in the `measure` (`evoae.models.plan.measure`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evoae.config.schema import ModelConfig
from evoae.genome.genome import Genome


@dataclass(frozen=True, slots=True)
class Size:
    """What the limits look at.

    Attributes:
        latent: numbers in the bottleneck.
        depth: encoder layers.
        parameters: all weights, trainable or not, as Keras counts them.
        flops: of one image's forward pass; a multiply-add counts two.
        activation_bytes: of one image's layer outputs in float32.
    """

    latent: int
    depth: int
    parameters: int
    flops: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class Space:
    """All networks that one search may try.

    Attributes:
        model: the user's choice of ranges, probabilities and limits.
        input_shape: (height, width, channels).
        measure: the size of a genome's network for this input.
    """

    model: ModelConfig
    input_shape: tuple[int, int, int]
    measure: Callable[[Genome], Size]
