"""Drawings and pictures that can stand in a page: no id twice, no colour of their own."""

import base64
import io
import re
from importlib.resources import files
from itertools import combinations
from typing import get_args
from xml.etree import ElementTree as ET

import numpy as np
import pytest
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
    assert one.points[:, 1].min() == 0
    assert one.points[:, 1].max() == 1
    two = rng.random((20, 2), np.float32)
    assert np.array_equal(project(two)[0].points, two)
    many = rng.random((24, 5), np.float32)
    first, second = project(many), project(many)
    assert [each.name for each in first] == ["PCA", "t-SNE"]
    assert all(np.array_equal(a.points, b.points) for a, b in zip(first, second, strict=True))
    assert [each.name for each in project(many[:4])] == ["PCA"]


def test_labels_beyond_the_styles_share_one_and_numbers_stand_in_order():
    labels = [str(number % 24) for number in range(120)] + ["3", "12"]
    found = groups(labels, len(labels))
    assert found[0][0].words == "4 other labels"
    assert [key.words for key, _ in found[1:4]] == ["0", "1", "2"]
    styles = [(key.ink, key.form) for key, _ in found]
    assert len(set(styles)) == len(styles)
    assert sorted(np.concatenate([members for _, members in found])) == list(range(len(labels)))


def themes():
    """The colours of the light and the dark page by name, (3,) each, 0..255."""
    style = (files("evoae.report") / "templates" / "style.css").read_text()
    return [
        {
            name: np.array([int(digits[at : at + 2], 16) for at in (0, 2, 4)])
            for name, digits in re.findall(r"--(\w+): #(\w{6})", theme)
        }
        for theme in re.findall(r":root \{([^}]*)\}", style)
    ]


# What is left of linear red, green and blue without one kind of cone: G. M. Machado,
# M. M. Oliveira and L. A. F. Fernandes, "A physiologically-based model for simulation of color
# vision deficiency", IEEE TVCG 2009. First as everyone else sees.
SEEN = {
    "all cones": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def oklab(colour, seen):
    """A colour in 0..255 in B. Ottosson's Oklab (2020), where distances are as they look."""
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(seen) @ linear, 0, 1)
    cones = np.cbrt(
        np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
        @ linear
    )
    axes = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.array(axes) @ cones


@pytest.mark.parametrize("seen", SEEN)
def test_ten_labels_are_told_apart_whatever_colours_one_sees(seen):
    styles = [key for key, _ in groups([str(number) for number in range(10)], 10)]
    for theme in themes():
        for one, other in combinations(styles, 2):
            apart = np.linalg.norm(
                oklab(theme[one.ink], SEEN[seen]) - oklab(theme[other.ink], SEEN[seen])
            )
            # Of equal form, the colour is all that tells them apart.
            assert apart > (0.15 if one.form == other.form else 0.08), (one, other)


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
    assert len(themes()) == 2
    for colours in themes():
        paper = colours["paper"]
        for ink in get_args(Ink):
            shown = SHEER * colours[ink] + (1 - SHEER) * paper
            assert contrast(shown, paper) >= 3, ink
        for ground in (paper, colours["raised"]):
            for words in ("ink", "quiet", "blue"):
                assert contrast(colours[words], ground) >= 4.5, words
