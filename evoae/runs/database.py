"""Opening a run's SQLite file, and the errors if it cannot be opened, read or written."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from evoae.errors import DiskFullError, RunError
from evoae.runs import schema
from evoae.runs.files import translate_os_errors

_T = TypeVar("_T")
Numbers = dict[str, float | int | None]  # by name; None for one that is not known
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
    """Turn an SQLite error of the block into a RunError about `file`, or a DiskFullError."""
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
        file: its path, which errors name.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection, self._file = connection, file

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            RunError: the file cannot be read.
        """
        with translate_sqlite_errors(self._file):
            return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: tuple[object, ...]) -> None:
        """Run one statement, durably before this returns.

        Raises:
            RunError: the file cannot be written.
        """
        with translate_sqlite_errors(self._file):
            self._connection.execute(sql, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for statements that take effect together or not at all."""
        with translate_sqlite_errors(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back on an exception
                yield self._connection

    def parsed(self, text: str, kind: type[_T]) -> _T:
        """Return what a column of JSON holds.

        Args:
            text: of the column.
            kind: any type that pydantic knows; nothing is converted to it but lists to tuples and
                the keys of objects.

        Raises:
            RunError: it is damaged.
        """
        try:
            value: _T = adapter(cast(Any, kind)).validate_json(text, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]
            path = ".".join(map(str, problem["loc"]))
            raise self.damaged(f"{path}: {problem['msg']}" if path else problem["msg"]) from error
        return value

    def moment(self, text: str) -> datetime:
        """Return a recorded time in UTC.

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


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what reads and writes a type as JSON; made when it is first asked for."""
    return TypeAdapter(kind)


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
    """Check the schema, in a transaction if asked; close the connection if it is refused."""
    try:
        if begin:
            connection.execute("BEGIN")
        schema.check(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection
