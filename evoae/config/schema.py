"""The configuration: every setting, its type, its range and its default, in one frozen model.

A setting's `description` is what `evoae init` writes beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evoae.config.data import DataConfig
from evoae.config.kinds import BY_KIND
from evoae.config.model import ModelConfig
from evoae.config.objectives import ObjectiveConfig, ReconstructionConfig
from evoae.config.search import SearchConfig
from evoae.config.values import (
    CHOICES,
    BaselineName,
    Count,
    Decay,
    MemoryLimit,
    OptimizerName,
    Positive,
    Precision,
    Rate,
    Schedule,
    Seconds,
    Section,
    Share,
    Shift,
)


class TrainingConfig(Section):
    """How one candidate is trained."""

    epochs: Count = Field(3, description="passes over the (reduced) training inputs")
    batch_size: Positive = Field(
        32, description="inputs per optimiser step; short trainings need small batches"
    )
    optimizer: OptimizerName = Field("adamw", description="the optimiser")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="of sgd; 0 for none")
    learning_rate: Rate = 0.002
    weight_decay: Decay = 0.004
    schedule: Schedule = "cosine"
    warmup: Share = Field(0.05, description="share of the steps in which cosine rises first")
    shift: Shift = Field(0, description="most pixels that images are moved by at random")
    flip: Share = Field(0.0, description="probability that an image is mirrored left to right")
    augment_until: Share = Field(
        1.0, description="share of the epochs, from the first, with shift and flip"
    )
    patience: Positive | None = Field(
        None, description="stop after so many epochs without gain; null for never"
    )
    fitness: Literal["last", "best"] = Field("last", description="validation loss of which epoch")
    batchnorm_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="Keras' .99 keeps start values through a short training"
    )
    precision: Precision = Field("float32", description="of the computation")
    loop: Literal["compiled", "fit"] = Field(
        "compiled", description="one function per epoch, or plain Keras"
    )
    time_limit: Seconds | None = Field(
        300.0,
        description="seconds after which a training has failed; null for no limit",
    )


class RefitConfig(Section):
    """How a winner is trained after the search, on all training data."""

    epochs: Count = Field(30, description="most passes over all training data")
    optimizer: OptimizerName = Field("muon", description="train outranks it")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="of sgd; 0 for none")
    learning_rate: Rate = 0.004
    batch_size: Positive = Field(64, description="inputs per optimiser step")
    weight_decay: Decay = 0.1
    schedule: Schedule = "cosine"
    warmup: Share = Field(0.05, description="share of the steps in which cosine rises first")
    shift: Shift = Field(0, description="most pixels that images are moved by at random")
    flip: Share = Field(0.0, description="probability that an image is mirrored left to right")
    augment_until: Share = Field(
        1.0, description="share of the epochs, from the first, with shift and flip"
    )
    patience: Positive | None = Field(
        None, description="stop after so many epochs without gain; null: cosine needs its end"
    )
    precision: Precision = Field("float32", description="of the computation")
    seeds: Count = Field(1, description="trainings from other start weights, for the noise")
    with_validation: bool = Field(
        False, description="train on the validation split too; its loss is not told then"
    )

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if self.with_validation and self.patience is not None:
            raise ValueError(
                f"patience of {self.patience} with_validation: no epoch can be judged then; "
                "set patience to null"
            )
        return self

    @property
    def training(self) -> TrainingConfig:
        """The same as settings of one training, without a time limit.

        The best epoch counts, or the last one if no validation split is left to judge by.
        """
        own = self.model_dump(exclude={"seeds", "with_validation"})
        fitness: Literal["last", "best"] = "last" if self.with_validation else "best"
        return TrainingConfig(**own, fitness=fitness, time_limit=None)


class ReportConfig(Section):
    """What the result is compared with at the end, by validation loss."""

    baselines: Annotated[tuple[BaselineName, ...], *CHOICES] = Field(
        ("pca",), description="or handmade, plain, random (doubles the cost); a list; [] for none"
    )


class ExecutionConfig(Section):
    """Where trainings run. No score depends on it, but failures may."""

    kind: Literal["local", "inline"] = Field(
        "local", description="worker processes, or this one without limits"
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        "auto", description="processes of one thread each; auto is one per GPU, or else per core"
    )
    memory_limit: MemoryLimit | None = Field(
        4 * 2**30,
        description="memory of a worker at which a training has failed; null for no limit",
    )
    recycle_after: Positive | None = Field(
        50, description="candidates after which a worker is replaced; null for never"
    )


class Config(Section):
    """A whole configuration, as read from a file or made in Python."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(7, description="of every random choice")
    data: DataConfig
    model: ModelConfig = ModelConfig()
    objective: Annotated[ObjectiveConfig, BY_KIND] = ReconstructionConfig()
    search: SearchConfig = SearchConfig()
    training: TrainingConfig = TrainingConfig()
    refit: RefitConfig = RefitConfig()
    report: ReportConfig = ReportConfig()
    execution: ExecutionConfig = ExecutionConfig()

    @model_validator(mode="after")
    def _racing_has_rungs(self) -> Self:
        racing, epochs = self.search.racing, self.training.epochs
        if racing.keep < 1 and not racing.compared(epochs):
            raise ValueError(
                f"search.racing.rungs: none lies before the end of a training of {epochs} epochs"
            )
        return self

    @model_validator(mode="after")
    def _posterior_of_a_vector(self) -> Self:
        if self.objective.code_posterior is not None and self.model.latent != "vector":
            raise ValueError(f"model.latent: kind {self.objective.kind} needs a vector")
        return self
