"""A search from its configuration to its finished run, and the resume of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evoae.config.load import load_config, make_config
from evoae.config.schema import Config
from evoae.config.shipped import find_config
from evoae.data.findings import findings
from evoae.data.load import of_run
from evoae.data.progress import silent
from evoae.data.shared_memmap import share
from evoae.engine.baselines import (
    RANDOM,
    RelayCallback,
    at_random,
    record_linear_bounds,
    record_random,
    train_networks,
)
from evoae.engine.loop import Loop
from evoae.engine.problem import Problem, surroundings
from evoae.engine.progress import Callback, Interrupted, SearchInfo
from evoae.engine.restoring import restore_models
from evoae.engine.retrying import go_back
from evoae.engine.seed_genomes import seed_genomes
from evoae.engine.signals import stopped_by_signals
from evoae.errors import EvoaeError, RunError, SearchError
from evoae.execution.bfloat16 import note_on
from evoae.execution.factory import check_startable, executor_for
from evoae.formatting import command, plural
from evoae.runs.compatibility import check_unchanged, machine_differences
from evoae.runs.folder import CONFIG, create, locate, next_folder
from evoae.runs.metadata import Resumed, RunMetadata, in_force
from evoae.runs.retry import limits_of
from evoae.runs.reuse import ReusableRun
from evoae.runs.run import Run
from evoae.runs.store import Store, now


def search(
    config: Config | Mapping[str, object] | str | Path,
    *,
    run: str | Path | None = None,
    name: str | None = None,
    callback: Callback | None = None,
) -> Run:
    """Run the search that `config` describes; return its finished run.

    Args:
        config: a configuration, a mapping of its sections, the path of a YAML file, or the name of
            a configuration that comes with evoae, such as `fmnist.yaml`.
        run: folder to make for the run; None for `runs/NAME-N`, N being the first free number.
        name: NAME; None for the configuration file's, or else the data set's.
        callback: hears how it goes; None for silence.

    Raises:
        EvoaeError: the configuration, the data or the folder cannot be used.
        Interrupted: Ctrl-C; everything finished is saved, and `resume` goes on.
    """
    if isinstance(config, (str, Path)):
        name = name or Path(config).stem
        config = load_config(find_config(config, silent if callback is None else callback.said))

    config = make_config(config)
    check_startable(config.execution)
    problem = _problem(config, callback)
    folder = Path(run) if run is not None else next_folder(name or problem.dataset.name)
    metadata = replace(problem.metadata(), seeds=seed_genomes(problem))
    reusable = [ReusableRun(run, metadata) for run in config.search.reuse]
    for note in problem.dataset.notes:
        _said(callback)(note)
    for finding in findings(problem.dataset):
        _said(callback)(f"warning: {finding}")
    share(problem.dataset, _said(callback))  # what can fail does so before there is a folder
    create(folder, config, metadata)
    with Store.writer(folder) as store:
        _conduct(store, problem, reusable, callback or Callback())
    return Run.open(folder)


def resume(
    run: str | Path,
    *,
    generations: int | None = None,
    overrides: Sequence[str] = (),
    retry_failed: bool = False,
    accept_models: bool = False,
    callback: Callback | None = None,
) -> Run:
    """Go on with an interrupted run to the end that it would have reached.

    Trainings that a time or memory limit ended are tried again if that limit is higher now. The
    search then goes back to the generation that asked for the first of them, and takes what it
    had trained from there on wherever it proposes the same again.

    Args:
        run: a run's folder, or its name under `runs/`.
        generations: how many more generations than asked for so far; None for no more.
        overrides: `KEY=VALUE` each, for settings that no finished training depends on
            (`compatibility.RESUMABLE`).
        retry_failed: also try again what crashed, ran out of time or out of memory, as if it had
            never failed.
        accept_models: if a model of the hall of fame is missing, keep what its training gives now
            even where its loss is not the recorded one.
        callback: hears how it goes; None for silence.

    Raises:
        EvoaeError: no run there, another driver holds it, its data are gone or have changed, or
            so have settings that its results depend on.
        Interrupted: Ctrl-C; see `search`.
    """
    path = locate(run)
    own = load_config(path / CONFIG)
    with Store.writer(path) as store:
        metadata = store.metadata()
        if metadata.genome is not None:
            raise RunError(
                str(path), "holds one given network, no search", f"use '{command('refit', path)}'"
            )
        raw = own.model_dump(mode="json")
        budget = in_force(metadata.budget, own.search.budget)
        raw["search"]["budget"] = budget.model_dump(mode="json")
        for name, limit in in_force(metadata.limits, limits_of(own)).items():
            section, setting = name.split(".")
            raw[section][setting] = limit
        config = make_config(raw, source=CONFIG, overrides=overrides)
        # Read anew, so that settings younger than the run have the values they always had.
        recorded_config = make_config(metadata.config, source=str(path / CONFIG))
        check_unchanged(path, *(c.model_dump(mode="json") for c in (recorded_config, config)))
        with of_run(path):
            problem = _problem(config, callback)
        recorded, digest = metadata.data_digest, problem.dataset.digest
        if digest != recorded:
            raise RunError(
                str(path),
                f"its data had digest {recorded[:12]}, now {digest[:12]}",
                "Restore the data that the run began with, or start a new run.",
            )
        reusable = [ReusableRun(run, metadata) for run in config.search.reuse]
        callback = callback or Callback()
        share(problem.dataset, callback.said)  # a resume that is refused has changed nothing
        if not go_back(store, config, callback, everything=retry_failed) and retry_failed:
            callback.said("No training crashed, ran out of time or out of memory: none to retry.")
        store.update(
            budget=Resumed(own.search.budget, config.search.budget),
            limits=Resumed(limits_of(own), limits_of(config)),
        )
        if generations:
            store.update(generations=_asked_for(store) + generations)
        _conduct(store, problem, reusable, callback, accept=accept_models)
    return Run.open(path)


def _conduct(
    store: Store,
    problem: Problem,
    reusable: Sequence[ReusableRun],
    callback: Callback,
    *,
    accept: bool = False,
) -> None:
    """Run `problem`'s search to the run's target, and all that it promises then.

    Stops cleanly when asked to. The run has ended when nothing is left to do.
    """
    metadata, began = store.metadata(), now()
    store.update(ended=False, exhausted=False, stopped=None)
    store.update(began=began, seconds_at=began)
    if metadata.limits is None:
        limits = limits_of(problem.config)
        store.update(limits=Resumed(limits, limits))
    loop = Loop(store, problem, reusable, callback)
    try:
        _train(store, problem, loop, callback, _notes(store, problem, metadata), accept=accept)
        record_linear_bounds(store, problem)
        _search_at_random(store, problem, reusable, loop, callback)
    except SearchError as why:
        store.update(stopped=str(why.value))
        raise
    except RunError:
        store.check_there()  # of a run that somebody removed, this says more
        raise
    store.update(ended=True)


def _train(
    store: Store,
    problem: Problem,
    loop: Loop,
    callback: Callback,
    notes: Sequence[str],
    *,
    accept: bool,
) -> None:
    """Train a search's candidates, the plain networks, and models that are missing."""
    progress, data = loop.progress, problem.dataset
    with (
        executor_for(problem.config.execution) as executor,
        stopped_by_signals(loop.stop, callback),
    ):
        store.update(workers=executor.workers, planned=progress.planned)
        callback.started(
            SearchInfo(
                problem.config,
                store.folder,
                data.input_shape,
                len(data.train),
                len(data.validation),
                problem.source_images,
                progress.planned,
                progress.generations,
                executor.workers,
                tuple(notes),
                problem,
            )
        )
        record_linear_bounds(store, problem)
        loop.run(executor)
        for note in restore_models(store, problem, executor, loop, accept=accept):
            callback.said(note)
        train_networks(store, problem, executor, loop)


def _notes(store: Store, problem: Problem, metadata: RunMetadata) -> list[str]:
    """Say what a person should know before the search goes on, a sentence each."""
    changed = machine_differences(metadata.environment, surroundings())
    notes = []
    if there := len(store.tallies()):
        notes.append(f"Going on: {plural(there, 'training')} there already, none is repeated.")
    if changed:
        notes.append(f"Resumed elsewhere ({'; '.join(changed)}): last digits may differ.")
    if slow := note_on(problem.config.training.precision):
        notes.append(slow)
    return notes


def _search_at_random(
    store: Store, problem: Problem, reusable: Sequence[ReusableRun], loop: Loop, callback: Callback
) -> None:
    """Run random search at the cost of this search, as a run of its own inside it, if asked to.

    Raises:
        Interrupted: on Ctrl-C; a resume of this search's run goes on with it.
    """
    spent = loop.progress.budget.flops
    other = at_random(store, problem, spent)
    if other is None:
        return
    if loop.stop.made:
        raise loop.interrupted()
    folder = store.folder / RANDOM
    try:
        if not folder.exists():
            create(folder, other.config, other.metadata())
        with Store.writer(folder) as own:
            _conduct(own, other, reusable, RelayCallback(callback))
    except Interrupted:
        raise loop.interrupted() from None
    except EvoaeError as error:  # a comparison that cannot be had spoils no search
        record_random(store, spent, None, str(error))
    else:
        record_random(store, spent, Run.open(folder))


def _asked_for(store: Store) -> int:
    """Return the generations that a run was asked for; those it had, if only a budget ended it."""
    target = store.metadata().generations
    return len(store.generations()) if target is None else target


def _problem(config: Config, callback: Callback | None = None) -> Problem:
    return Problem.make(config, _said(callback))


def _said(callback: Callback | None) -> Callable[[str], None]:
    """Return what hears what happens to the data."""
    return silent if callback is None else callback.said
