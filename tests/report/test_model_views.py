"""What the page makes of trained models, by networks that nobody had to train."""

from dataclasses import replace

import numpy as np
import pytest

from evoae.data.kinds.columns import Column
from evoae.data.kinds.tables import Table
from evoae.report.blocks import Strips
from evoae.report.blocks import Table as Shown
from evoae.report.model_views import ModelViews, View
from evoae.report.sections import columns, decoder, latent_map, reconstructions
from evoae.training.setup import prepare
from evoae.use.items import Items
from tests.use.networks import dense_autoencoder, image_autoencoder, images, lone


@pytest.fixture(scope="module", autouse=True)
def _tensorflow_is_set_up():
    prepare()


def models(model, originals, labels=None, kind=None, reconstructions=None):
    made = model.rebuild(originals) if reconstructions is None else reconstructions
    errors = ((made - originals) ** 2).reshape(len(originals), -1).mean(axis=1)
    items = Items("items", (originals,), labels, kind or model.kind)
    return ModelViews(
        model, items, "all 9 items", "", originals, None, (View("abc", model, made, errors),), ()
    )


def test_a_variational_model_draws_samples_paths_and_its_plane():
    model = lone(image_autoencoder(latent=2, posterior="diagonal"))
    found = decoder.section(models(model, images(6)))
    strips = [block for block in found.blocks if isinstance(block, Strips)]
    assert [strip.strips[0].width for strip in strips] == [10 * 8 - 1] * 3
    assert [strip.strips[0].height for strip in strips] == [4 * 10 - 1, 4 * 10 - 1, 10 * 10 - 1]
    assert decoder.section(models(lone(image_autoencoder()), images(6))) is None


def test_samples_need_no_data():
    model = lone(image_autoencoder(latent=3, posterior="diagonal"))
    found = decoder.section(ModelViews(model, None, "", "", None, None, (), ("gone",)))
    assert sum(isinstance(block, Strips) for block in found.blocks) == 1


def test_the_first_of_each_label_is_shown_then_the_first_of_all():
    model = lone(image_autoencoder())
    labels = np.array([2, 2, 0, 1, 2, 0, 1, 1, 0, 2, 2, 2, 2])
    assert reconstructions.fixed(models(model, images(13), labels)) == [
        2,
        3,
        0,
        1,
        4,
        5,
        6,
        7,
        8,
        9,
    ]
    assert reconstructions.fixed(models(model, images(4))) == [0, 1, 2, 3]
    many = np.arange(13)[::-1].copy()
    assert len(reconstructions.fixed(models(model, images(13), many))) == 10


def test_the_centre_of_a_label_with_one_item_has_no_spread():
    model, labels = lone(image_autoencoder(latent=2)), np.array([0, 0, 0, 1])
    found = latent_map.section(models(model, images(4), labels))
    three, one = found.blocks[1].figures[0].table.rows
    assert three[:2] == ("0", "3")
    assert all(" ± " in cell for cell in three[2:])
    assert one[:2] == ("1", "1")
    assert not any("±" in cell for cell in one[2:])


def test_the_worst_items_are_shown_with_where_they_went_wrong():
    model, originals = lone(image_autoencoder()), images(12)
    made = originals.copy()
    made[7] += 0.5
    shown = reconstructions.section(models(model, originals, reconstructions=made))
    _, first, worst = shown.blocks
    assert [strip.label.split(":")[0] for strip in worst.strips] == [
        "original",
        "abc",
        "where abc errs",
    ]
    assert "index 7, index 0" in worst.strips[0].alt
    assert first.title == "The first ones"


TABLE = Table(
    (
        Column("age", mean=50.0, scale=10.0, decimals=0),
        Column("sex", categories=("f", "m")),
    ),
    ("age", "sex"),
)


def test_a_columns_error_is_told_in_its_units_and_against_a_constant():
    before = np.array([[-1, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 1]], np.float32)
    after = before.copy()
    after[:, 0] = 0
    after[0, 1:] = 0.4, 0.6
    age, sex = columns.column_errors(TABLE, before, after)
    assert (age.name, age.unexplained) == ("age", pytest.approx(1))
    assert (age.typical, age.of_guess) == (pytest.approx(5), pytest.approx(5))
    assert (sex.name, sex.categories) == ("sex", True)
    assert (sex.typical, sex.of_guess) == (0.75, 0.75)
    constant = np.ones((3, 3), np.float32)
    assert columns.column_errors(TABLE, constant, constant)[0].unexplained is None


def compared_rows():
    model = lone(dense_autoencoder(3, 2), kind=TABLE)
    before = np.array([[-1, 1, 0], [2, 0, 1]], np.float32)
    made = (before * 0.9, before * 0.5)
    views = tuple(
        View(name, model, copies, ((copies - before) ** 2).mean(axis=1))
        for name, copies in zip(("abc", "def"), made, strict=True)
    )
    items = Items("items", (before,), None, TABLE)
    return ModelViews(model, items, "all 2 items", "", before, None, views, (), compared=True)


def test_rows_of_compared_models_stand_below_each_other_and_their_columns_beside():
    found = compared_rows()
    _, first, *_ = reconstructions.section(found).blocks
    assert [row[0] for row in first.rows[:3]] == ["index 0", "copy by abc", "copy by def"]
    table = columns.section(found).blocks[1]
    assert table.header == (
        "column",
        "variance lost, abc",
        "variance lost, def",
        "mean error, or right, abc",
        "mean error, or right, def",
        "of the best constant",
    )
    assert all(len(row) == 6 for row in table.rows)


def test_the_items_that_models_rebuild_most_differently_come_first():
    assert reconstructions.differing(compared_rows()) == [1, 0]


def test_a_table_has_no_strip_of_pictures():
    found = compared_rows()
    assert reconstructions.for_answer(replace(found, answer=found.views[0])) == []


def test_pictures_that_pca_can_not_be_made_of_stand_beside_their_copies_alone():
    model, originals = lone(image_autoencoder()), images(9)
    found = models(model, originals)
    shown = replace(found, answer=found.views[0], corrupted=originals)
    (strips,) = reconstructions.for_answer(shown)
    assert [each.label.split(":")[0] for each in strips.strips] == [
        "original",
        "what goes in",
        "abc",
    ]
    assert strips.captions == ()


def test_names_stand_behind_labels_that_they_do_not_begin_with():
    model = lone(image_autoencoder())
    labels = np.array(["cat", "dog", "cat"])
    found = models(model, images(3), labels)
    (_, first, _) = reconstructions.section(found).blocks
    assert "dog (index 1)" in first.note


def test_rows_are_shown_above_their_copies_in_the_original_units():
    model = lone(dense_autoencoder(3, 2), kind=TABLE)
    before = np.array([[-1, 1, 0], [2, 0, 1]], np.float32)
    after = np.array([[-1.2, 1, 0], [1, 1, 0]], np.float32)
    found = models(model, before, kind=TABLE, reconstructions=after)
    _, first, worst = reconstructions.section(found).blocks
    assert isinstance(first, Shown)
    assert first.header == ("", "error", "age", "sex")
    assert [row[2:] for row in first.rows] == [
        ("40", "f"),
        ("38", "f"),
        ("70", "m"),
        ("60", "f"),
    ]
    assert worst.rows[0][0] == "index 1"
    assert [row[0] for row in columns.section(found).blocks[1].rows] == ["sex", "age"]
