"""Which items a model is used on: a split of its run's own data, or other data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from evoae.config.data import DataConfig, ReduceConfig, TextTableSettings
from evoae.data.arrays import Images, Labels, joined
from evoae.data.dataset import AbstractKind, Dataset
from evoae.data.kinds.images import ImageKind
from evoae.data.kinds.registry import KINDS
from evoae.data.load import load, of_run, read
from evoae.data.origins import Origins, joined_origins, take_origins
from evoae.data.progress import Say, silent
from evoae.data.sources.files import format_at, home
from evoae.data.sources.named import NAMED
from evoae.data.sources.picture_folder import holds_pictures
from evoae.errors import DataError, UseError
from evoae.formatting import shape
from evoae.training.base import scaled
from evoae.use.model import Floats, Model

Split = Literal["train", "validation", "all"]
AnySplit = Literal[Split, "test"]  # the last one is for `evaluate` alone

_SPLITTING = {"validation", "test"}  # settings that say how large the splits are

_WRITING = {*TextTableSettings.model_fields}  # that say how a file of numbers is written

TO_MEASURE = 10_000  # training items that give codes and residuals their statistics


@dataclass(frozen=True, slots=True)
class ItemName:
    """An item as a person names it.

    Attributes:
        word: what `name` is, as results head it: `row`, `file`, `index` or a key of the table;
            None if it is a position among the items, counted from 0.
        name: the row's number, the file's path, and so on.
    """

    word: str | None
    name: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `5`, `row=279` or `file=cats/01.png`; None if it is neither."""
        word, sign, name = text.strip().partition("=")
        if sign:
            return cls(word, name) if word and name else None
        return cls(None, str(int(word))) if word.isascii() and word.isdigit() else None

    def __str__(self) -> str:
        return self.name if self.word is None else f"{self.word} {self.name}"


@dataclass(frozen=True, eq=False)
class Items:
    """Items in order, without copies of the arrays that they are in.

    Attributes:
        name: for people, such as `fashion_mnist (validation)`.
        parts: (n_i, *input_shape) each, as in `Dataset`; together n items.
        labels: (n,), or None.
        kind: what they are, and how they are told in their own units.
        origins: their names in their own file, n; None if they have none.
    """

    name: str
    parts: tuple[Images, ...]
    labels: Labels | None = None
    kind: AbstractKind = KINDS["images"]
    origins: Origins | None = None

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one item."""
        return tuple(self.parts[0].shape[1:])

    def batches(self, size: int) -> Iterator[Floats]:
        """Yield all items as a network takes them, (at most `size`, *shape)."""
        for part in self.parts:
            for start in range(0, len(part), size):
                yield scaled(part[start : start + size])

    def at(self, numbers: Sequence[int]) -> Floats:
        """Return the items of these numbers, counted from 0, (k, *shape).

        Raises:
            UseError: there is no such item.
        """
        for number in numbers:
            if not 0 <= number < len(self):
                raise UseError(self.name, f"no item {number}", f"there are 0 to {len(self) - 1:,}")
        starts = np.cumsum([0, *(len(part) for part in self.parts)])
        within = np.searchsorted(starts, numbers, side="right") - 1
        pairs = zip(within, numbers, strict=True)
        return np.stack([scaled(self.parts[k][number - starts[k]]) for k, number in pairs])

    def position(self, named: ItemName) -> int:
        """Return the number of an item, counted from 0.

        Raises:
            UseError: there is no such item, or several.
        """
        if named.word is None:
            return int(named.name)
        origins = Origins.counted(len(self)) if self.origins is None else self.origins
        if named.word not in origins.words:
            ways = " or ".join(f"{word}=…" for word in origins.words)
            raise UseError(self.name, f"no item is named by {named.word}", f"name it by {ways}")
        found = origins.find(named.word, named.name)
        if len(found) == 1:
            return int(found[0])
        if len(found):
            raise UseError(self.name, f"{len(found):,} items are {named}", "name it another way")
        step = "it may lie in another split, or have been left out"
        raise UseError(self.name, f"no item is {named}", step)

    def called(self, number: int) -> str:
        """Return how results name the item of this number, such as `row 280`."""
        if self.origins is None:
            return f"index {number}"
        return f"{self.origins.word} {self.origins.names[number]}"

    def all(self) -> Floats:
        """Return all items at once, (n, *shape)."""
        return np.concatenate(list(self.batches(len(self))))

    def first(self, count: int | None) -> Items:
        """Return the first `count` items, or all if there are no more or it is None."""
        if count is None or count >= len(self):
            return self
        parts, left = [], count
        for part in self.parts:
            parts.append(part[:left])
            left -= len(parts[-1])
        return replace(
            self,
            parts=tuple(part for part in parts if len(part)),
            labels=None if self.labels is None else self.labels[:count],
            origins=take_origins(self.origins, slice(count)),
        )

    def beside(self, keep: Collection[str] = (), taken: Collection[str] = ()) -> dict[str, Any]:
        """Return what names the items in a result: columns of n cells, see `Origins.columns`."""
        origins = Origins.counted(len(self)) if self.origins is None else self.origins
        return origins.columns(keep, taken)


def choose(
    model: Model,
    *,
    data: str | None = None,
    split: AnySplit | None = None,
    limit: int | None = None,
    say: Say = silent,
) -> Items:
    """Return the items that a model shall be used on.

    Args:
        model: that they must fit.
        data: a named set or a path; None for the data of the model's run.
        split: `train`, `validation`, or `all`: every item of `data`, and of the run's own data all
            but the test split. None for `all` of `data`, for `validation` of the run's own.
            `test` is for `evaluate` alone.
        limit: the first so many of them; None for no limit.
        say: is told what of `data` is passed over or changed.

    Raises:
        DataError: the data cannot be found or used.
        UseError: they don't fit the model, or a lone model is given no data.
    """
    if data is None:
        items = _of_split(own_data(model), split or "validation")
        if split in (None, "validation") and model.saw_validation:
            items = replace(items, name=f"{items.name}, which it was trained on")
    elif split in (None, "all") or model.kind.fitted:
        items = _new(model, data, say)
    else:
        seed = 7 if model.run is None else model.run.config.seed
        dataset = load(_settings(model, data), seed, say, fitted=model.kind)
        if isinstance(model.kind, ImageKind) and isinstance(dataset.kind, ImageKind):
            model.kind.check_scale(dataset.name, dataset.kind.scale)
        items = _of_split(dataset, split)
    _check_fit(items, model)
    return items.first(limit)


def choose_named(
    model: Model,
    names: Sequence[ItemName],
    *,
    data: str | None = None,
    split: AnySplit | None = None,
    say: Say = silent,
) -> tuple[Items, list[int]]:
    """Return items, and the numbers of some that a person named.

    Args:
        model: that they must fit.
        names: all by position, or all by name. A name is looked for in the training and validation
            splits of the run's own data, unless `split` says where.
        data: see `choose`.
        split: see `choose`.
        say: see `choose`.

    Raises:
        DataError: the data cannot be found or used.
        UseError: see `choose`; or there is no such item, or the ways to name are mixed.
    """
    ways = {each.word is None for each in names}
    if len(ways) > 1:
        said = "some items are named, and others are positions in a split"
        raise UseError("items", said, "name them all, as in row=279,row=12")
    if data is None and split is None and ways == {False}:
        split = "all"
    items = choose(model, data=data, split=split, say=say)
    numbers = [items.position(each) for each in names]
    items.at(numbers)  # refuses a position beyond the end
    return items, numbers


def check_measured(model: Model) -> None:
    """Refuse the test split of a run to a model that was not measured on it when it was refitted.

    Raises:
        UseError: it was not.
    """
    done = None
    if model.run is not None and model.id is not None:
        done = model.run.refitted(model.id)
    if done is None or done.get("test_loss") is None:
        raise UseError(
            model.name,
            "its test split was not measured yet",
            "Refit it first, which does so once, or take another --split.",
        )


def choose_validated(
    model: Model, fewest: int, whole: Dataset | None = None
) -> tuple[Items, bool]:
    """Return the validation items that a run measured its networks on: those of `data.reduce`.

    Args:
        model: of a run.
        fewest: where there are not so many of them, every item of the validation split instead.
        whole: the data of its run, where they are read already, see `own_data`.

    Returns:
        the items, and whether they are those that the run measured on.

    Raises:
        DataError: the data cannot be found, or are not those of the run.
        UseError: they don't fit the model, or a lone model has no run.
    """
    whole = own_data(model) if whole is None else whole
    assert model.run is not None  # or it has no data of its own
    config = model.run.config
    measured = whole.reduced(ReduceConfig(validation=config.data.reduce.validation), config.seed)
    few = len(measured.validation) < min(fewest, len(whole.validation))
    items = _of_split(whole if few else measured, "validation")
    _check_fit(items, model)
    return items, not few


def choose_training(model: Model, *, data: str | None = None, limit: int = TO_MEASURE) -> Items:
    """Return training items of the model's run, or items of `data`, in random but fixed order.

    Raises:
        DataError: the data cannot be found or used.
        UseError: they don't fit the model, or a lone model is given no data.
    """
    return choose(model, data=data, split="train" if data is None else "all", limit=limit)


def own_data(model: Model, labels: Path | None = None) -> Dataset:
    """Return the data that the model's run searched on, before they were reduced.

    Args:
        model: of a run.
        labels: a file of labels in place of the data's own, see `load`.

    Raises:
        DataError: the data cannot be found, or are not those of the run; or the labels cannot be
            used.
        UseError: a lone model has no run.
    """
    if model.run is None:
        raise UseError(model.name, "a lone file does not say what it was trained on", "add --data")
    config = model.run.config
    advice = of_run(model.run.path, ", or name others with --data")
    with advice if labels is None else nullcontext():
        dataset = load(config.data, config.seed, labels=labels)
    recorded = model.run.metadata().data_digest
    if dataset.reduced(config.data.reduce, config.seed).digest != recorded:
        raise DataError(
            dataset.name,
            f"not the data that {model.run.path} was trained on",
            "Bring them back, or say with --data what to use.",
        )
    return dataset


def _new(model: Model, data: str, say: Say) -> Items:
    """Return every item of a named set, file or folder, as the model's training items were."""
    if model.kind.fitted and not model.kind.header(model.input_shape):
        raise UseError(
            model.name, "a lone file does not know the columns of its table", "Name the run."
        )
    source = read(_settings(model, data), say, model.kind)
    if source.kind != model.kind.name:
        described = KINDS[source.kind].described
        raise UseError(source.name, described, f"{model.name} takes {model.kind.described}")
    parts, labels = model.kind.inputs(source)
    for remark in (*source.remarks, *model.kind.doubts(source)):
        say(remark)
    return Items(source.name, parts, labels, model.kind, source.origins(model.kind))


def _settings(model: Model, data: str) -> DataConfig:
    """Return the settings for reading other images: split as the model's run split its own."""
    settings = {} if model.run is None else model.run.config.data.model_dump(include=_SPLITTING)
    if data in NAMED:
        return DataConfig(name=data, **settings)
    if not home(Path(data)).exists():
        raise DataError(data, "no named set, and no file", "'evoae data list' shows the sets")
    if model.kind.pictures and holds_pictures(home(Path(data))):
        *size, channels = model.input_shape
        settings |= {"size": size, "channels": channels}
        if model.run is not None:
            own = model.run.config.data
            settings |= {"corrupt": own.corrupt, "background": own.background}
    elif model.run is not None:
        obeyed = format_at(home(Path(data))).settings
        settings |= model.run.config.data.model_dump(include=_WRITING & obeyed)
    return DataConfig(path=data, **settings)


def _of_split(dataset: Dataset, split: AnySplit) -> Items:
    names = ("train", "validation") if split == "all" else (split,)
    parts = tuple(getattr(dataset, name) for name in names)
    labels = [getattr(dataset, f"{name}_labels") for name in names]
    origins = joined_origins([getattr(dataset, f"{name}_origins") for name in names])
    name = f"{dataset.name} ({' and '.join(names)})"
    return Items(name, parts, joined(labels), dataset.kind, origins)


def _check_fit(items: Items, model: Model) -> None:
    if items.shape != model.input_shape:
        raise UseError(
            items.name,
            f"its items are {shape(items.shape)}, and {model.name} takes "
            f"{shape(model.input_shape)}",
            "Name data of that shape with --data.",
        )
