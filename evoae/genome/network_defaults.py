"""Settings of networks that no gene decides: they are the same in a whole search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from evoae.config.model import ModelConfig
from evoae.config.objectives import ObjectiveConfig
from evoae.config.values import ActivationName, DownsamplingName, UpsamplingName


@dataclass(frozen=True, slots=True)
class NetworkDefaults:
    """What a genome needs to become a network.

    Attributes:
        input_shape: (height, width, channels), or (features,) for rows of a table.
        min_side: an encoder convolution halves its map while the smaller side is larger than this.
        output: activation of the head.
        activation, downsampling, upsampling: of networks without a gene that says otherwise.
        code: activation of the code.
        posterior: what the encoder tells besides the mean of the code: None for nothing, else the
            parameters of a Gaussian with a `diagonal` or a `full` covariance.
    """

    input_shape: tuple[int, ...]
    min_side: int = 7
    output: Literal["sigmoid", "linear"] = "sigmoid"
    activation: ActivationName = "relu"
    downsampling: DownsamplingName = "max"
    upsampling: UpsamplingName = "upsample"
    code: Literal["linear", "sigmoid"] = "linear"
    posterior: Literal["diagonal", "full"] | None = None

    @classmethod
    def of(
        cls,
        model: ModelConfig,
        objective: ObjectiveConfig,
        input_shape: tuple[int, ...],
        output: Literal["sigmoid", "linear"],
    ) -> Self:
        """Return the defaults that a configuration and its data make; `output` fits the data."""
        return cls(
            input_shape=input_shape,
            min_side=model.min_side,
            output=output if model.output == "auto" else model.output,
            activation=model.activation[0],
            downsampling=model.downsampling[0],
            upsampling=model.upsampling[0],
            code=objective.code_activation,
            posterior=objective.code_posterior,
        )
