"""A network with a linear path begins as PCA, and is never handed over worse than that."""

from dataclasses import replace

import numpy as np
import pytest

import evoae
from evoae.config.load import make_config
from evoae.config.model import ModelConfig
from evoae.data.pca import pca_error, read_components, write_components
from evoae.data.shared_memmap import open_components, share, share_components
from evoae.engine.problem import Problem
from evoae.errors import ConfigError, DataError, GenomeError
from evoae.evaluation import START
from evoae.experiments.refit import refit
from evoae.genome.canonical import canonical
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import parse, render
from evoae.models.plan import measure, plan
from evoae.training.train import train
from tests.conftest import history
from tests.engine.test_search import Interrupter

ROWS = "linear(pca) dense(12) bn | latent(3) | updense(9)"
IMAGES = (
    "linear(pca) conv(4,3x3) res(1) | latent(5) | upconv(6,3x3) res(1)",
    "head(mirror) linear(pca) conv(4,4x4) dense(7) | latent(5) | updense(8) upconv(4,3x3)",
    "linear(pca) latent(5)",
)


def items(tmp_path, shape, count=120, dtype=np.float32):
    """Return a file of items that vary in 4 directions, and a little in all others."""
    rng = np.random.default_rng(1)
    size = int(np.prod(shape))
    values = rng.normal(size=(count, 4)) @ rng.normal(size=(4, size))
    values += 0.1 * rng.normal(size=values.shape)
    if dtype == np.uint8:
        values = np.clip(128 + 30 * values, 0, 255)
    np.save(tmp_path / "items.npy", values.reshape(count, *shape).astype(dtype))
    return tmp_path / "items.npy"


def problem_of(path, model=None, **sections):
    model = {"linear": "pca", "max_latent": 6, **(model or {})}
    raw = {"data": {"path": str(path)}, "model": model, **sections}
    return Problem.make(make_config(raw))


def evaluated(problem, genome, tmp_path, **training):
    task = problem.task(parse(genome), share(problem.dataset))
    training = task.training.model_copy(update={"epochs": 2, "batch_size": 16, **training})
    return train(replace(task, training=training, keep=tmp_path / "models" / "m.keras"))


def pca_of(problem, latent):
    return pca_error(problem.dataset.train, problem.dataset.validation, latent)


@pytest.mark.parametrize("genome", [ROWS, *IMAGES])
def test_before_the_first_epoch_a_network_is_pca(genome, tmp_path):
    rows = genome == ROWS
    shape, dtype = ((10,), np.float32) if rows else ((9, 8, 1), np.uint8)
    problem = problem_of(items(tmp_path, shape, dtype=dtype))
    genome = parse(genome)
    evaluation = evaluated(problem, render(genome), tmp_path)
    assert evaluation.fitness is not None, evaluation.traceback
    bound = pca_of(problem, genome.latent.units)
    if rows:
        assert evaluation.metrics[START] == pytest.approx(bound, rel=1e-4)
    else:  # clipped to 0..1, where all pixels lie
        assert 0.5 * bound < evaluation.metrics[START] < bound * (1 + 1e-4)
    assert evaluation.fitness <= evaluation.metrics[START]


@pytest.mark.parametrize("fitness", ["best", "last"])
def test_a_training_that_only_makes_it_worse_leaves_pca(fitness, tmp_path):
    import keras

    problem = problem_of(items(tmp_path, (10,)))
    evaluation = evaluated(
        *(problem, ROWS, tmp_path), learning_rate=1.0, optimizer="adam", fitness=fitness
    )
    assert min(evaluation.validation_loss) > evaluation.metrics[START]
    assert evaluation.fitness == evaluation.metrics[START] == evaluation.metrics["loss"]
    saved = keras.saving.load_model(tmp_path / "models" / "m.keras")
    validation = problem.dataset.validation
    error = np.mean((saved.predict(validation, verbose=0) - validation) ** 2)
    assert error == pytest.approx(pca_of(problem, 3), rel=1e-4)


def test_a_training_that_gets_better_keeps_what_it_learned(tmp_path):
    problem = problem_of(items(tmp_path, (10,)))
    for fitness in ("best", "last"):
        evaluation = evaluated(
            problem,
            ROWS.replace("3", "2"),
            tmp_path,
            epochs=20,
            fitness=fitness,
            optimizer="adamw",
        )
        assert evaluation.fitness < evaluation.metrics[START]
        assert evaluation.fitness in evaluation.validation_loss
        assert len(evaluation.validation_loss) == 20


def test_codes_beyond_what_the_rows_admit_start_at_zero(tmp_path):
    problem = problem_of(items(tmp_path, (10,), count=10), {"max_latent": 16})
    evaluation = evaluated(problem, "linear(pca) latent(16)", tmp_path)
    assert evaluation.metrics[START] == pytest.approx(pca_of(problem, 16), rel=1e-3, abs=1e-9)


def test_the_components_are_those_of_the_baseline_and_are_written_once(tmp_path):
    problem = problem_of(items(tmp_path, (10,)))
    shared = share(problem.dataset)
    folder = share_components(problem.dataset, shared, 6)
    (file,) = folder.iterdir()
    before = file.stat().st_mtime_ns
    assert share_components(problem.dataset, shared, 6) == folder
    assert file.stat().st_mtime_ns == before
    mean, components = open_components(folder)
    assert components.shape == (6, 10)
    np.testing.assert_allclose(components @ components.T, np.eye(6), atol=1e-5)
    np.testing.assert_allclose(mean, problem.dataset.train.mean(axis=0), atol=1e-5)


def test_damaged_components_are_named_and_made_anew(tmp_path):
    problem = problem_of(items(tmp_path, (10,)))
    shared = share(problem.dataset)
    folder = share_components(problem.dataset, shared, 6)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(DataError, match="cannot be read"):
        open_components(folder)
    share_components(problem.dataset, shared, 6)
    assert open_components(folder)[1].shape == (6, 10)


def test_components_of_what_does_not_vary(tmp_path):
    write_components(np.ones((5, 3), np.float32), 2, tmp_path / "c.npz")
    mean, components = read_components(tmp_path / "c.npz")
    assert mean.tolist() == [1, 1, 1]
    assert components.shape == (0, 3)


def test_the_plan_counts_what_keras_counts():
    from evoae.models.build import build

    drawn = plan(parse(IMAGES[0]), NetworkDefaults((9, 8, 1)))
    model = build(drawn, seed=1)
    assert model.count_params() == drawn.size.parameters
    assert drawn.latent_shape == (5,)
    assert model.get_layer("encoder").output.shape[1:] == (5,)


def test_a_list_makes_a_gene_and_one_word_gives_it_to_all(tmp_path):
    rng = np.random.default_rng(1)
    for linear, words in ((("none", "pca"), {"none", "pca"}), (("pca",), {"pca"})):
        model = ModelConfig(linear=linear, max_latent=4)
        space = Space(model, (10,), measure(NetworkDefaults((10,))))
        genomes = [sample(rng, space) for _ in range(30)]
        assert {genome.global_genes[0].kind for genome in genomes} == words


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"model": {"latent": "spatial", "max_latent": None}}, "feature map"),
        ({"objective": {"kind": "variational"}}, "needs a code of its own"),
        ({"objective": {"loss": "bce"}}, "sigmoid"),
    ],
)
def test_it_is_refused_where_it_cannot_be_pca(sections, reason, tmp_path):
    path = items(tmp_path, (9, 8, 1), dtype=np.uint8)
    with pytest.raises(ConfigError, match=reason):
        problem_of(path, **sections)


def test_without_a_latent_vector_it_is_not_there():
    written = "linear(pca) conv(4,3x3) | upconv(4,3x3)"
    without = written.replace("pca", "none")
    assert render(canonical(parse(written))) == without
    shape = NetworkDefaults((9, 8, 1))
    assert plan(parse(written), shape) == plan(parse(without), shape)


def test_a_code_of_another_kind_has_none():
    with pytest.raises(GenomeError, match="code of its own"):
        plan(parse(ROWS), NetworkDefaults((10,), posterior="diagonal"))


def test_a_search_with_it_resumes_and_hands_over_nothing_worse_than_pca(tmp_path):
    path = items(tmp_path, (10,))
    raw = {
        "data": {"path": str(path)},
        "model": {"linear": ["none", "pca"], "min_latent": 3, "max_latent": 3, "max_depth": 2},
        "search": {"population": 3, "generations": 1, "elitism": 1},
        "training": {"epochs": 2},
        "execution": {"kind": "inline"},
        "report": {"baselines": ["pca"]},
    }
    run = evoae.search(raw, run=tmp_path / "run")
    with pytest.raises(evoae.Interrupted):
        evoae.search(raw, run=tmp_path / "stopped", callback=Interrupter(candidate=2))
    assert history(evoae.resume(tmp_path / "stopped")) == history(run)
    best = run.hall_of_fame()[0]
    assert "linear(pca)" in best.genome
    assert best.val_loss <= run.linear_bounds()[3] * (1 + 1e-5)
    (refitted,) = refit(run.path, settings={"epochs": 2})
    assert refitted.val_loss <= refitted.val_losses["refit"]
