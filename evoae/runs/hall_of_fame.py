"""One candidate of a run: its entry in the hall of fame, or how its training ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal

from evoae.evaluation import Evaluation
from evoae.formatting import explained
from evoae.runs.model_file import load_model
from evoae.runs.records import Candidate

if TYPE_CHECKING:
    import keras

_ROUNDING = 1.001  # of PCA's loss: what is no further above it is as good

# Fields that `show --json` tells as they are.
_OF_CANDIDATE = ("id", "genome", "generation", "parents", "operator")
_SIZE = ("parameters", "latent", "flops")
_OF_EVALUATION = (*_SIZE, "seconds", "peak_memory", "metrics", "message")


@dataclass(frozen=True, slots=True)
class Standing:
    """A loss, and what it means.

    Attributes:
        split: that it was measured on.
        loss: of a model.
        pca: of PCA of the same size on the same items; None where it was not measured.
        explained: share of the variance that the model explains; None where it was not measured.
    """

    split: Literal["validation", "test"]
    loss: float
    pca: float | None
    explained: float | None

    @property
    def behind_pca(self) -> bool:
        """Whether PCA is better, by more than rounding: a network may begin as PCA."""
        return self.pca is not None and self.loss > _ROUNDING * self.pca

    @property
    def in_words(self) -> str:
        """Say which share of the variance the model explains, and PCA; "" if it is not known."""
        if self.explained is None:
            return ""
        of_pca = None
        if self.pca is not None and self.explained < 1:
            of_pca = 1 - self.pca / self.loss * (1 - self.explained)
        return explained(self.explained, of_pca)


def share(loss: float | None, variance: float | None) -> float | None:
    """Return the share of a variance that a loss leaves explained; None where one is unknown."""
    return None if loss is None or not variance else 1 - loss / variance


def leading(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of a hall of fame, those first that were refitted, best first.

    A refit that was trained on the validation split as well is the last step that one takes, and
    nothing is left to judge it by: it leads. Others do by their validation loss; that of another
    candidate than the first one only if it is better than what the search knows of the first,
    which may not be refitted yet.
    """
    first = entries[0] if entries else None
    searched = first is not None and first.test_loss is None
    most = first.val_loss if first is not None and searched else math.inf
    ahead = [entry for entry in entries if entry.test_loss is not None]
    ahead = sorted(
        (entry for entry in ahead if entry.refit_loss is None or entry.refit_loss <= most),
        key=lambda entry: (
            -math.inf if entry.refit_loss is None else entry.refit_loss,
            entry.rank,
        ),
    )
    return ahead + [entry for entry in entries if entry not in ahead]


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the hall of fame.

    Attributes:
        rank: from 1, the best.
        id: candidate id.
        val_loss: its fitness, the mean over its trainings.
        trainings: number of its trainings that did not fail, each with a seed of its own.
        deviation: standard deviation of their losses; None for a single training.
        parameters, latent: the network's size.
        genome: one-line text.
        generation: the one that proposed it first.
        seconds: wall time of its first training.
        model_path: its trained model.
        test_loss: its fitness figure on the test set after `refit`; None before.
        refit_loss: its validation loss after `refit`, on the whole validation split; None before,
            or where that was trained on.
        pca, refit_pca, test_pca: what PCA of the same size reaches on the items of `val_loss`,
            `refit_loss` and `test_loss`; None where it was not measured, or is no such figure.
        explained, refit_explained, test_explained: share of the variance of these items that
            their loss leaves explained, at most 1; None where it was not measured.
    """

    rank: int
    id: str
    val_loss: float
    parameters: int
    latent: int
    genome: str
    generation: int
    seconds: float
    model_path: Path
    test_loss: float | None = None
    trainings: int = 1
    deviation: float | None = None
    refit_loss: float | None = None
    pca: float | None = None
    refit_pca: float | None = None
    test_pca: float | None = None
    explained: float | None = None
    refit_explained: float | None = None
    test_explained: float | None = None

    @property
    def standing(self) -> Standing:
        """What is known best of it: on the test set, else after its refit, else of the search."""
        if self.test_loss is not None:
            return Standing("test", self.test_loss, self.test_pca, self.test_explained)
        if self.refit_loss is not None:
            return Standing("validation", self.refit_loss, self.refit_pca, self.refit_explained)
        return Standing("validation", self.val_loss, self.pca, self.explained)

    def load(self) -> keras.Model:
        """Load the trained model, with sub-models named `encoder` and `decoder`.

        Raises:
            RunError: the file is missing or damaged.
        """
        return load_model(self.model_path)

    def summary(self) -> dict[str, object]:
        """Return its JSON object in `hof --json`."""
        values = asdict(self)
        return {**values, "model_path": str(values["model_path"])}


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """A candidate and, once it is trained, its evaluation.

    Attributes:
        candidate: as it was proposed.
        evaluation: its first training; None before that.
        scores: validation losses of its trainings that neither failed nor were stopped by racing.
    """

    candidate: Candidate
    evaluation: Evaluation | None
    scores: tuple[float, ...] = ()

    @property
    def val_loss(self) -> float | None:
        """The mean of the scores, or how far racing let it come; None if it failed."""
        if self.scores:
            return fmean(self.scores)
        return None if self.evaluation is None else self.evaluation.fitness

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the scores; None for fewer than two."""
        return stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def kind(self) -> str:
        """How its training ended; `waiting` before that."""
        return "waiting" if self.evaluation is None else self.evaluation.outcome.value

    @property
    def message(self) -> str:
        """Why it failed; "" if it did not."""
        return "" if self.evaluation is None else self.evaluation.message or ""

    @property
    def traceback(self) -> str | None:
        """Of its failure; None if there is none."""
        return None if self.evaluation is None else self.evaluation.traceback

    def summary(self) -> dict[str, object]:
        """Return its JSON object in `show --json`."""
        proposed, evaluation = asdict(self.candidate), self.evaluation
        told: dict[str, object] = {name: proposed[name] for name in _OF_CANDIDATE}
        if evaluation is not None:
            told |= {"outcome": self.kind, "val_loss": self.val_loss}
            told |= {"trainings": len(self.scores), "deviation": self.deviation}
            earned = asdict(evaluation)
            told |= {name: earned[name] for name in _OF_EVALUATION}
            told["raced"] = len(evaluation.validation_loss) if evaluation.raced else None
        return told
