"""The settings of every objective, `objective:`, what it asks of the network, and its words.

To add an objective: a class here, and a file in `models/objectives/` that bears the name of its
kind. What it asks and its words are here, since those who want them do without TensorFlow.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from evoae.config.kinds import KindSection
from evoae.config.values import Weight

_ERRORS = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "bce": "binary cross-entropy",
}


class ObjectiveConfig(KindSection):
    """What a network is trained for; its validation figure is the fitness."""

    # In words, what the fitness counts besides the error; empty if nothing.
    added: ClassVar[str] = ""

    kind: str = Field(description="aim")
    loss: Literal["mse", "mae", "bce"] = Field(
        "mse", description="error, a mean per input number; variational: a sum"
    )

    @property
    def code_activation(self) -> Literal["linear", "sigmoid"]:
        """Activation that it needs the code to have."""
        return "linear"

    @property
    def code_posterior(self) -> Literal["diagonal", "full"] | None:
        """Covariance of the Gaussian that the encoder must tell; None for a plain code."""
        return None

    @property
    def is_squared_error(self) -> bool:
        """Whether the fitness is the mean squared error of the input as it is, which PCA's is."""
        return False

    def fitness_in_words(self, value: str) -> str:
        """Say what the fitness is a mean of; `value` is what an item consists of, as `pixel`."""
        return f"{self.error_in_words} per {value}" + (f" and {self.added}" if self.added else "")

    @property
    def error_in_words(self) -> str:
        """Name of the error."""
        return _ERRORS[self.loss]


class ReconstructionConfig(ObjectiveConfig):
    """Give back what came in."""

    kind: Literal["reconstruction"] = Field("reconstruction", description="aim")

    @property
    def is_squared_error(self) -> bool:
        """Whether the loss is mse."""
        return self.loss == "mse"


class CorruptedConfig(ObjectiveConfig):
    """What objectives share whose inputs may be corrupted; targets stay clean."""

    corruption: Literal["none", "gaussian", "masking", "salt_pepper"] = Field(
        "none", description="noise put on inputs"
    )
    level: Annotated[float, Field(gt=0, le=1)] = Field(
        0.3, description="of corruption: deviation of gaussian, share of numbers of others"
    )
    corrupt: Literal["layer", "data"] = Field(
        "layer", description="afresh each step, or each input once for all"
    )

    @model_validator(mode="after")
    def _corrupts(self) -> Self:
        for name in ("level", "corrupt") if self.corruption == "none" else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: corruption is none, so that nothing uses it")
        return self


class DenoisingConfig(CorruptedConfig):
    """Rebuild the clean input from a corrupted one; here `none` stands for gaussian noise."""

    kind: Literal["denoising"] = Field("denoising", description="aim")

    @model_validator(mode="before")
    @classmethod
    def _corrupts_always(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("corruption", "none") == "none":
            return {**raw, "corruption": "gaussian"}
        return raw

    def fitness_in_words(self, value: str) -> str:
        """Say what the fitness is a mean of."""
        return f"{super().fitness_in_words(value)} of what comes out for a corrupted input"


class SparseConfig(CorruptedConfig):
    """Few units of the code are active for any one input."""

    added = "the sparsity penalty"

    kind: Literal["sparse"] = Field("sparse", description="aim")
    sparsity: Literal["kl", "l1"] = Field("kl", description="penalty on the code")
    target: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="mean activation wanted of a code unit, with kl"
    )
    weight: Weight = Field(
        0.001, description="of the penalty, a sum over code units; l1 needs less"
    )

    @property
    def code_activation(self) -> Literal["linear", "sigmoid"]:
        """A sigmoid for kl, which takes activations for probabilities."""
        return "sigmoid" if self.sparsity == "kl" else "linear"

    @model_validator(mode="after")
    def _target_is_used(self) -> Self:
        if self.sparsity != "kl" and self.target != type(self).model_fields["target"].default:
            raise ValueError("target: only sparsity kl uses it")
        return self


class ContractiveConfig(ObjectiveConfig):
    """Codes change little where inputs change little."""

    added = "the contraction"

    kind: Literal["contractive"] = Field("contractive", description="aim")
    contraction: Weight = Field(0.0001, description="weight of the Jacobian's squared norm")


class VariationalConfig(CorruptedConfig):
    """Codes are samples of a posterior that is held near N(0, I)."""

    added = "the code's divergence"

    kind: Literal["variational"] = Field("variational", description="aim")
    beta: Weight = Field(1.0, description="weight of the KL")
    anneal_epochs: Weight = Field(0.0, description="epochs in which beta rises from 0")
    posterior: Literal["diagonal", "full"] = Field(
        "diagonal", description="covariance of the code"
    )

    @property
    def code_posterior(self) -> Literal["diagonal", "full"]:
        """Covariance of the Gaussian that the encoder must tell."""
        return self.posterior

    def fitness_in_words(self, value: str) -> str:  # noqa: ARG002 - a sum over all values
        """Say what the fitness is a mean of."""
        return f"{self.error_in_words}, summed over an item's values, and {self.added}"
