"""One given network, trained without a search."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from evoae.config.schema import Config
from evoae.config.shipped import find_genome
from evoae.engine.problem import Problem
from evoae.errors import GenomeError, SearchError
from evoae.experiments.refit import Refitted, refit
from evoae.experiments.training_progress import Show
from evoae.formatting import command
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.files import read_genomes
from evoae.genome.genome import Genome
from evoae.genome.text import parse, render
from evoae.runs.files import pending_path
from evoae.runs.folder import create, next_folder
from evoae.runs.records import Candidate, Generation
from evoae.runs.run import Run
from evoae.runs.store import Store


def train_one(
    config: Config,
    genome: Genome | str,
    *,
    run: str | Path | None = None,
    name: str | None = None,
    settings: Mapping[str, object] | None = None,
    say: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> tuple[Run, Refitted]:
    """Train one network: briefly, as a search would, and then properly, as `refit` does.

    The result is a run of one candidate, which every command that reads runs can use. The network
    need not lie inside the configuration's search space.

    Args:
        config: of the run.
        genome: the network, or its one-line text.
        run: folder to make; None for `runs/NAME-N`, N being the first free number.
        name: NAME; None for the data set's.
        settings: of `RefitConfig`, in place of the configuration's.
        say: is told in a line what is being done.
        show: draws how far the long training is, see `refit`.

    Raises:
        EvoaeError: the genome does not fit the data, or the data or the folder cannot be used.
        SearchError: the brief training failed.
    """
    genome = canonical(parse(genome) if isinstance(genome, str) else genome)
    problem = Problem.make(config, say)
    size = problem.space.measure(genome)  # refuses what the data cannot take
    folder = Path(run) if run is not None else next_folder(name or problem.dataset.name)
    text = render(genome)
    metadata = replace(problem.metadata(), genome=text, workers=1, planned=1)
    create(folder, config, metadata)
    say(f"{text}: {size.parameters:,} parameters · run folder {folder}")
    if outside := problem.space.violation(genome):
        say(f"A search with this configuration would not try it: {outside}.")
    with Store.writer(folder) as store:
        store.update(generations=1)
        _evaluate(store, problem, genome)
    (refitted,) = refit(folder, [candidate_id(genome)], settings=settings, say=say, show=show)
    return Run.open(folder), refitted


def read_genome(written: str, say: Callable[[str], None] = lambda _: None) -> Genome:
    """Return the network that one line of text, or a file that holds one, describes.

    In a file, lines that begin with # say what it is. Where there is none, the name of a shipped
    one will do, such as `dense_784_32.txt`, and `say` hears which file that is.

    Raises:
        GenomeError: the text is broken, or the file holds no line, or several.
    """
    path = find_genome(written, say)
    try:
        there = path.is_file()
    except (OSError, ValueError):  # too long for a name: then it is a genome, or wrong
        there = False
    if not there and path.suffix != ".txt":
        return parse(written)
    genomes = read_genomes(path)
    if len(genomes) != 1:
        raise GenomeError(written, f"{len(genomes)} lines of genome text", "expected one")
    return genomes[0][1]


def _evaluate(store: Store, problem: Problem, genome: Genome) -> None:
    """Train the network as a search would, and record it as a generation of its own."""
    from evoae.data.shared_memmap import share
    from evoae.evolution.logbook import Records
    from evoae.evolution.state import Individual
    from evoae.execution.executor import run_all
    from evoae.execution.factory import executor_for
    from evoae.genome.codec import encode

    began, id = time.monotonic(), candidate_id(genome)
    store.add_candidate(Candidate(id, render(genome), tuple(encode(genome)), 1, 0, (), "given"))
    keep = pending_path(store.folder.absolute(), id)
    task = replace(problem.task(genome, share(problem.dataset)), keep=keep)
    with executor_for(problem.config.execution) as executor:
        (evaluation,) = run_all(executor, [task])
    store.add_evaluation(evaluation)
    if evaluation.fitness is None:
        raise SearchError(
            str(store.folder),
            f"the training ended {evaluation.outcome}: {evaluation.message}",
            f"'{command('failures', store.folder)}' has the details.",
        )
    records = Records()
    one = [Individual(id, genome, (evaluation.fitness,))]
    records.update(1, one, trained=1, duplicates=0, failed=0, best=evaluation.fitness)
    seconds = time.monotonic() - began
    store.finish_generation(Generation(1, (id,), (id,), records.rows[-1], seconds))
    store.keep_models()
    store.update(ended=True)
