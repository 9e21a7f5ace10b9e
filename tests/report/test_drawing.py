"""Drawings and pictures that can stand in a page: no id twice, no colour of their own."""

import base64
import io
import re
from importlib.resources import files
from typing import get_args
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from evoae.formatting import brief_count
from evoae.report.blocks import Ink
from evoae.report.drawing.pictures import heat, heat_level, strip
from evoae.report.drawing.svg import COLOUR, SHEER, draw, scale_axis, tick
from evoae.report.sections.latent_map import groups, project


def painted(figure):
    axes = figure.add_subplot(xlabel="a $x$ b", ylabel="loss")
    axes.scatter([1, 2, 3], [0.001, 0.1, 0.5], color=COLOUR["blue"], gid="points")
    axes.plot([1, 3], [0.1, 0.2], color=COLOUR["orange"], gid="line")
    scale_axis(axes, "y", [0.001, 0.5])
    return {"points": ["one", "<two>", "three"], "line": "a line"}


def test_a_drawing_has_its_words_where_one_points_and_the_pages_colours():
    svg = draw("name", 'says "what" & where', painted)
    root = ET.fromstring(svg)
    assert root.get("aria-label") == 'says "what" & where'
    titles = {title.text: title for title in root.iter("title")}
    assert set(titles) == {"one", "<two>", "three", "a line"}
    points = next(e for e in root.iter() if e.get("id") == "name-points")
    assert [u[0].text for u in points.iter("use")] == ["one", "<two>", "three"]
    assert "var(--blue)" in svg
    assert "#0101" not in svg
    assert all(e.get("id").startswith("name-") for e in root.iter() if e.get("id"))
    words = ["".join(e.itertext()) for e in root.iter("text")]
    assert "a $x$ b" in words  # no formula
    assert ".01" in words
    assert "http" not in svg


def test_the_same_drawing_comes_out_the_same():
    assert draw("name", "alt", painted) == draw("name", "alt", painted)


def test_numbers_beside_an_axis_are_short():
    assert [tick(v) for v in (0.0125, 1.5, 300.0, -0.25)] == [".0125", "1.5", "300", "-.25"]
    assert [brief_count(v) for v in (850, 25_000, 1_200_000)] == ["850", "25k", "1.2M"]


def opened(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_images_of_any_shape_become_a_strip():
    for shape, side in (((8, 6, 1), (6, 8)), ((9, 7, 3), (7, 9)), ((5, 5, 2), (5, 5))):
        found = strip("label", np.full((3, *shape), 0.5, np.float32), "alt", columns=2)
        picture = opened(found.uri)
        assert picture.size == (found.width, found.height) == (2 * side[0] + 1, 2 * side[1] + 1)
        assert picture.convert("RGBA").getpixel((0, 0)) == (128, 128, 128, 255)
        assert picture.getpixel((picture.width - 1, picture.height - 1))[3] == 0  # no fourth


def test_a_large_image_is_made_smaller_and_keeps_its_proportions():
    found = strip("label", np.ones((1, 400, 200, 3), np.float32), "alt")
    assert (found.width, found.height) == (56, 112)


def test_errors_become_colours_from_none_to_the_level():
    errors = np.array([[[0.0, 0.1], [0.2, 5.0]]], np.float32)
    coloured = heat(errors, 0.2)
    assert coloured.shape == (1, 2, 2, 3)
    assert np.array_equal(coloured[0, 1, 0], coloured[0, 1, 1])
    assert coloured[0, 0, 0].sum() < coloured[0, 0, 1].sum() < coloured[0, 1, 0].sum()
    assert heat_level(np.zeros((1, 2, 2), np.float32)) == 1


def test_a_code_is_drawn_as_it_is_where_the_plane_holds_it():
    rng = np.random.default_rng(0)
    assert project(np.ones((20, 5), np.float32)) == []
    (one,) = project(rng.random((20, 1), np.float32))
    assert one.places[:, 1].min() == 0
    assert one.places[:, 1].max() == 1
    two = rng.random((20, 2), np.float32)
    assert np.array_equal(project(two)[0].places, two)
    many = rng.random((24, 5), np.float32)
    first, second = project(many), project(many)
    assert [each.name for each in first] == ["PCA", "t-SNE"]
    assert all(np.array_equal(a.places, b.places) for a, b in zip(first, second, strict=True))
    assert [each.name for each in project(many[:4])] == ["PCA"]


def test_labels_beyond_the_styles_share_one_and_numbers_stand_in_order():
    labels = [str(number % 20) for number in range(100)] + ["3", "12"]
    found = groups(labels, len(labels))
    assert found[0][0].words == "4 other labels"
    assert [key.words for key, _ in found[1:4]] == ["0", "1", "2"]
    styles = [(key.ink, key.form) for key, _ in found]
    assert len(set(styles)) == len(styles)
    assert sorted(np.concatenate([members for _, members in found])) == list(range(len(labels)))


def contrast(one, other):
    """The contrast ratio of two colours in 0..255, as WCAG 2.2 defines it."""

    def luminance(colour):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (each / 255 for each in colour)
        ]
        return np.dot((0.2126, 0.7152, 0.0722), linear)

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_all_colours_stand_out_from_the_paper_in_light_and_in_dark():
    style = (files("evoae.report") / "templates" / "style.css").read_text()
    themes = re.findall(r":root \{([^}]*)\}", style)
    assert len(themes) == 2
    for theme in themes:
        colours = {
            name: np.array([int(digits[at : at + 2], 16) for at in (0, 2, 4)])
            for name, digits in re.findall(r"--(\w+): #(\w{6})", theme)
        }
        paper = colours["paper"]
        for ink in get_args(Ink):
            shown = SHEER * colours[ink] + (1 - SHEER) * paper
            assert contrast(shown, paper) >= 3, ink
        for ground in (paper, colours["raised"]):
            for words in ("ink", "quiet", "blue"):
                assert contrast(colours[words], ground) >= 4.5, words
