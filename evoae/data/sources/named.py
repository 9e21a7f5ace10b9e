"""The named sets. A further one is one more entry in `NAMED`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from evoae.data.sources.cifar import CIFAR10
from evoae.data.sources.files import TABLE
from evoae.data.sources.heart import HEART
from evoae.data.sources.idx import PARTS
from evoae.data.sources.stores import Digits, IdxStore, Store
from evoae.errors import DataError


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
        store: how it is found and read.
        settings: of the `data` section that mean something to it, of those that don't to all.
    """

    name: str
    shape: tuple[int, ...]
    train: int
    test: int | None
    licence: str
    source: str
    store: Store
    settings: frozenset[str] = frozenset()


NAMED: dict[str, NamedSet] = {
    known.name: known
    for known in (
        NamedSet(
            "fashion_mnist",
            (28, 28, 1),
            60_000,
            10_000,
            "MIT",
            "https://github.com/zalandoresearch/fashion-mnist",
            IdxStore(
                "fashion_mnist",
                ("fashion_mnist", "fashion-mnist"),
                (
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                ),
                tuple(f"{part}.gz" for part in PARTS),
                "dataset-fashion-mnist",
                31,
            ),
        ),
        NamedSet(
            "mnist",
            (28, 28, 1),
            60_000,
            10_000,
            "CC BY-SA 3.0",
            "http://yann.lecun.com/exdb/mnist",
            IdxStore(
                "mnist",
                ("mnist",),
                (
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
                ("mnist.npz",),
                None,
                11,
            ),
        ),
        NamedSet(
            "cifar10",
            (32, 32, 3),
            50_000,
            10_000,
            "not stated",
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            CIFAR10,
        ),
        NamedSet(
            "digits",
            (8, 8, 1),
            1_797,
            None,
            "CC BY 4.0",
            "https://archive.ics.uci.edu/dataset/80",
            Digits(),
        ),
        NamedSet(
            "heart",
            (25,),
            303,
            None,
            "CC BY 4.0",
            "https://archive.ics.uci.edu/dataset/45",
            HEART,
            TABLE,
        ),
    )
}


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
