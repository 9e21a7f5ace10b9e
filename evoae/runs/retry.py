"""Which failed trainings of a run are worth another try: those that a machine or a limit ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evoae.config.schema import Config
from evoae.evaluation import Outcome
from evoae.runs.agreement import LIMITS
from evoae.runs.store import Store

# What may come out otherwise on another day or machine; the others fail again in the same way.
_BY_CHANCE = (Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)


def limits_of(config: Config) -> dict[str, float | int | None]:
    """Return the limits of one training by setting, see `LIMITS`; None for no limit."""
    return {
        "training.time_limit": config.training.time_limit,  # seconds
        "execution.memory_limit": config.execution.memory_limit,  # bytes
    }


def to_retry(store: Store, config: Config, *, everything: bool) -> set[str]:
    """Return the keys of the trainings that a resume tries again.

    Args:
        store: of the run.
        config: as the run goes on.
        everything: also those that no limit ended, or one that is no higher now.
    """
    outcomes = set(_BY_CHANCE) if everything else set()
    before: Mapping[str, Any] = store.facts().get("limits", {})
    for name, limit in limits_of(config).items():
        if name in before and _higher(limit, before[name]):
            outcomes.update(LIMITS[name])
    ended = [*store.evaluations().values(), *store.repeats().values()]
    return {each.id for each in ended if each.outcome in outcomes}


def _higher(limit: float | None, before: float | None) -> bool:
    return before is not None and (limit is None or limit > before)
