"""The text of a file: whether it fits in memory, and in which encoding it is."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from evoae import formatting
from evoae.data.sources.damage import GZIP
from evoae.errors import DataError

# Bytes that a cell takes while a file is read, and a byte of it: 100 to 190 were measured for
# cells of one to eight letters.
_OF_A_CELL = 150
_OF_A_BYTE = 3
_PACKED = 5  # times that a text is smaller when it is compressed
_SAMPLED = 2**16  # bytes in which cells are counted


def check_memory(path: Path) -> None:
    """Refuse a file that is too large to read, before anything is read.

    Raises:
        DataError: it is.
    """
    import psutil

    size = path.stat().st_size
    with path.open("rb") as file:
        sample = file.read(_SAMPLED)
    if sample.startswith(GZIP):
        size, cells = _PACKED * size, _PACKED * size / 4
    else:
        between = len(re.findall(rb"[,;\t|]|[^\s] |\n", sample))
        cells = size * between / max(1, len(sample))
    needed = _OF_A_BYTE * size + _OF_A_CELL * cells
    free = psutil.virtual_memory().available
    if needed > free:
        raise DataError(
            str(path),
            f"reading it takes about {formatting.size(needed)}, and {formatting.size(free)} of "
            "memory are free",
            "take fewer rows, or save its numbers as a float32 array (.npy)",
        )


def decoded(path: Path, encoding: str) -> tuple[str, str]:
    """Return the text of a file and its encoding.

    Raises:
        DataError: it is not in the encoding, or no text.
    """
    raw = path.read_bytes()
    if raw.startswith(GZIP):
        raw = gzip.decompress(raw)
    for name in _encodings(raw) if encoding == "auto" else (encoding,):
        try:
            text = raw.decode(name)
        except LookupError as why:
            known = "utf-8, utf-16, cp1252 or latin-1"
            raise DataError("data.encoding", f"no encoding '{name}'", f"such as {known}") from why
        except UnicodeDecodeError:
            continue
        text = text.rstrip("\x1a\0")  # by which some systems end a file
        if "\0" not in text:
            return text, name
    if encoding != "auto":
        step = "correct data.encoding, or leave it out"
        raise DataError(str(path), f"not a text in {encoding}", step)
    if b"\0" in raw:
        raise DataError(str(path), "not a text file", "save it as CSV in UTF-8")
    step = "set data.encoding, such as shift_jis or gbk, or save it as CSV in UTF-8"
    raise DataError(str(path), "text in neither UTF-8 nor cp1252", step)


def _encodings(raw: bytes) -> Iterator[str]:
    """Yield what a text may be encoded in, the likeliest first."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    yield "utf-8-sig"
    zeros = raw[:1000].count(0)
    if zeros > len(raw[:1000]) // 4:  # every second byte of most western texts
        yield "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    yield "cp1252"
