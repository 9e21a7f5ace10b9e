from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import evoae
from evoae.data.kinds.images import ImageKind
from evoae.data.load import load
from evoae.data.origins import Origins
from evoae.errors import DataError, UseError
from evoae.use.items import ItemName, Items, choose, choose_named, choose_training
from evoae.use.model import open_model
from tests.conftest import TINY, with_changes
from tests.use.networks import SHAPE, images


@pytest.fixture(scope="module")
def model(tiny_run):
    return open_model(tiny_run.path)


def test_a_split_of_the_runs_own_data_is_chosen_and_never_the_test_split(model, tiny_run):
    own = load(tiny_run.config.data, tiny_run.config.seed)
    assert len(choose(model)) == len(own.validation) == len(choose(model, split="validation"))
    assert len(choose(model, split="train")) == len(own.train)
    every = choose(model, split="all")
    assert len(every) == len(own.train) + len(own.validation)
    np.testing.assert_array_equal(every.all()[-len(own.validation) :], choose(model).all())
    np.testing.assert_array_equal(every.labels[: len(own.train)], own.train_labels)


def test_other_data_are_taken_whole_in_their_order_with_their_test_part(model, tmp_path):
    arrays = {"x_train": images(20, 1, (8, 8)), "x_test": images(4, 2, (8, 8))}
    labels = {"y_train": np.arange(20), "y_test": np.arange(4)}
    np.savez(tmp_path / "mine.npz", **arrays, **labels)
    items = choose(model, data=str(tmp_path / "mine.npz"))
    np.testing.assert_array_equal(items.all()[..., 0], np.concatenate(list(arrays.values())))
    assert items.labels.tolist() == [*range(20), *range(4)]
    assert len(choose(model, data=str(tmp_path / "mine.npz"), split="train")) == 18


def test_a_limit_cuts_across_parts():
    items = Items("two", (images(3), images(4, 1)), np.arange(7))
    few = items.first(5)
    np.testing.assert_array_equal(few.all(), items.all()[:5])
    assert (len(few), few.labels.tolist(), len(items.first(99))) == (5, [0, 1, 2, 3, 4], 7)
    assert len(items.first(3).parts) == 1


def test_bytes_reach_the_network_as_values_up_to_one():
    items = Items("bytes", (np.full((3, *SHAPE), 255, np.uint8),))
    assert [batch.shape[0] for batch in items.batches(2)] == [2, 1]
    assert {batch.dtype for batch in items.batches(2)} == {np.dtype("float32")}
    np.testing.assert_allclose(items.at([2, 0]), 1, atol=1e-6)


def test_items_are_found_by_number_wherever_they_lie():
    items = Items("two", (images(3), images(4, 1)))
    np.testing.assert_array_equal(items.at([6, 0, 3]), items.all()[[6, 0, 3]])
    with pytest.raises(UseError, match="no item 7"):
        items.at([7])


def named(*texts):
    return [ItemName.parse(text) for text in texts]


def test_an_item_is_found_by_the_name_that_results_show():
    keys = {"patient": np.array(["P7", "P1", "P4"], object), "id": np.array([5, 5, 6])}
    items = Items("mine", (images(3),), origins=Origins("row", np.array([279, 3, 12]), keys))
    numbers = [items.position(name) for name in named("row=12", "patient=P7", "id=6", "1")]
    assert numbers == [2, 0, 2, 1]
    assert [items.called(number) for number in (0, 2)] == ["row 279", "row 12"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("row=4", "no item is row 4; it may lie in another split"),
        ("file=4", "no item is named by file; name it by row=… or patient=…"),
        ("patient=P1", "2 items are patient P1"),
    ],
)
def test_a_name_of_no_item_or_of_several_is_one_sentence(text, said):
    origins = Origins("row", np.array([1, 2]), {"patient": np.array(["P1", "P1"])})
    items = Items("mine", (images(2),), origins=origins)
    with pytest.raises(UseError, match=said):
        items.position(*named(text))


def test_items_without_names_have_their_index():
    items = Items("mine", (images(3),))
    assert items.position(*named("index=2")) == 2
    assert items.called(2) == "index 2"


@pytest.mark.parametrize("text", ["", "x", "-1", "row=", "=3", "1.5", "²"])
def test_what_is_neither_a_position_nor_a_name_is_none(text):
    assert ItemName.parse(text) is None


def test_names_are_looked_for_in_both_splits_and_positions_in_validation(model):
    every, own = choose(model, split="all"), choose(model)
    index = own.origins.names[3]
    found, (number,) = choose_named(model, named(f"index={index}"))
    assert len(found) == len(every)
    np.testing.assert_array_equal(found.at([number]), own.at([3]))
    found, numbers = choose_named(model, named("3"))
    assert (len(found), numbers) == (len(own), [3])
    with pytest.raises(UseError, match="name them all"):
        choose_named(model, named("3", f"index={index}"))


def test_data_of_another_shape_are_refused(model, tmp_path):
    np.save(tmp_path / "x.npy", images(9))
    with pytest.raises(UseError, match=r"9×7×2.*8×8×1"):
        choose(model, data=str(tmp_path / "x.npy"))


def test_data_that_have_changed_since_the_search_are_refused(tiny_run, tmp_path):
    config = tiny_run.config
    other = load(config.data.model_copy(update={"validation": 0.2}), config.seed)
    changed = open_model(tiny_run.path)
    changed.run.config = config.model_copy(
        update={"data": config.data.model_copy(update={"validation": 0.2})}
    )
    assert len(other.validation) > 200
    with pytest.raises(DataError, match="not the data"):
        choose(changed)


def test_a_lone_model_needs_data(plain, tmp_path):
    with pytest.raises(UseError, match="--data"):
        choose_training(plain)
    np.save(tmp_path / "x.npy", images(9))
    assert len(choose_training(plain, data=str(tmp_path / "x.npy"), limit=4)) == 4
    with pytest.raises(DataError, match="no named set"):
        choose(plain, data=str(tmp_path / "none.npy"))


def test_corrupt_pictures_are_skipped_if_the_run_skipped_its_own(
    model, tmp_path, tmp_path_factory, monkeypatch
):
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path_factory.mktemp("cache")))
    Image.fromarray(np.full((8, 8), 60, np.uint8)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_text("no picture")
    with pytest.raises(DataError, match="cannot be decoded"):
        choose(model, data=str(tmp_path))
    config = model.run.config
    skipping = config.data.model_copy(update={"corrupt": "skip"})
    monkeypatch.setattr(model.run, "config", config.model_copy(update={"data": skipping}))
    assert len(choose(model, data=str(tmp_path))) == 1


def test_a_single_image_is_enough(model, tmp_path):
    np.save(tmp_path / "x.npy", np.full((1, 8, 8), 51, np.uint8))
    assert len(choose(model, data=str(tmp_path / "x.npy"))) == 1


def test_pictures_of_a_folder_become_as_large_as_the_model_takes_them(
    model, tmp_path, tmp_path_factory, monkeypatch
):
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path_factory.mktemp("cache")))
    for number in range(4):
        pixels = np.full((20, 30, 3), 60 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    items = choose(model, data=str(tmp_path))
    assert items.shape == (8, 8, 1)
    np.testing.assert_allclose(items.all().mean(axis=(1, 2, 3)) * 255, [0, 60, 120, 180], atol=1)


@pytest.mark.parametrize("split", ["all", "train"])
def test_new_images_are_scaled_as_the_models_own_were(model, tmp_path, split):
    deep = np.random.default_rng(2).integers(0, 1024, (20, 8, 8)).astype(np.uint16)
    np.save(tmp_path / "x.npy", deep)
    with pytest.raises(DataError, match="values are 0 to 1023, where those that the model was"):
        choose(model, data=str(tmp_path / "x.npy"), split=split)
    said = []
    scaled = replace(model, kind=ImageKind((0.0, 511.0)))
    items = choose(scaled, data=str(tmp_path / "x.npy"), split=split, say=said.append)
    assert len(items) == (20 if split == "all" else 16)
    assert said == ["x.npy: 20 images have values outside 0 to 511: clipped"]
    if split == "all":
        expected = (deep / np.float32(511)).clip(0, 1)
        np.testing.assert_allclose(items.all()[..., 0], expected, rtol=1e-6)


def test_of_data_that_are_gone_it_is_said_what_still_helps(tmp_path):
    np.save(tmp_path / "x.npy", images(400, 1, (8, 8)))
    given = with_changes(TINY, search={"population": 2, "generations": 1})
    given["data"] = {"path": str(tmp_path / "x.npy")}
    run = evoae.search(given, run=tmp_path / "run")
    model = open_model(run.path)
    (tmp_path / "x.npy").rename(tmp_path / "y.npy")
    with pytest.raises(DataError) as gone:
        choose(model)
    assert "restore them" in gone.value.next_step
    assert "--data" in gone.value.next_step
    assert len(choose(model, data=str(tmp_path / "y.npy"))) == 400
    with pytest.raises(DataError, match=r"restore them as they were$"):
        evoae.resume(run.path)
