"""Every error type that a person can meet: where, what was seen there, what to do next."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 400  # characters of a place or value that a sentence quotes
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written|Not enough free space to write")


class EvoaeError(Exception):
    """One clear sentence about something a person can mend. Subclasses add only a type.

    Args:
        place: where it happened, such as `fmnist.yaml: search.population` or `runs/fmnist-3`.
        value: what was seen there.
        next_step: what to do next, starting in lower case when it continues the sentence; "" if
            `value` already says it.
    """

    def __init__(self, place: str, value: object, next_step: str = "") -> None:
        super().__init__(place, value, next_step)  # args stay whole: it pickles across workers
        self.place, self.value, self.next_step = place, value, next_step

    def __str__(self) -> str:
        said = f"{_one_line(self.place)}: {_one_line(self.value)}"
        if not self.next_step:
            return said
        return said + (". " if self.next_step[0].isupper() else "; ") + self.next_step


def _one_line(value: object) -> str:
    """Return text that keeps a sentence one line of bearable length, whatever it quotes."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value)[:_LONGEST])
    return text if len(str(value)) <= _LONGEST else f"{text}…"


class ConfigError(EvoaeError):
    """A configuration that cannot be used."""


class GenomeError(EvoaeError):
    """A genome text or token sequence that is broken, or a genome that breaks a law."""


class SpaceError(EvoaeError):
    """A search space whose limits admit no network."""


class DataError(EvoaeError):
    """Data that is missing, damaged or of a shape or range that cannot be used."""


class RunError(EvoaeError):
    """A run folder that is missing, foreign, in use, or of another version."""


class DiskFullError(RunError):
    """A disk without space left, or a quota that is used up: no fault of what was asked for."""


class SearchError(EvoaeError):
    """A search that cannot go on, though its configuration and data are sound."""


class UseError(EvoaeError):
    """A trained model that cannot do what is asked, or a file that cannot be written as asked."""


def is_disk_full(error: OSError) -> bool:
    """Whether `error` says that the disk is full; NumPy says it in words, without a number."""
    return error.errno in _FULL or (error.errno is None and bool(_SHORT_WRITE.match(str(error))))


def disk_error(error: OSError, otherwise: type[EvoaeError]) -> type[EvoaeError]:
    """Return the type of what to raise for `error`: DiskFullError for a full disk."""
    return DiskFullError if is_disk_full(error) else otherwise


@contextmanager
def translate_disk_errors(
    otherwise: type[EvoaeError], place: object, failed: str, next_step: str
) -> Iterator[None]:
    """Turn an OSError of the block into a sentence: what failed, and the system's reason.

    Raises:
        DiskFullError: there is no space left.
        EvoaeError: anything else that the system says; of the type `otherwise`.
    """
    try:
        yield
    except OSError as why:
        said = f"{failed} ({why.strerror or why})"
        raise disk_error(why, otherwise)(str(place), said, next_step) from why
