"""One candidate of a run: its entry in the hall of fame, or how its training ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from evoae.evaluation import Evaluation
from evoae.runs.model_file import load_model
from evoae.runs.records import Candidate

if TYPE_CHECKING:
    import keras

# Fields that `show --json` tells as they are.
_OF_CANDIDATE = ("id", "genome", "generation", "parents", "operator")
_SIZE = ("parameters", "latent", "flops")
_OF_EVALUATION = (*_SIZE, "seconds", "peak_memory", "metrics", "message")


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
