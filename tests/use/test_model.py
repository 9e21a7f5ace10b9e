import os
import shutil

import numpy as np
import pytest

from evoae.errors import RunError, UseError
from evoae.models.export import export
from evoae.runs.run import Run
from evoae.use.model import open_model
from tests.use.networks import image_autoencoder, images, lone


@pytest.fixture
def copied(tiny_run, tmp_path):
    """A run that a test may write to."""
    return Run(shutil.copytree(tiny_run.path, tmp_path / "run"), tiny_run.config)


def test_the_best_model_of_a_run_is_opened_unless_told_otherwise(tiny_run):
    first, *_, last = tiny_run.hall_of_fame()
    best, other = open_model(tiny_run.path), open_model(tiny_run.path, last.id[:8])
    assert (best.id, other.id) == (first.id, last.id)
    assert (best.path, best.input_shape, best.loss) == (first.model_path, (8, 8, 1), "mse")
    assert other.code_shape == (last.latent,)
    assert first.id[:6] in best.name


def test_a_refitted_model_is_preferred(copied):
    best = copied.hall_of_fame()[0]
    refitted = copied.path / "refit" / f"{best.id}.keras"
    refitted.parent.mkdir()
    shutil.copy(best.model_path, refitted)
    assert open_model(copied.path).path == refitted
    assert open_model(copied.path, kind="search").path == best.model_path


def test_a_candidate_without_a_model_is_to_be_refitted(copied):
    best = copied.hall_of_fame()[0]
    with pytest.raises(UseError) as refused:
        open_model(copied.path, best.id, kind="refit")
    assert f"evoae refit {copied.path} {best.id[:6]}" in str(refused.value)
    kept = {entry.id for entry in copied.hall_of_fame()}
    outside = next(e.id for e in copied.first_evaluations() if e.id not in kept)
    with pytest.raises(UseError, match="evoae refit"):
        open_model(copied.path, outside)


def test_a_lone_file_is_opened_and_takes_no_id(tiny_run, tmp_path):
    file = shutil.copy(tiny_run.hall_of_fame()[0].model_path, tmp_path / "mine.keras")
    model = open_model(file)
    assert (model.run, model.id, model.name) == (None, None, str(file))
    with pytest.raises(UseError, match="one model"):
        open_model(file, "9f3ac1")


def test_a_file_with_only_a_part_or_damaged_or_missing_is_refused(tmp_path):
    part, damaged = tmp_path / "encoder.keras", tmp_path / "damaged.keras"
    image_autoencoder().get_layer("encoder").save(part)
    damaged.write_bytes(part.read_bytes()[:2000])
    with pytest.raises(UseError, match="no autoencoder"):
        open_model(part)
    with pytest.raises(RunError, match="cannot be loaded"):
        open_model(damaged)
    with pytest.raises(RunError, match="no such file"):
        open_model(tmp_path / "none.keras")


def test_what_is_no_regular_file_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "folder.keras").mkdir()
    for name in ("pipe.keras", "folder.keras"):
        with pytest.raises(RunError, match="no regular file"):
            open_model(tmp_path / name)
    with pytest.raises(RunError, match="file name too long"):
        open_model("x" * 5000)


def test_a_file_of_another_kind_is_refused(tmp_path):
    file = tmp_path / "model.h5"
    image_autoencoder().save(tmp_path / "m.keras")
    (tmp_path / "m.keras").rename(file)
    with pytest.raises(RunError, match=r"does not end in \.keras"):
        open_model(file)


def test_an_exported_encoder_of_several_outputs_is_no_autoencoder(tmp_path):
    file = tmp_path / "encoder.keras"
    export(image_autoencoder(posterior="full"), "encoder", "keras", file, images(2))
    with pytest.raises(UseError, match="no autoencoder"):
        open_model(file)


def test_layers_that_are_only_called_encoder_and_decoder_are_refused(tmp_path):
    import keras

    entry = keras.Input((4,))
    code = keras.layers.Dense(2, name="encoder")(entry)
    keras.Model(entry, keras.layers.Dense(4, name="decoder")(code)).save(tmp_path / "m.keras")
    with pytest.raises(UseError, match="no autoencoder"):
        open_model(tmp_path / "m.keras")


@pytest.mark.parametrize("posterior", [None, "diagonal", "full"])
def test_decoding_the_code_gives_what_the_autoencoder_gives(posterior):
    model = lone(image_autoencoder(posterior=posterior))
    inputs = images(5)
    assert model.variational == (posterior is not None)
    assert model.encode(inputs).shape == (5, 3)
    expected = np.asarray(model.autoencoder(inputs, training=False))
    np.testing.assert_allclose(model.rebuild(inputs), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model.decode_all(model.encode(inputs)), model.rebuild(inputs))
