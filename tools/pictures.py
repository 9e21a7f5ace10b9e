"""Draw the pictures of README and guide: `make pictures`, or `make pictures RUN=runs/NAME`.

Without a run it makes one, the search of `configs/quickstart.yaml`: minutes. What is drawn is what
`evoae report` and the commands draw; here their figures only become files of their own.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree as ET

import click
from PIL import Image, ImageDraw, ImageFont

import evoae
from evoae.cli import lineage, manifold, search
from evoae.errors import EvoaeError, UseError
from evoae.report.blocks import Figure, Figures, Form, Section, Strips
from evoae.report.model_views import open_models
from evoae.report.run_snapshot import RunSnapshot
from evoae.report.sections import front, history, reconstructions
from evoae.runs.folder import next_folder

_Block = TypeVar("_Block", Figures, Strips)

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
TOP = 4  # networks whose copies are shown
PLANE = (  # settings of a search whose codes make a map, as in docs/guide/variational.md
    "model.min_latent=2",
    "model.max_latent=2",
    "objective.kind=variational",
    "objective.loss=bce",
    "objective.beta=0.5",
    "training.epochs=10",
)

_WIDE = 870  # pixels of a strip
_LINE, _LEFT = 17.0, 44.0  # points: of a legend
_FONT = "'DejaVu Sans', Verdana, Arial, sans-serif"
_MARKS: dict[Form, str] = {
    "line": '<path d="M0 0h26" stroke-width="2"/>',
    "dash": '<path d="M0 0h26" stroke-width="2" stroke-dasharray="7 3"/>',
    "dash-dot": '<path d="M0 0h26" stroke-width="2" stroke-dasharray="8 3 2 3"/>',
    "dot": '<path d="M0 0h26" stroke-width="2" stroke-dasharray="2 2"/>',
    "point": '<circle cx="13" cy="0" r="4" fill="currentColor" stroke="none"/>',
    "ring": '<circle cx="13" cy="0" r="4"/>',
    "cross": '<path d="M9 -4l8 8m0 -8l-8 8" stroke-width="1.5"/>',
    "triangle": '<path d="M9 4h8l-4 -8z" fill="currentColor"/>',
    "band": '<path d="M2 0h22" stroke-width="9" opacity=".35"/>',
}


def draw(run: str | Path, folder: Path) -> list[Path]:
    """Write the pictures of a search of images to `folder`; return their paths."""
    snapshot = RunSnapshot.read(evoae.Run.open(run))
    course, sizes = history.section(snapshot), front.section(snapshot)
    drawn = {
        "course.svg": alone(_first(course, Figures).figures[0]),
        "front.svg": alone(_first(sizes, Figures).figures[0]),
        "copies.png": together(
            _first(reconstructions.section(open_models(snapshot, TOP)), Strips)
        ),
    }
    for name, data in drawn.items():
        (folder / name).write_bytes(data)
    family = folder / "family.svg"
    _do(lineage.command, str(run), "best", "--out", str(family), "--force")
    return [*(folder / name for name in drawn), family]


def draw_plane(run: str | Path, folder: Path) -> Path:
    """Write the map of a two-dimensional code to `folder`; return its path."""
    path = folder / "manifold.png"
    _do(manifold.command, str(run), "--side", "12", "--out", str(path), "--force")
    return path


def alone(figure: Figure) -> bytes:
    """Return a figure of the report as an SVG file, with its legend, on white."""
    root = ET.fromstring(figure.svg)
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    for parent in list(root.iter()):
        for title in parent.findall("title"):  # what shows where one points
            parent.remove(title)
    whole = height + _LINE * len(figure.keys) + 6
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width:g} {whole:g}",
        "width": f"{width * 1.6:g}",
        "height": f"{whole * 1.6:g}",
    }
    root.insert(0, ET.fromstring(f'<rect width="{width:g}" height="{whole:g}" fill="#ffffff"/>'))
    for number, key in enumerate(figure.keys):
        place = f"{_LEFT:g} {height + _LINE * (number + 0.5):g}"
        mark = f'<g transform="translate({place})" color="var(--{key.ink})" fill="none"'
        entry = ET.fromstring(f'{mark} stroke="currentColor">{_MARKS[key.form]}</g>')
        style = f"font: 10.5px {_FONT}; fill: var(--ink); stroke: none"
        words = ET.SubElement(entry, "text", {"x": "34", "y": "3.5", "style": style})
        words.text = key.words
        root.append(entry)
    text = ET.tostring(root, encoding="unicode")
    text = re.sub(r"(px )'DejaVu Sans'(?!, Verdana)[^;\"]*", rf"\1{_FONT}", text)
    return re.sub(r"var\(--(\w+)\)", lambda found: _palette()[found[1]], text).encode()


def together(strips: Strips) -> bytes:
    """Return strips of pictures as one PNG file, each under its label."""
    from matplotlib.font_manager import findfont

    font = ImageFont.truetype(findfont("DejaVu Sans"), 17)
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(s.uri.split(",")[1]))) for s in strips.strips
    ]
    scale = max(1, round(_WIDE / pictures[0].width))
    large = [
        p.resize((p.width * scale, p.height * scale), Image.Resampling.NEAREST) for p in pictures
    ]
    text, gap = 26, 10
    height = sum(text + picture.height + gap for picture in large)
    canvas = Image.new("RGB", (max(picture.width for picture in large), height), "white")
    pen, top = ImageDraw.Draw(canvas), 0
    for strip, picture in zip(strips.strips, large, strict=True):
        pen.text((0, top), strip.label, fill=_palette()["ink"], font=font)
        canvas.paste(picture, (0, top + text), picture if picture.mode == "RGBA" else None)
        top += text + picture.height + gap
    file = io.BytesIO()
    canvas.quantize(256).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _first(section: Section | None, kind: type[_Block]) -> _Block:
    """Return the first block of a kind."""
    for block in () if section is None else section.blocks:
        if isinstance(block, kind):
            return block
    raise UseError("the run", f"its report has no {kind.__name__.lower()}", "name another RUN")


def _palette() -> dict[str, str]:
    """Return the light colours of the report's style sheet."""
    style = (files("evoae.report") / "templates" / "style.css").read_text(encoding="utf-8")
    light = style[: style.index("@media")]
    return dict(re.findall(r"--(\w+): (#\w+);", light))


def _searched(config: str, *overrides: str) -> Path:
    """Run a search in a new folder; return that."""
    run = next_folder("pictures")
    settings = [word for each in overrides for word in ("--set", each)]
    _do(search.command, "--config", config, "--run", str(run), *settings)
    return run


def _do(command: click.Command, *arguments: str) -> None:
    """Do what `evoae` does with such a command and arguments."""
    command.main(arguments, standalone_mode=False)


def main() -> None:
    """Draw all of them from the run that is named, or from a new one."""
    os.chdir(ROOT)
    run = sys.argv[1] if len(sys.argv) > 1 else _searched("configs/quickstart.yaml")
    written = draw(run, IMAGES)
    written.append(draw_plane(_searched("configs/digits.yaml", *PLANE), IMAGES))
    for path in written:
        click.echo(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":  # workers are fresh processes that import this file
    try:
        main()
    except EvoaeError as why:
        sys.exit(f"Error: {why}")
