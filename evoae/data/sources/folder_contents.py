"""What is in a folder of pictures: each picture's path, and what else there is, counted.

Links are followed, to files and to folders, except to a folder that is read already or that the
whole lies in. What an operating system or a tool keeps for itself is no one's data and is passed
over without a word: `.DS_Store`, `Thumbs.db`, `desktop.ini` and the like, hidden files that are no
pictures, `._` copies, and folders such as `.git` and `@eaDir`.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evoae.data.sources.damage import accessing
from evoae.data.sources.picture_formats import is_picture, remedy, suffix_of
from evoae.formatting import plural

Found = Literal["picture", "other", "hidden picture", "hidden folder", "closed", "again", "broken"]

_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}  # besides hidden files
_SYSTEM_FOLDERS = {
    *("__macosx", "@eadir", "$recycle.bin", "system volume information"),
    *(".git", ".svn", ".hg", ".ipynb_checkpoints", ".trashes", ".spotlight-v100", ".fseventsd"),
}
_SHOWN = 8  # suffixes in a line


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a folder, or below it.

    Attributes:
        name: its path within the folder, with slashes.
        found: what it is. `closed` is a folder that the system does not let us list, `again` a
            link to a folder that is read anyway, `broken` a link to nothing.
        linked: whether it is a link or lies behind one.
    """

    name: str
    found: Found
    linked: bool = False


@dataclass(slots=True)
class Contents:
    """All of a folder.

    Attributes:
        pictures: paths within the folder, with slashes, sorted.
        linked: how many of them lie behind links.
        others: files that are no pictures, by suffix.
        rest: what else is passed over, by its word in the singular.
        closed: folders that cannot be listed.
    """

    pictures: list[str] = field(default_factory=list)
    linked: int = 0
    others: Counter[str] = field(default_factory=Counter)
    rest: Counter[str] = field(default_factory=Counter)
    closed: list[str] = field(default_factory=list)


def contents(path: Path, labels: str | None = None) -> Contents:
    """Look through a folder.

    Args:
        path: of the folder.
        labels: a file with labels, which does not count as passed over; None for none.

    Raises:
        DataError: the folder itself cannot be listed.
    """
    known = None if labels is None else os.path.realpath(Path(labels).expanduser())
    held = Contents()
    for entry in entries(path):
        if entry.found == "picture":
            held.pictures.append(entry.name)
            held.linked += entry.linked
        elif entry.found == "closed":
            held.closed.append(entry.name)
        elif entry.found == "other":
            if known is None or os.path.realpath(path / entry.name) != known:
                held.others[suffix_of(entry.name)] += 1
        else:
            held.rest[_WORDS[entry.found]] += 1
    held.pictures.sort()
    return held


_WORDS = {
    "hidden picture": "hidden picture",
    "hidden folder": "hidden folder",
    "again": "link to a folder that is read anyway",
    "broken": "broken link",
}


def entries(path: Path) -> Iterator[Entry]:
    """Yield what is in a folder and below it, what lies behind links last.

    Raises:
        DataError: the folder itself cannot be listed.
    """
    whole = os.path.realpath(path)
    seen: set[str] = set()
    waiting: deque[tuple[str, bool]] = deque([("", False)])
    links: deque[str] = deque()
    with accessing(path, "check data.path"):
        os.scandir(path).close()
    while waiting or links:
        inside, linked = waiting.popleft() if waiting else (links.popleft(), True)
        real = os.path.realpath(path / inside)
        if real in seen or (inside and Path(whole).is_relative_to(real)):
            yield Entry(inside, "again")
            continue
        seen.add(real)
        try:
            with os.scandir(path / inside) as listing:
                listed = list(listing)
        except OSError:
            yield Entry(inside, "closed")
            continue
        for item in listed:
            name = f"{inside}/{item.name}" if inside else item.name
            if not item.is_dir():
                found = _file(item)
                if found is not None:
                    yield Entry(name, found, linked or item.is_symlink())
            elif item.name.lower() in _SYSTEM_FOLDERS:
                continue
            elif item.name.startswith("."):
                yield Entry(name, "hidden folder")
            elif item.is_symlink():
                links.append(name)
            else:
                waiting.append((name, linked))


def _file(item: os.DirEntry[str]) -> Found | None:
    """Tell what something that is no folder is; None if it is the system's."""
    picture = is_picture(item.name)
    if item.name.startswith("."):
        return "hidden picture" if picture and not item.name.startswith("._") else None
    if item.name.lower() in _SYSTEM:
        return None
    there = item.is_file()  # and no pipe, which would make us wait
    if item.is_symlink() and not there:
        return "picture" if picture else "broken"  # a picture that cannot be opened
    return "picture" if picture and there else "other"


def summary_of(held: Contents, read: Sequence[str]) -> str | None:
    """Say what was passed over, and what not, by suffix; None if nothing was passed over.

    Args:
        held: all of the folder.
        read: names of the pictures that were decoded.
    """
    if not (held.others or held.rest or held.closed):
        return None
    told = _by_suffix(Counter(suffix_of(name) for name in read))
    passed = ", ".join(passed_over(held))
    return f"{plural(len(read), 'picture')} read ({told}); passed over: {passed}"


def passed_over(held: Contents) -> Iterator[str]:
    """Yield what is no picture that can be read, counted, of each sort."""
    if held.others:
        yield _by_suffix(held.others)
    for word, count in held.rest.items():
        first, _, rest = word.partition(" to ")
        yield plural(count, first) + (f" to {rest}" if rest else "")
    if held.closed:
        yield f"{plural(len(held.closed), 'folder')} that cannot be opened ({held.closed[0]})"


def _by_suffix(counts: Counter[str]) -> str:
    """Count files by suffix, the commonest first, with what can be done to read them."""
    common = counts.most_common()
    told = [
        f"{count:,} {suffix}{_hint(suffix)}"
        if suffix
        else f"{plural(count, 'file')} without suffix"
        for suffix, count in common
    ]
    if len(told) > _SHOWN:
        more = sum(count for _, count in common[_SHOWN:])
        told = [*told[:_SHOWN], f"{more:,} of {len(common) - _SHOWN:,} other suffixes"]
    return ", ".join(told)


def _hint(suffix: str) -> str:
    step = None if is_picture(f"x{suffix}") else remedy(suffix)
    return "" if step is None else f" ({step})"
