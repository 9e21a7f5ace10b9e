"""Charts: their marks, their scales, and the legend that words them."""

from xml.etree import ElementTree as ET

import pytest
from matplotlib.figure import Figure

from evoae.report.blocks import Key
from evoae.report.drawing.chart import Mark, baseline_marks, chart, draw_marks
from evoae.runs.records import Baseline

LINE = Mark(Key("blue", "line", "a line"), (1, 2, 3), (0.5, 0.3, 0.2))
POINTS = Mark(Key("faint", "point", "points"), (1, 2), (0.4, 0.3), ("first", "second"))


def axes_of(*marks):
    axes = Figure().add_subplot()
    draw_marks(axes, marks)
    return axes


def test_a_legend_words_the_marks_that_have_words():
    edge = Mark(Key("faint", "line", ""), (1, 2), (0.1, 0.2))
    assert [key.words for key in chart("c", "C", "alt", [edge, LINE, POINTS]).keys] == [
        "a line",
        "points",
    ]
    assert chart("c", "C", "alt", [LINE], keys=()).keys == ()


def test_each_point_says_its_words_where_one_points_at_it():
    root = ET.fromstring(chart("c", "C", "what it shows", [LINE, POINTS]).svg)
    assert root.get("aria-label") == "what it shows"
    assert [title.text for title in root.iter("title")] == ["first", "second"]


def test_points_without_a_value_stand_at_the_foot_and_leave_the_scale_alone():
    failed = Mark(Key("ink", "cross", "failed"), (1, 2), (None, None), at_foot=True)
    assert axes_of(LINE, failed).get_ylim() == axes_of(LINE).get_ylim()
    assert [y for _, y in axes_of(failed, LINE).collections[0].get_offsets()] == [0.02, 0.02]


@pytest.mark.parametrize(("values", "scale"), [((0.5, 0.2), "linear"), ((5.0, 0.2), "log")])
def test_losses_that_span_much_have_a_logarithmic_scale(values, scale):
    band = Mark(Key("faint", "band", "middle"), (1, 2), (values, values))
    assert axes_of(band).get_yscale() == scale


def test_a_baseline_is_a_level_and_one_that_failed_is_not_drawn():
    failed = Baseline("plain", "timed_out", None, 4)
    (pca,) = baseline_marks([Baseline("pca", "scored", 0.05, 4), failed])
    assert pca.key.words == "PCA .05000"
    (line,) = axes_of(pca).get_lines()
    assert list(line.get_ydata()) == [0.05, 0.05]
