"""The settings of the search space, `model:`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evoae.config.values import (
    CHOICE,
    ActivationName,
    BlockRange,
    Bytes,
    Count,
    DownsamplingName,
    Flops,
    HeadName,
    KernelRange,
    LearningRates,
    LinearName,
    OptimizerName,
    Positive,
    RateRange,
    Section,
    Share,
    SizeRange,
    UpsamplingName,
)


class SamplingConfig(Section):
    """Probabilities with which a random genome is drawn."""

    deeper: Share = Field(0.5, description="probability of each further encoder layer")
    batchnorm: Share = Field(0.5, description="probability of bn after a layer")
    dropout: Share = Field(0.5, description="probability of drop after a layer")
    residual: Share = Field(0.0, description="probability of res after a convolution; 0: never")


class LearningConfig(Section):
    """Learning genes: how to train as part of the genome."""

    evolve: bool = Field(False, description="true for a train gene, which outranks `training`")
    learning_rates: LearningRates = Field(
        (0.0003, 0.01), description="smallest and largest learning rate"
    )
    batch_sizes: SizeRange = Field((16, 128), description="smallest and largest batch size")
    optimizers: Annotated[tuple[OptimizerName, ...], *CHOICE] = Field(
        ("adam", "adamw"), description="optimisers: one, or a list to choose from"
    )


class ModelConfig(Section):
    """The search space: which networks a genome may describe."""

    latent: Literal["vector", "spatial"] = Field(
        "vector", description="bottleneck: a vector, or the last feature map"
    )
    min_latent: Positive = Field(
        2, description="smallest latent vector; equal to max_latent to fix it"
    )
    max_latent: Positive | None = Field(32, description="largest latent size; null for no limit")
    layers: Literal["auto", "conv", "dense", "both"] = Field(
        "auto", description="kinds of layer; auto fits the data"
    )
    max_depth: Annotated[int, Field(ge=1, le=100)] = Field(4, description="most encoder layers")
    max_parameters: Positive | None = Field(
        2_000_000, description="most weights of a network; null for no limit"
    )
    max_flops: Flops | None = Field(
        None, description="most FLOPs of one image's forward pass; null for no limit"
    )
    max_activation_bytes: Bytes | None = Field(
        None, description="most bytes of one image's activations; null for no limit"
    )
    min_side: Positive = Field(7, description="pool while the smaller side is larger than this")
    filters: SizeRange = Field((16, 128), description="fewest and most filters of a layer")
    filter_step: Count = Field(
        1,
        description="filters are multiples of it: bfloat16 is fast at those of 16",
    )
    kernels: KernelRange = Field((3, 5), description="smallest and largest kernel side")
    units: SizeRange = Field((8, 256), description="fewest and most units of a dense layer")
    rates: RateRange = Field((0.0, 0.5), description="smallest and largest dropout rate")
    residual: BlockRange = Field((1, 2), description="fewest and most blocks of a res")
    activation: Annotated[tuple[ActivationName, ...], *CHOICE] = Field(
        ("relu",),
        description="of layers; also leaky_relu, selu, tanh; a list makes a gene",
    )
    downsampling: Annotated[tuple[DownsamplingName, ...], *CHOICE] = Field(
        ("max",), description="pooling that halves maps; or average, stride; a list makes a gene"
    )
    upsampling: Annotated[tuple[UpsamplingName, ...], *CHOICE] = Field(
        ("upsample",),
        description="convolve, then repeat pixels; or transposed; a list makes a gene",
    )
    head: Annotated[tuple[HeadName, ...], *CHOICE] = Field(
        ("conv",),
        description="a conv of its own or mirror: the last upconv; a list makes a gene",
    )
    linear: Annotated[tuple[LinearName, ...], *CHOICE] = Field(
        ("none",),
        description="pca: a linear path beside the network, from PCA; a list makes a gene",
    )
    output: Literal["auto", "sigmoid", "linear"] = Field(
        "auto", description="the head's activation; auto fits the data"
    )
    sampling: SamplingConfig = Field(SamplingConfig(), description="how random genomes are drawn")
    learning: LearningConfig = Field(LearningConfig(), description="learning genes")

    @model_validator(mode="after")
    def _filters_have_a_multiple(self) -> Self:
        low, high = self.filters
        if high // self.filter_step * self.filter_step < low:
            raise ValueError(
                f"filters: {low} to {high} hold no multiple of filter_step {self.filter_step}"
            )
        return self

    @model_validator(mode="after")
    def _latent_range(self) -> Self:
        if self.latent == "vector":
            if self.max_latent is None:
                raise ValueError("max_latent: a latent vector needs a largest size")
            if self.min_latent > self.max_latent:
                raise ValueError(
                    f"min_latent: {self.min_latent} exceeds max_latent, {self.max_latent}"
                )
        return self
