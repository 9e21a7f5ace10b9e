"""Networks that a search made of every kind, in use: what the hand-made ones stand for."""

import numpy as np
import pytest

import evoae
from evoae.models.export import export
from evoae.use.encode import encode
from evoae.use.grid import manifold
from evoae.use.items import choose
from evoae.use.model import open_model
from evoae.use.sample import sample
from tests.conftest import TINY, with_changes
from tests.covering import first


def found(folder, objective):
    """Return the best model of a short search among networks with two numbers in the code."""
    config = with_changes(
        TINY,
        model={"min_latent": 2, "max_latent": 2, "max_depth": 1, "activation": ["gelu", "elu"]},
        objective=objective,
        search={"population": 2, "generations": 1, "hof_size": 1, "elitism": 0},
        training={"epochs": 1, "batch_size": 32},
    )
    return open_model(evoae.search(config, run=folder / "run").path)


@pytest.fixture(
    scope="module", params=first(["diagonal", "full"], lambda posterior: posterior == "full")
)
def variational(request, tmp_path_factory):
    objective = {"kind": "variational", "loss": "bce", "posterior": request.param}
    return found(tmp_path_factory.mktemp("variational"), objective)


def test_a_variational_network_is_used_by_its_mean_and_its_prior(variational, tmp_path):
    items = choose(variational, limit=20)
    mean, log_var, *_ = (np.asarray(each) for each in variational.encoder(items.all()))
    assert variational.variational
    assert variational.loss == "bce"
    np.testing.assert_allclose(encode(variational, items), mean, rtol=0, atol=1e-6)
    assert "prior" in sample(variational, 3).source
    assert set(np.unique(sample(variational, 9, how="sample").values)) <= {0, 1}
    assert manifold(variational, side=3).values.shape == (3, 3, 8, 8, 1)
    done = export(variational.autoencoder, "encoder", "onnx", tmp_path / "e.onnx", items.all())
    assert done.difference <= 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    (seen,) = session.run(["log_var"], {session.get_inputs()[0].name: items.all()})
    np.testing.assert_allclose(seen, log_var, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_sparse_networks_codes_are_known_to_be_bounded(tmp_path):
    model = found(tmp_path, {"kind": "sparse"})
    codes = encode(model, choose(model))
    assert model.bounded
    assert (codes.min() >= 0, codes.max() <= 1) == (True, True)
    drawn = sample(model, 500)
    assert (drawn.codes.min() >= 0, drawn.codes.max() <= 1) == (True, True)
