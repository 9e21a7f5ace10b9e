"""What `init` chooses for a data set."""

import numpy as np
import pytest
from PIL import Image

from evoae.config.load import make_config
from evoae.engine.problem import Problem
from evoae.engine.recommendation import recommend
from evoae.errors import DataError


def low_rank(count, numbers, rank, noise=0.02):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(count, rank)) @ rng.normal(size=(rank, numbers))
    return (values + noise * rng.normal(size=(count, numbers))).astype(np.float32)


def chosen_for(path, latent=None, **data):
    config = make_config({"data": {"path": str(path), **data}})
    loaded, chosen = recommend(config, latent)
    assert all(each.reason for each in chosen)
    return loaded, {each.key: each.value for each in chosen}


def saved(tmp_path, items):
    np.save(tmp_path / "items.npy", items)
    return tmp_path / "items.npy"


def configured(path, chosen):
    def yaml(value):
        return str(value).replace("'", "")

    overrides = [f"{key}={yaml(value)}" for key, value in chosen.items()]
    return make_config({"data": {"path": str(path)}}, overrides=overrides)


@pytest.mark.parametrize("rank", [3, 7])
def test_the_code_gets_the_size_at_the_knee(rank, tmp_path):
    _, chosen = chosen_for(saved(tmp_path, low_rank(400, 40, rank)))
    assert rank - 2 <= chosen["model.max_latent"] <= rank
    assert chosen["model.min_latent"] == chosen["model.max_latent"]


@pytest.mark.parametrize(
    "items", [np.ones((30, 5)), np.eye(30)[:, :1], np.arange(60).reshape(30, 2)]
)
def test_the_code_gets_a_size_where_there_is_no_knee(items, tmp_path):
    _, chosen = chosen_for(saved(tmp_path, items.astype(np.float32)))
    assert chosen["model.max_latent"] >= 1


def test_a_size_that_was_asked_for_is_taken(tmp_path):
    _, chosen = chosen_for(saved(tmp_path, low_rank(60, 9, 2)), latent=5)
    assert chosen["model.min_latent"] == chosen["model.max_latent"] == 5


def test_few_rows_and_many_get_trainings_of_as_many_steps(tmp_path):
    steps = {}
    for items in (low_rank(150, 6, 2), low_rank(2_000, 6, 2), low_rank(60_000, 6, 2)):
        data, chosen = chosen_for(saved(tmp_path, items))
        searched = chosen.get("data.reduce.train", len(data.train))
        batch, epochs = chosen["training.batch_size"], chosen["training.epochs"]
        steps[len(items)] = searched * epochs / batch
        problem = Problem.make(configured(tmp_path / "items.npy", chosen))
        assert len(problem.dataset.train) == searched
    assert max(steps.values()) < 1.5 * min(steps.values())


def test_items_too_large_for_pca_get_no_linear_path(tmp_path):
    shifted = [np.eye(150, k=shift, dtype=np.uint8) * 255 for shift in range(20)]
    _, chosen = chosen_for(saved(tmp_path, np.stack(shifted)))
    assert "model.linear" not in chosen


def test_the_limits_leave_room_for_the_linear_path(tmp_path):
    pictures = np.random.default_rng(1).integers(256, size=(200, 128, 128), dtype=np.uint8)
    for latent in (2, 64, 300):
        _, chosen = chosen_for(saved(tmp_path, pictures), latent=latent)
        assert chosen["model.linear"] == ["pca", "none"]
        Problem.make(configured(tmp_path / "items.npy", chosen))


def test_missing_cells_are_imputed_and_what_is_broken_otherwise_is_said(tmp_path):
    table = tmp_path / "t.csv"
    rows = [f"{i},{i % 7},{'' if i == 4 else i % 3}" for i in range(40)]
    table.write_text("a,b,c\n" + "\n".join(rows))
    _, chosen = chosen_for(table)
    assert chosen["data.missing"] == "impute"
    with pytest.raises(DataError, match="missing"):
        chosen_for(table, missing="refuse")
    table.write_text("a,b,c\n1,2\n")
    with pytest.raises(DataError):
        chosen_for(table)


@pytest.mark.slow
def test_a_training_costs_as_much_for_pictures_of_any_size(tmp_path):
    costs = []
    for side in (28, 64, 128):
        pictures = np.random.default_rng(1).integers(256, size=(400, side, side), dtype=np.uint8)
        data, chosen = chosen_for(saved(tmp_path, pictures))
        Problem.make(configured(tmp_path / "items.npy", chosen))  # the limit admits a network
        steps = len(data.train) * chosen["training.epochs"] / chosen["training.batch_size"]
        costs.append(chosen["model.max_flops"] * steps)
    assert max(costs) < 1.3 * min(costs)


def test_pictures_of_several_sizes_get_the_commonest_and_reads_so(tmp_path, monkeypatch):
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number in range(30):
        side = 12 if number < 20 else 20
        picture = Image.fromarray(rng.integers(0, 256, (side, side), np.uint8))
        (tmp_path / "p").mkdir(exist_ok=True)
        picture.save(tmp_path / "p" / f"{number}.png")
    data, chosen = chosen_for(tmp_path / "p", latent=3)
    assert chosen["data.size"] == 12
    assert data.input_shape == (12, 12, 1)
