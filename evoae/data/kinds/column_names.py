"""Columns by name: those of settings, and those of new data for a model that knows others."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from evoae.errors import DataError

_SHOWN = 5  # names in a sentence


def matched(wanted: Sequence[str], names: Iterable[str], place: str) -> dict[str, str]:
    """Return the name that each wanted column has among others: its own, or one written alike.

    Args:
        wanted: names of the columns that a model needs.
        names: of those that are there.
        place: where they come from, for error sentences.

    Raises:
        DataError: some columns are not there.
    """
    known = [str(name) for name in names]
    there = set(known)
    found = {name: name for name in wanted if name in there}
    lacking = Counter(_bare(name) for name in wanted if name not in found)
    spare: dict[str, list[str]] = {}
    for name in known:
        if name not in found:
            spare.setdefault(_bare(name), []).append(name)
    for name in wanted:
        alike = spare.get(_bare(name), []) if name not in found else []
        if len(alike) == 1 and lacking[_bare(name)] == 1:
            found[name] = alike[0]
    missing = [f"'{name}'" for name in wanted if name not in found]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
        said = f"no {noun} {', '.join(missing[:_SHOWN])}{more}"
        others = [f"'{name}'" for names in spare.values() for name in names]
        step = f"it holds {', '.join(others[:_SHOWN])} besides" if others else "add what lacks"
        raise DataError(place, said, f"the model needs {len(wanted)} columns; {step}")
    return found


def _bare(name: str) -> str:
    """Return what is left of a name without spaces, marks and capitals."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def check_names(key: str, asked: Iterable[str], names: Collection[str]) -> None:
    """Refuse a column of the setting `data.KEY` that is not there.

    Raises:
        DataError: the first one, with the nearest name.
    """
    for name in asked:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
            raise DataError(f"data.{key}", f"no column is called '{name}'", hint)
