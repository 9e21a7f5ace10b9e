"""What a run records of its kind of data. It imports no arrays, so that a listing starts fast."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12


class RecordedKind(TypedDict):
    """A kind of data as values that JSON can hold.

    Attributes:
        name: the kind's name.
        item: word for one item.
        fitted: what was fitted on the training split, by field of the kind.
    """

    name: str
    item: str
    fitted: dict[str, Any]
