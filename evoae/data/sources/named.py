"""The named sets. A further one is one more entry in `_SETS`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from evoae.data.sources.cifar import CIFAR10
from evoae.data.sources.fetchers import DigitsFetcher, Fetcher
from evoae.data.sources.files import TABLE
from evoae.data.sources.heart import HEART
from evoae.data.sources.mnist import FASHION_MNIST, MNIST
from evoae.errors import DataError

_ZALANDO = "https://github.com/zalandoresearch/fashion-mnist"
_LECUN = "http://yann.lecun.com/exdb/mnist"
_TORONTO = "https://www.cs.toronto.edu/~kriz/cifar.html"
_UCI = "https://archive.ics.uci.edu/dataset"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set that evoae knows by name.

    Attributes:
        name: as in `data.name`.
        shape: (height, width, channels), or (features,) of a table as it comes.
        train: images or rows to train on; all of them if `test` is None.
        test: images of the test part that it brings; None if it brings none.
        licence: under which it is published.
        source: where it comes from.
        fetcher: how it is found and read.
        settings: of the `data` section that mean something to it, of those that don't to all.
    """

    name: str
    shape: tuple[int, ...]
    train: int
    test: int | None
    licence: str
    source: str
    fetcher: Fetcher
    settings: frozenset[str] = frozenset()


_SETS = (
    NamedSet("fashion_mnist", (28, 28, 1), 60_000, 10_000, "MIT", _ZALANDO, FASHION_MNIST),
    NamedSet("mnist", (28, 28, 1), 60_000, 10_000, "CC BY-SA 3.0", _LECUN, MNIST),
    NamedSet("cifar10", (32, 32, 3), 50_000, 10_000, "not stated", _TORONTO, CIFAR10),
    NamedSet("digits", (8, 8, 1), 1_797, None, "CC BY 4.0", f"{_UCI}/80", DigitsFetcher()),
    NamedSet("heart", (25,), 303, None, "CC BY 4.0", f"{_UCI}/45", HEART, TABLE),
)
NAMED = {known.name: known for known in _SETS}


def find_set(name: str) -> NamedSet:
    """Return the set of this name.

    Raises:
        DataError: there is none; the nearest name is suggested.
    """
    if name in NAMED:
        return NAMED[name]
    near = difflib.get_close_matches(name, NAMED, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(NAMED)}"
    raise DataError("data.name", f"no set is called '{name}'", hint)
