"""Which settings a run's results depend on, and whether two runs agree in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evoae.errors import RunError
from evoae.evaluation import Outcome
from evoae.runs.metadata import RunMetadata, TrainingEnvironment

# A resume may change these: no finished training depends on them. LIMITS are among them, and what
# is trained later may fail by one of these.
RESUMABLE = (
    *("execution", "refit", "report", "training.time_limit"),
    *("search.max_failure_share", "search.reuse", "search.budget"),
)
# These may turn what would have been a score into a failure, and into which kinds of it.
LIMITS = {
    "training.time_limit": (Outcome.TIMED_OUT,),
    "execution.memory_limit": (Outcome.OVER_LIMIT, Outcome.OUT_OF_MEMORY),
}
# What the result of one training depends on, besides the data and the genome.
_TRAINING = (
    "seed",
    *(f"model.{name}" for name in ("min_side", "activation", "downsampling", "upsampling")),
    "objective",
    "training",
)


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each setting, by its dotted path, that has different values in two configurations.

    A section's kind comes before what follows from it.
    """
    for key in sorted(one.keys() | other.keys(), key=lambda key: (key != "kind", key)):
        path, (a, b) = f"{above}{key}", (one.get(key), other.get(key))
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differences(a, b, f"{path}.")
        elif a != b:
            yield path, a, b


def check_unchanged(run: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Make sure that a run can go on with the configuration `wanted`.

    Raises:
        RunError: a setting that its results depend on has changed; names it.
    """
    for path, before, after in differences(recorded, wanted):
        seen = f"{path} was {before!r} when it began, now {after!r}"
        if path == "search.generations":
            raise RunError(str(run), seen, "say --generations N instead: so many more")
        if not within(path, RESUMABLE):
            raise RunError(
                str(run),
                f"{seen}, which would change results",
                f"Start a new run; a resume may change {', '.join(RESUMABLE)}, "
                "and add --generations.",
            )


def check_equal_trainings(other: Path, theirs: RunMetadata, ours: RunMetadata) -> None:
    """Make sure that a training of one run would have the same result in another.

    Args:
        other: the run whose trainings are wanted.
        theirs: its recorded metadata.
        ours: those of the run that wants them.

    Raises:
        RunError: data, objective, training settings or software differ; names the first one.
    """
    mine = ours.about_trainings()
    for name, value in theirs.about_trainings().items():
        if value != mine[name]:
            raise _unequal(other, name, value, mine[name])
    for path, a, b in differences(theirs.config, ours.config):
        if within(path, _TRAINING) and not within(path, RESUMABLE):
            raise _unequal(other, path, a, b)


def machine_differences(first: TrainingEnvironment, now: TrainingEnvironment) -> list[str]:
    """Say how the machine or its software differs from the one that a run began on."""
    return [f"{path} {b}, was {a}" for path, a, b in differences(asdict(first), asdict(now))]


def within(path: str, sections: tuple[str, ...]) -> bool:
    """Tell whether a setting, by its dotted path, is one of these or lies in one of them."""
    return any(path == section or path.startswith(f"{section}.") for section in sections)


def _unequal(other: Path, path: str, theirs: object, ours: object) -> RunError:
    return RunError(
        f"search.reuse: {other}",
        f"{path} is {theirs!r} there and {ours!r} here",
        "only trainings that are equal in data, objective, settings and software can be reused",
    )
