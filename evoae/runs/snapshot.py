"""A run read at one moment: each table once, all of them in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Any

from evoae.evaluation import Evaluation
from evoae.runs.lock import holder
from evoae.runs.metadata import RunMetadata
from evoae.runs.records import Candidate, Generation
from evoae.runs.store import Store
from evoae.runs.tables import Tables
from evoae.runs.trainings import Tally


class Snapshot:
    """What a run holds at one moment; see `Tables` for what each of these is.

    Args:
        tables: of a reader, whose transaction is open.
        pid: of the driver then, see `evoae.runs.lock.holder`.
    """

    def __init__(self, tables: Tables, pid: int | None) -> None:
        self.tables, self.pid = tables, pid

    @cached_property
    def metadata(self) -> RunMetadata:
        """What is recorded about the run itself."""
        return self.tables.metadata()

    @cached_property
    def candidates(self) -> dict[str, Candidate]:
        """Every candidate by id."""
        return self.tables.candidates()

    @cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        """Every evaluation by candidate id."""
        return self.tables.evaluations()

    @cached_property
    def scores(self) -> dict[str, tuple[float, ...]]:
        """What each candidate's trainings earned."""
        return self.tables.scores()

    @cached_property
    def sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Parameters and latent size by candidate id."""
        return self.tables.sizes()

    @cached_property
    def generations(self) -> dict[int, Generation]:
        """The finished generations by number."""
        return self.tables.generations()

    @cached_property
    def results(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What came of candidates after the search."""
        return self.tables.results()

    @cached_property
    def tallies(self) -> list[Tally]:
        """Of every training what `status` counts."""
        return self.tables.tallies()


_OPEN: ContextVar[Mapping[Path, Snapshot]] = ContextVar("open snapshots", default={})  # noqa: B039


@contextmanager
def snapshot(run: Path) -> Iterator[Snapshot]:
    """Read the run in folder `run` as it is now.

    A block inside such a block of the same run reads the same moment.

    Raises:
        RunError: its database cannot be used.
    """
    shared = _OPEN.get()
    if run in shared:
        yield shared[run]
        return
    pid = holder(run)  # before the tables: a driver that ends meanwhile has said there how
    with Store.reader(run) as store:
        opened = Snapshot(store, pid)
        token = _OPEN.set({**shared, run: opened})
        try:
            yield opened
        finally:
            _OPEN.reset(token)
