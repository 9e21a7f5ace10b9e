"""Damaged files: a reader's errors become a sentence; headers of impossible sizes are refused."""

from __future__ import annotations

import pickle
import struct
import tarfile
import textwrap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

from evoae.errors import DataError

GZIP = b"\x1f\x8b"  # how a file compressed by gzip begins
LARGEST = 16 * 2**30  # bytes of one array; more cannot be searched on in memory
MOST_INFLATION = 1032  # deflate's best ratio (zlib: Maximum Expansion Factor)
DAMAGE = (  # what NumPy, Pillow, gzip, zipfile, tarfile and pickle raise on damaged bytes
    *(OSError, EOFError, MemoryError, RuntimeError, ValueError, TypeError, LookupError),
    *(ArithmeticError, AttributeError, ImportError, SyntaxError, TokenError, struct.error),
    *(zlib.error, zipfile.BadZipFile, tarfile.TarError, pickle.UnpicklingError),
)


@contextmanager
def accessing(place: Path, remedy: str) -> Iterator[None]:
    """Turn the system's refusal to let us look at a place into one sentence.

    Raises:
        DataError: it refuses; the remedy is the caller's.
    """
    try:
        yield
    except OSError as why:
        said = f"cannot be read ({why.strerror})"
        raise DataError(str(why.filename or place), said, remedy) from why


@contextmanager
def reading(path: Path, remedy: str = "get the file again, or take it away") -> Iterator[None]:
    """Turn what a library raises while it reads a file into one sentence.

    Args:
        path: of the file.
        remedy: what to do about a damaged one.

    Raises:
        DataError: the system does not let us read the file, or it is damaged.
    """
    try:
        yield
    except DAMAGE as why:
        if isinstance(why, OSError) and why.strerror:
            said = f"cannot be read ({why.strerror})"
            raise DataError(str(path), said, "check the path") from why
        raise DataError(str(path), f"truncated or damaged ({reason(why)})", remedy) from why


def check_promise(promised: int, file_size: int, *, packed: bool, what: str) -> None:
    """Refuse a header that promises more than its file can hold, before anything is allocated.

    Args:
        promised: bytes of the array.
        file_size: bytes that hold it, packed by deflate or not.
        packed: whether they are.
        what: makes the promise, for the error sentence.

    Raises:
        ValueError: it promises more.
    """
    if promised > min(file_size * (MOST_INFLATION if packed else 1), LARGEST):
        raise ValueError(f"{what} promises {promised:,} bytes, more than it can hold")


def reason(why: Exception) -> str:
    """Return what an error says, or its name, on one short line."""
    said = why.strerror if isinstance(why, OSError) and why.strerror else str(why)
    return textwrap.shorten(said or type(why).__name__, 80, placeholder="…")
