"""What a section of the page is made of: plain data, which the template sets.

Nothing here knows how it will look; words are plain text, and the template escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LabelInk = Literal[  # ten that are told apart with every kind of colour vision
    "label0",
    "label1",
    "label2",
    "label3",
    "label4",
    "label5",
    "label6",
    "label7",
    "label8",
    "label9",
]
Ink = Literal[  # a colour of the page's palette, see templates/style.css
    "ink", "faint", "blue", "orange", "green", "vermilion", "purple", "sky", "yellow", LabelInk
]
Stroke = Literal["line", "dash", "dash-dot", "dot", "band"]
Form = Literal[Stroke, "point", "ring", "triangle", "square", "diamond", "cross"]


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    words: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Command lines, each with what it does."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do, one thing after the other: each a sentence with the commands that act on it.

    Attributes:
        title: over them.
        steps: sentences, each with its commands and what these do.
    """

    title: str
    steps: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by name; one that is "" is left out."""

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header.

    Attributes:
        caption: what it shows.
        header: names of the columns.
        rows: as many cells each.
        text: columns, counted from 0, that hold words; all others are figures, set to the right.
        folded: whether it opens on a click.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: frozenset[int] = frozenset({0})
    folded: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a figure's legend."""

    ink: Ink
    form: Form
    words: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing.

    Attributes:
        title: of the drawing.
        svg: the drawing itself, see `evoae.report.drawing.svg`; it carries its alternative text.
        keys: its legend.
        note: a sentence under it; "" for none.
        table: what is drawn, in figures; None if it stands elsewhere.
    """

    title: str
    svg: str
    keys: tuple[Key, ...] = ()
    note: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings side by side, where there is room."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """A picture made of pictures.

    Attributes:
        label: what it shows.
        uri: `data:` and a PNG file.
        alt: alternative text.
        width, height: in pixels.
        largest: width on a wide screen, in pixels.
    """

    label: str
    uri: str
    alt: str
    width: int
    height: int
    largest: int


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips one below the other, whose pictures stand in the same columns.

    Attributes:
        title: over them.
        strips: all of the same size.
        note: a sentence under them.
        captions: words over each column; empty for none.
    """

    title: str
    strips: tuple[Strip, ...]
    note: str = ""
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A text to be copied, which opens on a click."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer with all that belongs to it.

    Attributes:
        name: such as `conv 32, 3×3`.
        shape: of what it hands on, in words.
        details: pooling, normalisation, parameters.
        breadth: of its slab, 0..1: the side of the map.
        thickness: of its slab, 0..1: the number of filters or units.
    """

    name: str
    shape: str
    details: str
    breadth: float
    thickness: float


@dataclass(frozen=True, slots=True)
class Network:
    """An autoencoder: rows of a stage of the encoder and its mirror; the code is at the bottom.

    Attributes:
        alt: what the drawing shows, in a sentence.
        rows: from the outside in; None where a side has nothing.
        code: the bottleneck.
        note: how to read it.
    """

    alt: str
    rows: tuple[tuple[Stage | None, Stage | None], ...]
    code: Stage
    note: str


Block = Text | Commands | Steps | Facts | Table | Figures | Strips | Listing | Network


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading; one without blocks is left out."""

    id: str
    title: str
    blocks: tuple[Block, ...]
