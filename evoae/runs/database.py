"""Opening a run's SQLite file, and what is said when it cannot be opened, read or written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from evoae.errors import DiskFullError, RunError
from evoae.runs import schema
from evoae.runs.files import translate_os_errors

_Json = TypeVar("_Json")
_BUSY_SECONDS = 30.0
_FAULTS_OF_THE_CALLER = (sqlite3.IntegrityError, sqlite3.ProgrammingError)
_TROUBLE = {
    sqlite3.SQLITE_FULL: (
        "no space left on the disk",
        "free some, then resume the run; what was finished is kept",
    ),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the folder's permissions"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check that it exists and its permissions"),
    sqlite3.SQLITE_BUSY: ("in use by another program", "close that one first"),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "check the disk and its free space"),
}


def damaged(file: Path, why: object) -> RunError:
    """Return the error for a database whose content makes no sense."""
    said = textwrap.shorten(str(why), 80, placeholder="…")  # SQLite may quote a whole schema
    return RunError(str(file), f"damaged ({said})", "restore it from a copy, or start a new run")


@contextlib.contextmanager
def translate_sqlite_errors(file: Path) -> Iterator[None]:
    """Turn what SQLite says of `file` in the block into a RunError, a full disk's of its own."""
    try:
        yield
    except _FAULTS_OF_THE_CALLER:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code not in _TROUBLE:
            raise damaged(file, error) from error
        kind = DiskFullError if code == sqlite3.SQLITE_FULL else RunError
        raise kind(str(file), *_TROUBLE[code]) from error
    except UnicodeDecodeError as error:
        raise damaged(file, error.reason) from error


class Database:
    """An open database file.

    Args:
        connection: in autocommit mode.
        file: that it is, for what is said of it.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection, self._file = connection, file

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds.

        Raises:
            RunError: the file cannot be read.
        """
        with translate_sqlite_errors(self._file):
            return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: tuple[object, ...]) -> None:
        """Do one statement, durably before this returns.

        Raises:
            RunError: the file cannot be written.
        """
        with translate_sqlite_errors(self._file):
            self._connection.execute(sql, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for statements that are done together or not at all."""
        with translate_sqlite_errors(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back on an exception
                yield self._connection

    def parsed(self, text: str, kind: type[_Json]) -> _Json:
        """Return what a column of JSON holds.

        Raises:
            RunError: it is damaged.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.damaged(error) from error
        if not isinstance(value, kind):
            raise self.damaged(f"{value!r:.40} is no {kind.__name__}")
        return value

    def listed(self, text: str, *kinds: type) -> tuple[Any, ...]:
        """Return the items of a JSON list, each of one of these types.

        Raises:
            RunError: it is damaged.
        """
        items = self.parsed(text, list)
        for item in items:
            if type(item) not in kinds:
                raise self.damaged(f"{item!r:.40} is no {kinds[0].__name__}")
        return tuple(items)

    def numbers(self, text: str) -> dict[str, Any]:
        """Return a JSON mapping of numbers; None is one that is not known.

        Raises:
            RunError: it is damaged.
        """
        values = self.parsed(text, dict)
        for value in values.values():
            if type(value) not in (int, float, type(None)):
                raise self.damaged(f"{value!r:.40} is no number")
        return values

    def moment(self, text: str) -> datetime:
        """Return a time that was recorded.

        Raises:
            RunError: it is damaged.
        """
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError as error:
            raise self.damaged(error) from error

    def damaged(self, why: object) -> RunError:
        """Return the error for content that makes no sense."""
        return damaged(self._file, why)


def connect(file: Path | str, mode: Literal["ro", "rw", "rwc", "memory"]) -> sqlite3.Connection:
    """Open `file` in autocommit mode; only `rwc` makes one that does not exist."""
    connection = sqlite3.connect(
        f"file:{quote(str(file))}?mode={mode}",
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        uri=True,
    )
    connection.execute("PRAGMA trusted_schema = OFF")  # a file from elsewhere runs nothing
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def open_to_write(file: Path, *, new: bool = False) -> sqlite3.Connection:
    """Open a run's database as its driver does.

    Args:
        file: the database.
        new: make it; it must not exist.

    Raises:
        RunError: not ours, damaged, of another version, or not writable.
    """
    with translate_sqlite_errors(file):
        connection = connect(file, "rwc" if new else "rw")
        if not new:
            _checked(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if new:
            schema.make(connection)
    return connection


def open_to_read(file: Path) -> sqlite3.Connection:
    """Open a run's database at one moment, beside its driver or in a folder without write access.

    All that is read belongs together, whatever the driver commits meanwhile: the connection is in
    one transaction until it is closed.

    Raises:
        RunError: not ours, damaged, of another version, or not readable.
    """
    with translate_sqlite_errors(file):
        try:
            return _checked(connect(file, "ro"), file, begin=True)
        except sqlite3.OperationalError:
            if os.access(file.parent, os.W_OK, effective_ids=True):
                raise
            return _open_unwritable(file)


def _open_unwritable(file: Path) -> sqlite3.Connection:
    """Read a copy: a write-ahead log needs an index file, which the folder doesn't let us make."""
    with translate_os_errors(file), tempfile.TemporaryDirectory(prefix="evoae-") as folder:
        copy = Path(folder) / file.name
        for source in (file, file.with_name(f"{file.name}-wal")):
            if source.exists():
                shutil.copyfile(source, copy.with_name(source.name))
        memory = connect("", "memory")
        with contextlib.closing(_checked(connect(copy, "rw"), file)) as checked:
            checked.backup(memory)
    return memory


def _checked(
    connection: sqlite3.Connection, file: Path, *, begin: bool = False
) -> sqlite3.Connection:
    """Return `connection`, in a transaction if asked; or close it and say what is wrong."""
    try:
        if begin:
            connection.execute("BEGIN")
        schema.check(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection
