"""Trying failed trainings again: a run goes back to the generation that asked for the first."""

from __future__ import annotations

from evoae.config.schema import Config
from evoae.engine.baselines import RANDOM, forget
from evoae.engine.progress import Callback
from evoae.formatting import listed, plural
from evoae.runs.folder import keep_copy
from evoae.runs.metadata import Resumed
from evoae.runs.retry import limits_of, to_retry
from evoae.runs.store import Store


def go_back(store: Store, config: Config, callback: Callback, *, everything: bool) -> bool:
    """Go back to what a resume tries again, in the random search beside as well; False if nothing.

    Args:
        store: of the run.
        config: as it goes on.
        callback: hears of it.
        everything: see `to_retry`.
    """
    failed, baselines = to_retry(store, config, everything=everything)
    if failed:
        kept = keep_copy(store)
        first = store.set_aside(failed)
        callback.said(
            f"Trying {plural(len(failed), 'failed training')} again: the search is repeated from "
            f"generation {first} on. Networks that turn up again keep their results; everything "
            f"as it was stays in {kept}."
        )
    if (store.folder / RANDOM).exists():
        with Store.writer(store.folder / RANDOM) as own:
            if go_back(own, config, callback, everything=everything):
                baselines.add(RANDOM)
            own.update(limits=Resumed(limits_of(config), limits_of(config)))
    if baselines:
        forget(store, baselines)
        callback.said(f"Trying baselines again: {listed(sorted(baselines))}.")
    return bool(failed or baselines)
