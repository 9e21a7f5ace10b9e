"""What a run records of itself beside its candidates, as one typed record.

The database holds a row of JSON for each field. One that was damaged, or made by somebody else, is
refused by what is wrong in it; rows that are no fields are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from evoae.config.search import BudgetConfig
from evoae.data.kinds.recorded import RecordedKind
from evoae.runs.records import Baseline

_T = TypeVar("_T")
_Number = Annotated[int, Field(ge=0, lt=2**63)]
_Side = Annotated[int, Field(ge=1, le=2**24)]
_Seconds = Annotated[float, Field(ge=0, le=1e12)]
_Loss = Annotated[float, Field(allow_inf_nan=False)]
_STRICT = ConfigDict(strict=True)


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no time zone")
    return text


_Moment = Annotated[str, AfterValidator(_moment)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Software and machine.

    Attributes:
        evoae_version, tensorflow_version, keras_version, numpy_version, deap_version: installed
            versions; None for a library that is not installed.
        python_version: of the interpreter.
        system: name, release and architecture of the operating system.
        processor: its model.
        cores: that the process may use.
    """

    __pydantic_config__ = _STRICT

    evoae_version: str | None
    tensorflow_version: str | None
    keras_version: str | None
    numpy_version: str | None
    deap_version: str | None
    python_version: str
    system: str
    processor: str
    cores: int

    def version_of(self, library: str) -> str | None:
        """Return the installed version of a library; None if there is none."""
        version: str | None = getattr(self, f"{library}_version")
        return version


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEnvironment(Environment):
    """What the last digits of a result may depend on.

    Attributes:
        cpu_flags: instructions that TensorFlow is fast with, and whether the processor has them;
            None where the system does not tell.
        threads_per_training: of each worker.
    """

    cpu_flags: dict[str, bool] | None
    threads_per_training: int = 1


@dataclass(frozen=True, slots=True)
class Resumed(Generic[_T]):
    """A part of the configuration that a resume may change.

    Attributes:
        file: what the run's file said at the latest resume.
        now: what that resume made of it.
    """

    __pydantic_config__ = _STRICT

    file: _T
    now: _T


def in_force(given: Resumed[_T] | None, file: _T) -> _T:
    """Return what holds now: what a resume made of it, or else what the run's file says.

    A file that was edited since then counts again.

    Args:
        given: at the latest resume; None before the first one.
        file: what the file says.
    """
    return file if given is None or given.file != file else given.now


@dataclass(frozen=True, slots=True)
class Restored:
    """The loss of a model that was trained again because its file was missing.

    Attributes:
        recorded: the loss of the first training; None if it failed.
        now: the loss of the further training.
    """

    __pydantic_config__ = _STRICT

    recorded: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Refitting:
    """The trainings of a refit under way; what a killed one left says nothing any more.

    Attributes:
        pid: of its driver.
        began: when its trainings did.
        of: the losses that tell how far it is, `validation` or `train`.
        epochs: that each training has at most.
        left: names in the folder of refits of the curves of those that are not over.
        finished: of those that are.
    """

    __pydantic_config__ = _STRICT

    pid: int
    began: _Moment
    of: Literal["validation", "train"]
    epochs: _Number
    left: tuple[str, ...]
    finished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMetadata:
    """What a run knows of itself.

    Attributes:
        config: the configuration that the run began with, every setting.
        data: the data set's name.
        data_digest: digest of the data.
        input_shape: of one item, without the batch axis.
        output: the activation of the networks' head.
        train_images, validation_images: items of the splits that candidates are trained and
            measured on.
        source_images: items of the data set's training part, before it was reduced.
        kind: of the data, with what was fitted on the training split.
        environment: where the run began.
        genome: the given network of `evoae train`; None for a search.
        seeds: genomes of `search.seed_genomes`.
        generations: how many are asked for; None if only a budget ends the search.
        planned: proposals that the search was expected to make; None if unknown.
        workers: of the latest driver; None before the first one.
        began: when the latest driver began; None before the first one.
        seconds: wall time of all drivers up to the moment `seconds_at`.
        ended: whether nothing is left to do.
        exhausted: whether the search space is spent.
        stopped: why the latest driver gave up; None if it did not.
        budget: see `search.budget`; None before the first resume.
        budget_stops: where a budget ended the search: by number of the generation, the keys of the
            proposals that had a place in it.
        limits: of the latest driver by setting, see `evoae.runs.retry`; None before the first one.
        restored: models that were trained again and have another loss, by candidate id.
        pca: validation loss of PCA by latent size, as far as it was measured.
        variance: validation loss of always answering the mean training item; None where a loss is
            no squared error, or before it was measured.
        baselines: what the result is compared with, by name.
        refitting: the refit under way; None before the first one, and after one.
    """

    __pydantic_config__ = _STRICT

    config: dict[str, Any]
    data: str
    data_digest: str
    input_shape: Annotated[tuple[_Side, ...], Field(min_length=1, max_length=4)]
    output: Literal["sigmoid", "linear"]
    train_images: _Number
    validation_images: _Number
    source_images: _Number
    kind: RecordedKind
    environment: TrainingEnvironment
    genome: str | None = None
    seeds: tuple[str, ...] = ()
    generations: _Number | None = None
    planned: _Number | None = None
    workers: _Number | None = None
    began: _Moment | None = None
    seconds: _Seconds = 0.0
    seconds_at: _Moment | None = None
    ended: bool = False
    exhausted: bool = False
    stopped: str | None = None
    budget: Resumed[BudgetConfig] | None = None
    budget_stops: dict[str, list[str]] = field(default_factory=dict)
    limits: Resumed[dict[str, int | float | None]] | None = None
    restored: dict[str, Restored] = field(default_factory=dict)
    pca: dict[int, float] = field(default_factory=dict)
    variance: _Loss | None = None
    baselines: dict[str, Baseline] = field(default_factory=dict)
    refitting: Refitting | None = None

    def about_data(self) -> dict[str, object]:
        """Return by name what tells the data of one run from those of another."""
        names = ("data", "output", "source_images", "validation_images")
        told = {name: getattr(self, name) for name in names}
        return told | {"input_shape": list(self.input_shape)}

    def about_trainings(self) -> dict[str, object]:
        """Return by name what the result of a training depends on, its settings aside."""
        names = ("evoae_version", "tensorflow_version", "keras_version")
        versions = {name: getattr(self.environment, name) for name in names}
        return {"data_digest": self.data_digest, "output": self.output, **versions}


class Refit(TypedDict, total=False):
    """What the record of a refit says in numbers; see `evoae.experiments.refit.Refitted`."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    val_loss: _Loss | None
    test_loss: _Loss | None
    test: dict[str, float]
    deviation: dict[str, float]
    pca: _Loss | None
    pca_validation: _Loss | None
    variance: dict[str, float]
    trained: _Number
    epochs: list[_Number] | None
    settings: dict[str, Any]
    validation_history: list[float]
    train_history: list[float]
    outcome: str
    seconds: _Seconds
