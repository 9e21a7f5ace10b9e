"""Items beside their copies: those of a fixed choice, the worst ones, and where the errors lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evoae.formatting import count, loss, plural
from evoae.report.blocks import Block, Section, Strip, Strips, Table, Text
from evoae.report.drawing.pictures import heat, heat_level, strip
from evoae.report.drawing.svg import tick
from evoae.report.model_views import ModelViews, View, cells
from evoae.use.model import Floats

_ACROSS = 10  # pictures
_DOWN = 6  # rows of a table
_IN_ANSWER = 6  # pictures, which are large enough on a phone to be seen


def section(models: ModelViews) -> Section | None:
    """Show items and what comes out for them, or say why not; None without a trained model."""
    missing = [Text(sentence) for sentence in models.missing]
    if models.originals is None:
        blocks = (Text("Nothing can be rebuilt or encoded here:"), *missing)
        return Section("copies", "Originals and copies", blocks) if missing else None
    view = models.views[0]
    trained = "No network was trained on them"
    if any(shown.model.saw_validation for shown in models.views):
        trained = "Networks refitted with them were trained on them, others were not"
    said = (
        f"From {models.origin}. {trained}. Errors are means over an item's "
        f"values, measured anew for this page with each model as it was saved. {models.caveat}"
    )
    show = _pictures if view.model.kind.pictures else _rows
    chosen, worst = fixed(models), np.argsort(-view.errors, kind="stable")[:_ACROSS].tolist()
    title = "The first ones"
    if models.labels is not None:
        more = len(chosen) > len(np.unique(models.labels))
        title = "The first of each label" + (", and further ones" if more else "")
    shown = show(models, chosen, title, models.views)
    together = models.views if models.compared else models.views[:1]
    shown += show(models, worst, f"The worst for {view.name}", together)
    if models.compared and len(models.views) > 1:
        shown += show(models, differing(models), "Where their errors differ most", together)
    return Section("copies", "Originals and copies", (Text(said.strip()), *missing, *shown))


def for_answer(models: ModelViews) -> list[Block]:
    """Show a few pictures, the best model's copies, and those of PCA of the same size.

    Nothing where there is no model or no picture to show; without PCA where that was not made.
    """
    view, linear = models.answer, models.linear
    if models.originals is None or view is None or not view.model.kind.pictures:
        return []
    index = np.array(fixed(models)[:_IN_ANSWER])
    originals, every = models.originals[index], f"over all {count(len(view.errors))}"
    many = plural(len(index), "picture")
    strips = [strip("original", originals, f"{many}: {_labels(models, index.tolist())}")]
    if models.corrupted is not None:
        alt = f"The same {many}, corrupted."
        strips.append(strip("what goes in", models.corrupted[index], alt))
    label = f"{view.name}: error {loss(view.mean)} {every}"
    alt = f"The same {many} as {view.name} rebuilds them."
    strips.append(strip(label, view.reconstructions[index], alt))
    if linear is not None:
        pca = f"PCA of {plural(linear.size, 'number')}"
        fitted = f"fitted on {plural(linear.fitted, 'training item')}"
        label = f"{pca}, {fitted}: error {loss(float(linear.errors.mean()))} {every}"
        alt = f"The same {many} as {pca} rebuilds them."
        strips.append(strip(label, linear.reconstructions[index], alt))
    captions: tuple[str, ...] = ()
    if models.labels is not None:
        captions = tuple(str(models.labels[number]) for number in index)
    note = f"From {models.origin}."
    return [Strips("Pictures, and what comes out for them", tuple(strips), note, captions)]


def differing(models: ModelViews) -> list[int]:
    """Return the numbers of the items whose errors differ most between the models."""
    errors = np.stack([view.errors for view in models.views])
    order: list[int] = np.argsort(-np.ptp(errors, axis=0), kind="stable")[:_ACROSS].tolist()
    return order


def fixed(models: ModelViews) -> list[int]:
    """Return the numbers of the items that are shown: the first of each label, then the first."""
    assert models.originals is not None
    chosen: list[int] = []
    if models.labels is not None:
        _, first = np.unique(models.labels, return_index=True)
        chosen = sorted(first.tolist())[:_ACROSS]
        if len(chosen) == len(first):  # in the order of the labels, so that all pages agree
            chosen = first.tolist()
    others = np.setdiff1d(np.arange(len(models.originals)), chosen)
    return [*chosen, *others[: _ACROSS - len(chosen)].tolist()]


def _pictures(
    models: ModelViews, chosen: Sequence[int], title: str, views: Sequence[View]
) -> list[Block]:
    assert models.originals is not None
    index = np.array(chosen)
    originals, many = models.originals[index], plural(len(index), "picture")
    strips = [strip("original", originals, f"{many}: {_labels(models, chosen)}")]
    if models.corrupted is not None:
        went_in = models.corrupted[index]
        strips.append(strip("what goes in", went_in, f"The same {many}, corrupted."))
    maps = [np.abs(view.reconstructions[index] - originals).mean(axis=-1) for view in views]
    level = heat_level(*maps)
    for number, (view, errors) in enumerate(zip(views, maps, strict=True)):
        shown = view.errors[index]
        alt = f"The same {many} as {view.name} rebuilds them; errors {_worded(shown)}."
        means = f"{loss(view.mean)} over all {count(len(view.errors))}, {loss(shown.mean())} here"
        label = f"{view.name}: error {means}"
        strips.append(strip(label, view.reconstructions[index], alt))
        if number == 0 or models.compared:
            strips.append(_heat_strip(view, errors, level))
    note = (
        f"Where it errs, absolute: dark blue for nothing, yellow for {tick(level)} and more. "
        f"From left to right: {', '.join(_labelled(models, chosen))}."
    )
    return [Strips(title, tuple(strips), note)]


def _heat_strip(view: View, errors: Floats, level: float) -> Strip:
    alt = (
        f"Where {view.name} errs, absolute: on average {loss(float(errors.mean()))}, at "
        f"most {loss(float(errors.max()))}."
    )
    return strip(f"where {view.name} errs", heat(errors, level), alt)


def _labels(models: ModelViews, chosen: Sequence[int]) -> str:
    if models.labels is None:
        return f"{', '.join(_names(models, chosen))}."
    return f"labels {', '.join(str(models.labels[number]) for number in chosen)}."


def _labelled(models: ModelViews, chosen: Sequence[int]) -> list[str]:
    """Return the items' names, each behind its label where the name does not begin with it."""
    names = _names(models, chosen)
    if models.labels is None:
        return names
    labels = [str(models.labels[number]) for number in chosen]
    return [
        name if name.startswith(f"{label}/") else f"{label} ({name})"
        for name, label in zip(names, labels, strict=True)
    ]


def _names(models: ModelViews, chosen: Sequence[int]) -> list[str]:
    """Return what items are called in their own file: row 279 (M-0412), cats/01.png, index 7."""
    assert models.items is not None
    (word, names), *keys = models.items.beside().items()
    shown = []
    for number in chosen:
        beside = ", ".join(str(cells[number]) for _, cells in keys)
        name = str(names[number]) if word == "file" else f"{word} {names[number]}"
        shown.append(f"{name} ({beside})" if beside else name)
    return shown


def _worded(errors: Floats) -> str:
    return ", ".join(loss(float(each)) for each in errors)


def _rows(
    models: ModelViews, chosen: Sequence[int], title: str, views: Sequence[View]
) -> list[Block]:
    """Show rows and their copies in the original units, as the best model makes them.

    Where models are compared, as each of them does.
    """
    assert models.items is not None
    assert models.originals is not None
    shown_of = views if models.compared else views[:1]
    kind, index = models.items.kind, np.array(chosen[:_DOWN])
    before = cells(kind, models.originals[index])
    after = [cells(kind, view.reconstructions[index]) for view in shown_of]
    words = [f"copy by {view.name}" for view in shown_of] if models.compared else ["copy"]
    shown: list[tuple[str, ...]] = []
    for place, (number, name) in enumerate(
        zip(index, _names(models, index.tolist()), strict=True)
    ):
        shown.append((name, "", *before[place]))
        for word, view, copies in zip(words, shown_of, after, strict=True):
            shown.append((word, loss(view.errors[number]), *copies[place]))
    header = ("", "error", *kind.header(models.originals.shape[1:]))
    by = "" if models.compared else f" by {views[0].name}"
    caption = f"{title}: {kind.items} and their copies{by}, in the original units"
    return [Table(caption, header, tuple(shown), folded=False)]
