import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from evoae.errors import UseError
from evoae.models import export as module
from evoae.models.export import check_export, export
from tests.covering import first
from tests.use.networks import image_autoencoder, images

SUFFIX = {"keras": ".keras", "onnx": ".onnx", "savedmodel": ""}
ACTIVATIONS = ["relu", "leaky_relu", "selu", "elu", "gelu", "tanh"]


@pytest.fixture(scope="module")
def plain():
    return image_autoencoder()


@pytest.fixture(scope="module")
def variational():
    return image_autoencoder(posterior="full")


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


PARTS = [
    *((format, part) for format in ("keras", "onnx") for part in ("autoencoder", "encoder")),
    *((format, "decoder") for format in SUFFIX),
    *(  # other tests write these
        pytest.param("savedmodel", part, marks=pytest.mark.slow)
        for part in ("autoencoder", "encoder")
    ),
]


@pytest.mark.parametrize(("format", "part"), PARTS)
def test_a_part_is_written_and_says_how_far_it_is_from_keras(format, part, plain, tmp_path):
    done = export(plain, part, format, tmp_path / f"m{SUFFIX[format]}", images(9))
    assert done.difference <= 1e-6
    assert (done.items, done.part, done.format) == (9, part, format)
    files = (
        [done.path] if done.path.is_file() else [p for p in done.path.rglob("*") if p.is_file()]
    )
    assert done.bytes == sum(file.stat().st_size for file in files) > 1000
    assert left_in(tmp_path) == [done.path.name]


@pytest.mark.parametrize("activation", first(ACTIVATIONS, lambda each: each in ("elu", "gelu")))
def test_every_activation_reaches_onnx_and_any_batch_size_fits(activation, tmp_path):
    import onnxruntime

    model = image_autoencoder(activation=activation)
    done = export(model, "autoencoder", "onnx", tmp_path / "m.onnx", images(4))
    session = onnxruntime.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (seen,) = session.run(None, {session.get_inputs()[0].name: images(count, seed=5)})
        expected = np.asarray(model(images(count, seed=5), training=False))
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-5)


RESIDUAL = [  # ONNX alone has operations of its own for each
    ("onnx", "upsample"),
    ("onnx", "transposed"),
    ("keras", "transposed"),
    ("savedmodel", "upsample"),
    pytest.param("keras", "upsample", marks=pytest.mark.slow),
    pytest.param("savedmodel", "transposed", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("format", "upsampling"), RESIDUAL)
def test_residual_blocks_and_a_mirrored_head_are_exported(format, upsampling, tmp_path):
    from evoae.genome.network_defaults import NetworkDefaults
    from evoae.genome.text import parse
    from evoae.models.build import build
    from evoae.models.plan import plan

    text = "head(mirror) conv(5,3x3) res(1) bn | latent(3) | upconv(5,3x3) res(2) drop(0.1)"
    model = build(plan(parse(text), NetworkDefaults((9, 10, 2), upsampling=upsampling)), seed=1)
    given = images(5, shape=(9, 10, 2))
    done = export(model, "autoencoder", format, tmp_path / f"m{SUFFIX[format]}", given)
    assert done.difference <= 1e-6


def test_a_full_disk_under_a_savedmodel_is_an_oserror_and_leaves_nothing(
    plain, tmp_path, monkeypatch
):
    import keras
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "x/.tmp; No space left on device")

    monkeypatch.setattr(keras.Model, "export", full)
    with pytest.raises(OSError, match="No space left on device") as refused:
        export(plain, "autoencoder", "savedmodel", tmp_path / "m", images(4))
    assert "m" in refused.value.filename
    assert left_in(tmp_path) == []


BARE_KERAS = """
import sys
class NoEvoae:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "evoae":
            raise ImportError("evoae is not installed here")
sys.meta_path.insert(0, NoEvoae())
try: import evoae
except ImportError: pass
else: raise SystemExit("evoae can be imported")
import keras, numpy as np, tensorflow as tf
images = np.load("images.npy")
whole = keras.saving.load_model("whole.keras")(images, training=False)
codes = keras.saving.load_model("encoder.keras")(images, training=False)
loaded = tf.saved_model.load("encoder")
served = loaded.serve(tf.constant(images))
np.savez("keras.npz", whole=whole, **codes, **{f"served_{k}": v for k, v in served.items()})
"""
BARE_ONNX = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = sys.modules["evoae"] = None
import numpy as np, onnxruntime
images = np.load("images.npy")
session = onnxruntime.InferenceSession("encoder.onnx", providers=["CPUExecutionProvider"])
names = [each.name for each in session.get_outputs()]
values = session.run(names, {session.get_inputs()[0].name: images})
np.savez("onnx.npz", **dict(zip(names, values)))
"""


def test_what_is_written_runs_where_evoae_is_not_installed(variational, tmp_path):
    inputs = images(6, seed=3)
    np.save(tmp_path / "images.npy", inputs)
    export(variational, "autoencoder", "keras", tmp_path / "whole.keras", inputs)
    for format, suffix in SUFFIX.items():
        export(variational, "encoder", format, tmp_path / f"encoder{suffix}", inputs)
    for program in (BARE_KERAS, BARE_ONNX):
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": ""}
        command = [sys.executable, "-I", "-c", program]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
    expected = [np.asarray(each) for each in variational.get_layer("encoder")(inputs)]
    seen, onnx = np.load(tmp_path / "keras.npz"), np.load(tmp_path / "onnx.npz")
    np.testing.assert_allclose(seen["whole"], variational(inputs), rtol=0, atol=1e-6)
    for name, values in zip(("mean", "log_var", "lower"), expected, strict=True):
        for other in (seen[name], seen[f"served_{name}"], onnx[name]):
            np.testing.assert_allclose(other, values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_a_file_that_says_something_else_is_refused_and_the_old_one_stays(
    format, plain, tmp_path, monkeypatch
):
    path = tmp_path / f"m{SUFFIX[format]}"
    export(plain, "encoder", format, path, images(3))
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    of_format, other = module._FORMATS[format], image_autoencoder(seed=2).get_layer("encoder")

    def write(_, draft):
        other(images(1))
        of_format.write(other, draft)

    monkeypatch.setitem(module._FORMATS, format, replace(of_format, write=write))
    with pytest.raises(UseError, match="differ"):
        export(plain, "encoder", format, path, images(3), force=True)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_outputs_that_are_no_numbers_are_refused(tmp_path):
    model = image_autoencoder()
    decoder = model.get_layer("decoder")
    decoder.set_weights([weights * np.nan for weights in decoder.get_weights()])
    with pytest.raises(UseError, match="nan"):
        export(model, "decoder", "keras", tmp_path / "m.keras", images(2))
    assert left_in(tmp_path) == []


def test_force_replaces_a_savedmodel_and_nothing_else(plain, tmp_path):
    folder = tmp_path / "m"
    export(plain, "encoder", "savedmodel", folder, images(2))
    export(plain, "encoder", "savedmodel", folder, images(2), force=True)
    assert left_in(tmp_path) == ["m"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(UseError, match="no SavedModel"):
        check_export(tmp_path / "mine", "savedmodel", force=True)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("m.onnx", "keras"),
        ("m.keras", "onnx"),
        ("m", "keras"),
        ("m.keras", "savedmodel"),
        ("no/m.onnx", "onnx"),
    ],
)
def test_a_path_that_does_not_suit_the_format_is_refused(name, format, tmp_path):
    with pytest.raises(UseError):
        check_export(tmp_path / name, format)


def test_an_existing_file_is_not_replaced_unless_told(tmp_path):
    (tmp_path / "m.onnx").write_text("mine")
    with pytest.raises(UseError, match="--force"):
        check_export(tmp_path / "m.onnx", "onnx")
    check_export(tmp_path / "m.onnx", "onnx", force=True)


def test_missing_packages_are_named_with_the_command_that_installs_them(tmp_path, monkeypatch):
    find = module.importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else find(name)
    )
    with pytest.raises(UseError) as refused:
        check_export(tmp_path / "m.onnx", "onnx")
    assert "tf2onnx" in str(refused.value)
    assert "pip install 'evoae[onnx]'" in str(refused.value)
    check_export(tmp_path / "m.keras", "keras")
