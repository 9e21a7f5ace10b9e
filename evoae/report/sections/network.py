"""The winner's drawing: the encoder's layers beside the decoder's that mirror them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from evoae.formatting import count, figure, flops, plural, shape, short
from evoae.genome.text import parse
from evoae.models.layers import LayerRecord
from evoae.models.plan import Plan, plan
from evoae.report.blocks import Block, Network, Section, Stage, Table, Text
from evoae.report.run_snapshot import RunSnapshot

_MAIN = ("conv", "transposed", "dense")
_WORDS = {
    "maxpool": "max-pooled",
    "avgpool": "average-pooled",
    "upsample": "upsampled",
    "crop": "cropped",
    "batchnorm": "batch norm",
}


def section(snapshot: RunSnapshot) -> Section | None:
    """Draw the best network, or those that were asked for; None without one."""
    if snapshot.best is None:
        return None
    blocks: list[Block] = []
    for entry in snapshot.chosen or (snapshot.best,):
        drawn = plan(parse(entry.genome), snapshot.run.defaults())
        said = (
            f"{short(entry.id)}: {count(drawn.size.parameters)} parameters, "
            f"{flops(drawn.size.flops)} an item."
        )
        if not blocks:
            said += " Read it down on the left, through the code, and up again on the right."
        blocks += [Text(said), network(drawn), _table(drawn)]
    title = "The networks" if snapshot.chosen else "The winner"
    return Section("network", title, tuple(blocks))


def network(drawn: Plan) -> Network:
    """Return the drawing of a plan."""
    encoder, decoder = (
        stages(layer for layer in side if not layer.beside)
        for side in (drawn.encoder, drawn.decoder)
    )
    *into, code = encoder
    sides = _Sides(drawn)
    given = Stage("input", shape(drawn.input_shape), "", *sides.slab(drawn.input_shape))
    left = [given, *(sides.stage(layers) for layers in into)]
    right = [sides.stage(layers) for layers in reversed(decoder)]
    # From the code outwards, so that a map stands beside the map of its size.
    rows = tuple(zip_longest(left[::-1], right[::-1]))[::-1]
    alt = (
        f"Encoder: {_chain(left)}; code of {count(drawn.size.latent)}; decoder: "
        f"{_chain(right[::-1])}."
    )
    note = (
        "A slab's width is the number of units, on a logarithmic scale."
        if sides.flat
        else "A slab's width is the side of the map; its thickness is the number of filters or "
        "units, on a logarithmic scale."
    )
    if any(layer.beside for layer in drawn.layers):
        note += (
            " Not drawn: a linear map of the input that is added to the code, and one of the code "
            "that is added to the output."
        )
    return Network(alt, rows, sides.stage(code, "code"), note)


def _chain(drawn: Sequence[Stage]) -> str:
    return ", ".join(f"{each.name} {each.shape}".strip() for each in drawn)


def stages(layers: Iterable[LayerRecord]) -> list[list[LayerRecord]]:
    """Group layers by the one that does the work.

    In the encoder what follows a layer belongs to it; in the decoder also the residual blocks
    before it, and the crop of what it makes.
    """
    grouped: list[list[LayerRecord]] = [[]]
    for layer in layers:
        begins = _is_main(layer) or ("_res_" in layer.name and layer.part == "decoder")
        if begins and any(map(_is_main, grouped[-1])):
            grouped.append([])
        grouped[-1].append(layer)
    return grouped


class _Sides:
    """How large things are drawn: as shares of the largest in the network."""

    def __init__(self, drawn: Plan) -> None:
        shapes = [drawn.input_shape, *(layer.shape for layer in drawn.layers)]
        self.flat = all(len(each) == 1 for each in shapes)  # no maps, only vectors
        self._side = max(_side(each) for each in shapes)
        self._filters = math.log1p(max(each[-1] for each in shapes))

    def stage(self, layers: Sequence[LayerRecord], name: str | None = None) -> Stage:
        """Return what is drawn of a layer and all that belongs to it."""
        main = next(filter(_is_main, layers), layers[-1])
        details = [*_further(layers), f"{count(sum(e.parameters for e in layers))} weights"]
        shown = next(layer.shape for layer in reversed(layers) if layer.kind != "flatten")
        if main.name == "decode":  # into the map that the encoder ended in
            name = "dense"
        name = name or _name(main)
        known = len(shown) == 1 and name.endswith(str(shown[0]))  # dense 18 says it already
        of = "" if known else shape(shown)
        return Stage(name, of, " · ".join(details), *self.slab(shown))

    def slab(self, shown: tuple[int, ...]) -> tuple[float, float]:
        """Return breadth and thickness of what has such a shape."""
        filters = min(1.0, math.log1p(shown[-1]) / self._filters)
        if self.flat:
            return filters, 0.4
        return _side(shown) / self._side, filters


def _is_main(layer: LayerRecord) -> bool:
    return layer.kind in _MAIN and "_res_" not in layer.name


def _side(shown: tuple[int, ...]) -> int:
    """Return the longer side of a map; a vector is as narrow as one pixel."""
    return max(shown[:2]) if len(shown) == 3 else 1


def _name(layer: LayerRecord) -> str:
    """Name a layer as a genome does."""
    units = layer.shape[-1]
    if layer.name == "head":
        kernel = f", {shape(layer.kernel)}" if any(layer.kernel) else ""
        return f"head {units}{kernel}"
    if layer.kind == "dense":
        return f"{'dense' if layer.part == 'encoder' else 'updense'} {units}"
    if layer.kind not in _MAIN:
        return layer.kind
    word = "conv" if layer.part == "encoder" else "upconv"
    return f"{word} {units}, {shape(layer.kernel)}"


def _further(layers: Sequence[LayerRecord]) -> list[str]:
    """Word what stands beside a stage's main layer."""
    said = []
    blocks = sum(layer.kind == "add" for layer in layers)
    for layer in layers:
        if layer.kind in _WORDS:
            said.append(_WORDS[layer.kind])
        elif layer.kind == "dropout":
            said.append(f"dropout {figure(layer.rate)}")
        elif _is_main(layer):
            if layer.stride > 1:
                said.append("stride 2" if layer.kind == "conv" else "transposed, stride 2")
            if layer.activation != "linear":
                said.append(layer.activation)
    return [*said, plural(blocks, "residual block")] if blocks else said


def _table(drawn: Plan) -> Table:
    rows = tuple(
        (layer.name, layer.kind, shape(layer.shape), count(layer.parameters), count(layer.flops))
        for layer in drawn.layers
    )
    header = ("layer", "kind", "output", "parameters", "FLOPs an item")
    return Table("Every layer", header, rows, frozenset({0, 1, 2}))
