"""Which failed trainings of a run are worth another try: those that a machine or a limit ended."""

from __future__ import annotations

from operator import attrgetter

from evoae.config.schema import Config
from evoae.evaluation import Outcome, TrainingKey
from evoae.runs.compatibility import LIMITS
from evoae.runs.metadata import RunMetadata
from evoae.runs.store import Store

# What may come out otherwise on another day or machine; the others fail again in the same way.
_BY_CHANCE = (Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)


def limits_of(config: Config) -> dict[str, int | float | None]:
    """Return by setting the `LIMITS` of one training, in seconds or bytes; None for no limit."""
    return {setting: attrgetter(setting)(config) for setting in LIMITS}


def raised(metadata: RunMetadata, config: Config) -> set[Outcome]:
    """Return the outcomes that a limit ended which is higher now than for the last driver.

    Args:
        metadata: of the run.
        config: as the run goes on.
    """
    before = {} if metadata.limits is None else metadata.limits.now
    return {
        outcome
        for name, limit in limits_of(config).items()
        if name in before and _higher(limit, before[name])
        for outcome in LIMITS[name]
    }


def to_retry(
    store: Store, config: Config, *, everything: bool
) -> tuple[set[TrainingKey], set[str]]:
    """Return what a resume tries again: keys of trainings, and names of baselines.

    Args:
        store: of the run.
        config: as the run goes on.
        everything: also what no limit ended, or one that is no higher now.
    """
    metadata = store.metadata()
    outcomes = raised(metadata, config) | (set(_BY_CHANCE) if everything else set())
    ended = [*store.evaluations().values(), *store.repeats().values()]
    return (
        {training.key for training in ended if training.outcome in outcomes},
        {name for name, it in metadata.baselines.items() if it.outcome in outcomes},
    )


def _higher(limit: float | None, before: float | None) -> bool:
    return before is not None and (limit is None or limit > before)
