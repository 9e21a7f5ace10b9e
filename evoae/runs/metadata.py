"""What a run records of itself beside its candidates: the keys, and what each may hold.

A database that was damaged, or made by somebody else, is refused by what is wrong in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

_Number = Annotated[int, Field(ge=0, lt=2**63)]
_Side = Annotated[int, Field(ge=1, le=2**24)]
_Seconds = Annotated[float, Field(ge=0, le=1e12)]
_Loss = Annotated[float, Field(allow_inf_nan=False)]


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no time zone")
    return text


_Moment = Annotated[str, AfterValidator(_moment)]


class _Pca(TypedDict):
    curve: list[Annotated[list[int | float], Field(min_length=2, max_length=2)]]


class _Budgets(TypedDict):
    file: dict[str, Any]
    now: dict[str, Any]


class _Limits(TypedDict):
    file: dict[str, float | None]
    now: dict[str, float | None]


class _Restored(TypedDict):
    recorded: float | None
    now: float | None


class Metadata(TypedDict, total=False):
    """The keys that evoae itself reads; there may be others.

    `seconds` is the wall time of all drivers up to the moment `seconds_at`; `limits` are those of
    the latest driver; `restored` says of models that were trained again how their losses differ.
    """

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    config: dict[str, Any]
    data: str
    data_digest: str
    input_shape: Annotated[list[_Side], Field(min_length=1, max_length=4)]
    output: Literal["sigmoid", "linear"]
    train_images: _Number
    validation_images: _Number
    source_images: _Number
    kind: dict[str, Any]
    genome: str
    seeds: list[str]
    generations: _Number | None
    planned: _Number | None
    workers: _Number
    began: _Moment
    seconds: _Seconds
    seconds_at: _Moment
    ended: bool
    exhausted: bool
    stopped: str | None
    budget: _Budgets
    budget_stops: dict[str, list[str]]
    limits: _Limits
    restored: dict[str, _Restored]
    pca: _Pca
    baselines: dict[str, dict[str, Any]]


class _Refit(TypedDict, total=False):
    """What the record of a refit says in numbers; see `evoae.experiments.refit.Refitted`."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    val_loss: _Loss | None
    test_loss: _Loss | None
    test: dict[str, float]
    deviation: dict[str, float]
    pca: _Loss | None
    trained: _Number
    epochs: list[_Number] | None
    settings: dict[str, Any]
    validation_history: list[float]
    train_history: list[float]
    outcome: str
    seconds: _Seconds


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def fault(values: Mapping[str, Any]) -> str | None:
    """Say in a few words what is wrong with the metadata of a run; None if nothing is."""
    return _fault(Metadata, values)


def fault_of_refit(value: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the record of a refit; None if nothing is."""
    return _fault(_Refit, value)


def _fault(kind: Any, values: Mapping[str, Any]) -> str | None:
    try:
        _adapter(kind).validate_python(values)
    except ValidationError as error:
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    return None
