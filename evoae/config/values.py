"""Types and checks of single settings (words, ranges, sizes), and the base class of sections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo

_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_MOST_BYTES = 2**50
# Of memory. A worker that has loaded TensorFlow was measured to take 660 MiB.
_LEAST_MEMORY = 256 * 2**20
_SIZE = r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(B|[KMG]i?B)\s*"


def parse_bytes(value: Any) -> Any:
    """Turn `4GiB` into a number of bytes; leave anything but text to the ordinary validation."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_SIZE, value)
    if match is None:
        raise ValueError("expected a size such as 4GiB or 512MiB")
    return int(float(match[1]) * _UNITS[match[2]])


def render_bytes(value: int) -> int | str:
    """Turn bytes into the largest binary unit that divides them."""
    for unit in ("GiB", "MiB", "KiB"):
        if value % _UNITS[unit] == 0:
            return f"{value // _UNITS[unit]}{unit}"
    return value


def _holds_a_worker(value: int) -> int:
    if value < _LEAST_MEMORY:
        raise ValueError(
            f"a worker takes more than {render_bytes(_LEAST_MEMORY)} before it trains anything; "
            "write a larger size, such as 4GiB (a bare number counts bytes)"
        )
    return value


def as_pair(value: Any) -> Any:
    """Turn a YAML list into a tuple; leave anything else to the ordinary validation."""
    return tuple(value) if isinstance(value, list) else value


def _choice(value: Any) -> Any:
    """Let one word stand for a list of it alone."""
    return (value,) if isinstance(value, str) else as_pair(value)


def _different(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError("expected each word once")
    return words


def _word_or_list(words: tuple[str, ...]) -> str | list[str]:
    return words[0] if len(words) == 1 else list(words)


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("expected [low, high] with low <= high")
    return pair


def _colour(name: str) -> str:
    if name != "white":  # the default needs no library to be checked
        from PIL import ImageColor

        try:
            ImageColor.getrgb(name)
        except ValueError as why:
            raise ValueError("expected a colour, such as black or '#20a0ff'") from why
    return name


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] >= pair[1]:
        raise ValueError("expected [black, white] with black < white")
    return pair


OptimizerName = Literal["adam", "adamw", "sgd", "muon", "rmsprop", "adadelta"]
ActivationName = Literal["relu", "leaky_relu", "selu", "elu", "gelu", "tanh", "sigmoid"]
DownsamplingName = Literal["max", "average", "stride"]
UpsamplingName = Literal["upsample", "transposed"]
HeadName = Literal["conv", "mirror"]
LinearName = Literal["none", "pca"]
Precision = Literal["float32", "bfloat16"]
AlgorithmName = Literal["generational", "mu_plus_lambda", "aging", "nsga2", "random"]
ObjectiveName = Literal["loss", "latent", "parameters"]
BaselineName = Literal["pca", "handmade", "plain", "random"]
Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]  # may become the size of an array
Flops = Annotated[int, Field(ge=1, le=10**18)]
Count = Annotated[int, Field(ge=1, le=100_000)]  # of what is made or looped over
Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
Shift = Annotated[int, Field(ge=0, le=64)]  # pixels
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
Rate = Annotated[  # float32 holds it
    float,
    Field(gt=0, le=1e30, description="of the optimiser, the highest one of a schedule"),
]
_DECAY = "of adamw, muon: share of each weight taken off, times the rate"
Decay = Annotated[float, Field(ge=0, le=1e6, description=_DECAY)]
_SCHEDULE = "of the learning rate; cosine falls to 0"
Schedule = Annotated[Literal["constant", "cosine"], Field(description=_SCHEDULE)]
# The longest wait that every system call takes is some 24 days.
Seconds = Annotated[float, Field(gt=0, le=1e6)]
SplitSize = Positive | Annotated[float, Field(gt=0, lt=1)]
Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(render_bytes),
    Field(gt=0, le=_MOST_BYTES),
    WithJsonSchema(
        {
            "type": ["integer", "string"],
            "exclusiveMinimum": 0,
            "maximum": _MOST_BYTES,
            "pattern": f"^{_SIZE}$",
            "format": "bytes",
        }
    ),
]
MemoryLimit = Annotated[Bytes, AfterValidator(_holds_a_worker)]


def _or_word(schema: dict[str, Any]) -> None:
    """Let the JSON schema of a list take one of its words instead."""
    listed = {
        key: schema.pop(key) for key in tuple(schema) if key in ("type", "items", "minItems")
    }
    schema["anyOf"] = [listed["items"], listed]


# Different words: one of them or a list, in a configuration. CHOICE needs one at least.
CHOICES = (
    Field(json_schema_extra=_or_word),
    BeforeValidator(_choice),
    AfterValidator(_different),
    PlainSerializer(_word_or_list),
)
CHOICE = (Field(min_length=1), *CHOICES)

_RANGE = (BeforeValidator(as_pair), AfterValidator(_ordered))
_Size = Annotated[int, Field(ge=1, le=65_536)]
_Side = Annotated[int, Field(ge=1, le=63)]
_Blocks = Annotated[int, Field(ge=1, le=8)]
_LearningRate = Annotated[float, Field(ge=1e-7, le=10)]
_Rate = Annotated[float, Field(ge=0, le=0.5)]
SizeRange = Annotated[tuple[_Size, _Size], *_RANGE]
KernelRange = Annotated[tuple[_Side, _Side], *_RANGE]
BlockRange = Annotated[tuple[_Blocks, _Blocks], *_RANGE]
LearningRates = Annotated[tuple[_LearningRate, _LearningRate], *_RANGE]
RateRange = Annotated[tuple[_Rate, _Rate], *_RANGE]
PictureSize = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...],
    Field(min_length=2, max_length=2),
    BeforeValidator(as_pair),
]
Colour = Annotated[Text, AfterValidator(_colour)]
_Value = Annotated[float, Field(ge=-1e12, le=1e12)]
White = Annotated[float, Field(gt=0, le=1e12)]
ValueRange = Annotated[tuple[_Value, _Value], BeforeValidator(as_pair), AfterValidator(_rising)]
Columns = Annotated[tuple[Text, ...], BeforeValidator(as_pair)]  # by name


def _as_words(value: Any) -> Any:
    """Turn a list of words and numbers into a tuple of texts; `null` and `yes` are neither."""
    if not isinstance(value, list | tuple):
        return value
    for word in value:
        if word is None or isinstance(word, bool):
            raise ValueError('expected words; put them into quotes: "null", "yes"')
    return tuple(f"{w:.15g}" if isinstance(w, int | float) else w for w in value)


Words = Annotated[tuple[Text, ...], BeforeValidator(_as_words)]


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """Return what may stand in the section, by key."""
        return dict(cls.model_fields)

    @classmethod
    def kinds(cls) -> Mapping[str, type[Section]]:
        """Return the classes that its `kind` tells apart, by their words; for most none."""
        return {}

    @classmethod
    def users(cls, setting: str) -> list[str]:
        """Return the words of the kinds that have a setting."""
        return [word for word, kind in cls.kinds().items() if setting in kind.model_fields]
