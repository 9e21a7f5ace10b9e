"""Trains models of the hall of fame again that are missing when a search ends.

Somebody may have removed one, or it was not kept, because it looked worse when it was made than
further trainings say.
"""

from __future__ import annotations

import math
from dataclasses import replace

from evoae.engine.loop import Loop
from evoae.engine.problem import Problem
from evoae.errors import SearchError
from evoae.evaluation import Evaluation
from evoae.execution.executor import AbstractExecutor, run_all
from evoae.formatting import command, loss, plural, short
from evoae.runs.files import model_path, restored_path, sync_folder
from evoae.runs.metadata import Restored
from evoae.runs.store import Store

# The largest relative difference of a loss that passes for rounding. Training amplifies it: with
# another instruction set the same trainings ended up to 2e-7 apart on the digits, and from 6e-4 to
# 0.10 apart on Fashion-MNIST (18 networks).
ROUNDING = 0.2


def restore_models(
    store: Store, problem: Problem, executor: AbstractExecutor, loop: Loop, *, accept: bool
) -> list[str]:
    """Train the members of the hall of fame again whose model is missing, and keep the models.

    A model is kept if its loss equals the recorded one, up to rounding; a difference is recorded.

    Args:
        store: of the run.
        problem: of the search.
        executor: trains.
        loop: that has ended.
        accept: keep a model whose loss differs by more, too.

    Returns:
        what a person should know of it, a sentence each.

    Raises:
        SearchError: one comes out differently than recorded.
        Interrupted: the search was asked to stop before all were trained.
    """
    run = store.folder.absolute()
    missing = [
        replace(problem.task(member.genome, loop.shared), keep=restored_path(run, member.id))
        for member in loop.hall
        if not model_path(run, member.id).is_file()
    ]
    kept = [
        _keep(store, evaluation, loop.recorded(evaluation.id), accept=accept)
        for evaluation in run_all(executor, missing, loop.stop)
    ]
    if len(kept) < len(missing):
        raise loop.interrupted()
    notes = [note for said in kept for note in said]
    if restored := len(missing) - len(notes):
        notes.append(
            f"Trained again, as recorded: {plural(restored, 'missing model')} of the hall of fame."
        )
    return notes


def _keep(
    store: Store, evaluation: Evaluation, recorded: float | None, *, accept: bool
) -> list[str]:
    """Put a model in its place if it is the recorded one; return what there is to say."""
    id, now = evaluation.id, evaluation.fitness
    path = model_path(store.folder.absolute(), id)
    if now is None or recorded is None or not math.isclose(now, recorded, rel_tol=ROUNDING):
        if not accept:
            ended = evaluation.outcome.value.replace("_", " ")
            raise SearchError(
                str(path),
                f"was missing, and its training now ends {ended} with {loss(now)} instead of "
                f"{loss(recorded)}",
                "Resume the run on a machine like the one that it began on, or accept what comes "
                f"out here: '{command('resume', store.folder, '--accept-models')}'.",
            )
        if now is None:
            return [f"{short(id)}: its model stays missing ({evaluation.message})."]
    if now != recorded:
        store.update(restored=store.metadata().restored | {id: Restored(recorded, now)})
    restored_path(store.folder.absolute(), id).replace(path)
    sync_folder(path.parent)
    if now == recorded:
        return []
    return [f"{short(id)}: trained again for its model; loss {now:.9g}, recorded {recorded:.9g}."]
