"""The configuration: every setting, its type, its range and its default, in one frozen model.

A setting's `description` is what `evoae init` writes beside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from evoae.config.data import DataConfig
from evoae.config.model import ModelConfig
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
    Seconds,
    Section,
    Share,
    Shift,
    Weight,
)

# Which kinds of objective use a setting that not all of them use.
_USERS = {
    "corruption": ("denoising", "sparse", "variational"),
    "sparsity": ("sparse",),
    "target": ("sparse",),
    "weight": ("sparse",),
    "contraction": ("contractive",),
    "beta": ("variational",),
    "anneal_epochs": ("variational",),
    "posterior": ("variational",),
}


class ObjectiveConfig(Section):
    """What a network is trained for; its validation figure is the fitness."""

    kind: Literal["reconstruction", "denoising", "sparse", "contractive", "variational"] = Field(
        "reconstruction", description="aim"
    )
    loss: Literal["mse", "mae", "bce"] = Field(
        "mse", description="error, a mean per input number; variational: a sum"
    )
    corruption: Literal["none", "gaussian", "masking", "salt_pepper"] = Field(
        "none", description="noise put on inputs"
    )
    level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.3, description="of corruption: deviation of gaussian, share of numbers of others"
    )
    corrupt: Literal["layer", "data"] = Field(
        "layer", description="afresh each step, or each input once for all"
    )
    sparsity: Literal["kl", "l1"] = Field("kl", description="sparse: penalty on the code")
    target: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="sparse with kl: mean activation wanted of a code unit"
    )
    weight: Weight = Field(
        0.001, description="sparse: of the penalty, a sum over code units; l1 needs less"
    )
    contraction: Weight = Field(
        0.0001, description="contractive: weight of the Jacobian's squared norm"
    )
    beta: Weight = Field(1.0, description="variational: weight of the KL")
    anneal_epochs: Weight = Field(
        0.0, description="variational: epochs in which beta rises from 0"
    )
    posterior: Literal["diagonal", "full"] = Field(
        "diagonal", description="variational: covariance of the code"
    )

    @model_validator(mode="before")
    @classmethod
    def _denoising_corrupts(cls, raw: Any) -> Any:
        """Let denoising have gaussian noise where no other is chosen."""
        if not isinstance(raw, dict) or raw.get("kind") != "denoising":
            return raw
        return (
            raw if raw.get("corruption", "none") != "none" else {**raw, "corruption": "gaussian"}
        )

    @model_validator(mode="after")
    def _all_used(self) -> Self:
        for name in self._changed():
            if self.kind not in _USERS.get(name, (self.kind,)):
                *others, last = _USERS[name]
                kinds = (
                    f"kinds {', '.join(others)} and {last} use" if others else f"kind {last} uses"
                )
                raise ValueError(f"{name}: only {kinds} it")
            if name in ("level", "corrupt") and self.corruption == "none":
                raise ValueError(f"{name}: corruption is none, so that nothing uses it")
            if name == "target" and self.sparsity != "kl":
                raise ValueError("target: only sparsity kl uses it")
        return self

    def _changed(self) -> list[str]:
        fields = type(self).model_fields.items()
        return [name for name, field in fields if getattr(self, name) != field.default]


class TrainingConfig(Section):
    """How one candidate is trained."""

    epochs: Count = Field(3, description="passes over the (reduced) training inputs")
    batch_size: Positive = Field(
        128, description="inputs per optimiser step; short trainings need small batches"
    )
    optimizer: OptimizerName = Field("adam", description="the optimiser; sgd has momentum .9")
    learning_rate: Rate = Field(
        0.001, description="of the optimiser, the highest one of a schedule"
    )
    weight_decay: Decay = Field(
        0.004, description="of adamw, muon: share of each weight taken off, times the rate"
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="of the learning rate; cosine falls to 0"
    )
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
    optimizer: OptimizerName = Field("muon", description="the optimiser; a train gene outranks it")
    learning_rate: Rate = Field(
        0.004, description="of the optimiser, the highest one of a schedule"
    )
    batch_size: Positive = Field(64, description="inputs per optimiser step")
    weight_decay: Decay = Field(
        0.1, description="of adamw, muon: share of each weight taken off, times the rate"
    )
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="of the learning rate; cosine falls to 0"
    )
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
    objective: ObjectiveConfig = ObjectiveConfig()
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
        if self.objective.kind == "variational" and self.model.latent != "vector":
            raise ValueError("model.latent: kind variational needs a vector")
        return self
