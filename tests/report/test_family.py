from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from evoae.analysis.lineage import Lineage, Relative, Step
from evoae.errors import UseError
from evoae.report.drawing.family import draw, figure_of
from evoae.runs.records import Candidate


def family(members: int) -> tuple[Lineage, dict[str, str]]:
    """A made-up one of so many members, three a generation, with texts that are too long."""
    rng, ids = random.Random(4), [f"{number:064x}" for number in range(members)]
    relatives = {}
    for number, id in enumerate(ids):
        older = ids[number + 3 : number + 9]
        parents = rng.sample(older, min(2, len(older)))
        generation = 1 + (members - number) // 3
        candidate = Candidate(id, "", (), generation, number, tuple(parents), "swap_blocks")
        steps = tuple(Step(parent, ("conv 1: filters 1 -> 2",), 0.1, 0.1) for parent in parents)
        loss = None if number == 2 else rng.random()
        relatives[id] = Relative(candidate, "scored", False, loss, number, steps)
    return Lineage(relatives), {id: f"{id[-6:]} " + "filters 10 -> 20, " * 20 for id in ids}


@pytest.mark.parametrize("members", [1, 2, 50])
def test_no_two_texts_meet_and_none_is_cut_off(members: int) -> None:
    figure = figure_of(*family(members))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in axes.texts]
    assert len(boxes) == members
    boxes += [axes.title.get_window_extent(), axes.xaxis.label.get_window_extent()]
    boxes.append(axes._left_title.get_window_extent())  # type: ignore[attr-defined]
    shown = [box for box in boxes if box.width]
    for number, box in enumerate(shown):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in shown[number + 1 :])


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".PDF", b"%PDF")]
)
def test_the_suffix_chooses_the_kind_of_file(suffix: str, start: bytes, tmp_path: Path) -> None:
    draw(*family(5), tmp_path / f"tree{suffix}")
    assert (tmp_path / f"tree{suffix}").read_bytes().startswith(start)


def test_an_svg_holds_its_texts_as_text(tmp_path: Path) -> None:
    tree, texts = family(7)
    draw(tree, texts, tmp_path / "tree.svg")
    written = "".join(ET.parse(tmp_path / "tree.svg").getroot().itertext())
    assert all(text[:6] in written for text in texts.values())


def test_too_many_for_one_picture_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"500 candidates are too many .*--depth"):
        draw(*family(500), tmp_path / "tree.svg")
    assert not list(tmp_path.iterdir())
