"""A run read at one moment: each table once, all of them in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from evoae.runs.lock import holder
from evoae.runs.store import Store
from evoae.runs.tables import Tables

_T = TypeVar("_T")


def _once(read: Callable[[Tables], _T]) -> cached_property[_T]:
    """Return an attribute that reads a table when it is first asked for."""
    return cached_property(lambda snapshot: read(snapshot.tables))


class Snapshot:
    """What a run holds at one moment; see the methods of `Tables` for what each attribute is.

    Args:
        tables: of a reader, whose transaction is open.
        pid: of the driver then, see `evoae.runs.lock.holder`.
    """

    def __init__(self, tables: Tables, pid: int | None) -> None:
        self.tables, self.pid = tables, pid

    metadata = _once(Tables.metadata)
    candidates = _once(Tables.candidates)
    evaluations = _once(Tables.evaluations)
    scores = _once(Tables.scores)
    sizes = _once(Tables.sizes)
    generations = _once(Tables.generations)
    results = _once(Tables.results)
    tallies = _once(Tables.tallies)


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
