"""Files of models, damaged in every way: one sentence each, at no more cost than a whole one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from evoae.errors import RunError
from evoae.genome.gene_kind import GlobalGene
from evoae.genome.genes import GENES, Train, kinds
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.runs.model_file import load_model
from tests.covering import first_cells

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
NOBODY = 65534
BOMB = 2**27  # bytes of zeros, which take a thousandth of that


def build(text: str, defaults: NetworkDefaults) -> Any:
    from evoae.models.build import build

    return build(plan(parse(text), defaults), seed=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from evoae.training.setup import prepare

    prepare()
    file = tmp_path_factory.mktemp("whole") / "whole.keras"
    build("conv(4,3x3) bn | latent(3) | upconv(4,3x3)", NetworkDefaults((9, 8, 1))).save(file)
    return file


# -- what is whole


MODIFIED = "{} conv(6,3x5) res(1) bn drop(0.3) conv(5,4x3) | latent(4) | upconv(7,3x3) bn {}"
ROWS = "act(gelu) dense(9) bn drop(0.1) | latent(2) | updense(7) bn"
NETWORKS = [
    *(
        (
            MODIFIED.format(f"{GENES[gene].word}({word})", "upconv(4,3x3) res(2)"),
            NetworkDefaults((9, 10, 2)),
        )
        for gene in kinds(GlobalGene)
        if gene is not Train
        for word in GENES[gene].fields[0].words
    ),
    (
        "train(-3,32,adam) conv(4,3x3) dense(6) | updense(6) upconv(4,3x3)",
        NetworkDefaults((9, 8, 1)),
    ),
    ("conv(4,3x3) | upconv(4,3x3)", NetworkDefaults((8, 8, 1), code="sigmoid", output="linear")),
    ("conv(4,3x3) | latent(3) | upconv(4,3x3)", NetworkDefaults((8, 8, 1), posterior="diagonal")),
    (ROWS, NetworkDefaults((5,), output="linear", code="sigmoid")),
    (ROWS, NetworkDefaults((5,), posterior="diagonal")),
    (ROWS, NetworkDefaults((5,), posterior="full")),
]


def test_the_networks_that_are_tried_have_every_gene() -> None:
    used = {gene.__class__ for text, _ in NETWORKS for gene in parse(text).genes}
    assert used == set(GENES)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("text", "defaults"),
    first_cells(NETWORKS, lambda each: each in NETWORKS[::4] + NETWORKS[-1:]),
    ids=lambda value: str(value)[:20],
)
def test_every_network_that_evoae_builds_is_loaded(
    text: str, defaults: NetworkDefaults, tmp_path: Path
) -> None:
    built = build(text, defaults)
    built.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    items = np.random.default_rng(0).random((3, *defaults.input_shape), np.float32)
    np.testing.assert_array_equal(loaded(items, training=False), built(items, training=False))


def test_a_file_that_another_program_has_packed_is_loaded(whole: Path, tmp_path: Path) -> None:
    file = repacked(whole, tmp_path / "m.keras", packing=zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < whole.stat().st_size
    assert load_model(file).count_params() == load_model(whole).count_params()


def test_networks_that_share_an_input_are_loaded(whole: Path, tmp_path: Path) -> None:
    """As a person may build them; evoae gives each an input of its own."""
    import keras

    entry, code = keras.Input((4,)), keras.Input((2,))
    encoder = keras.Model(entry, keras.layers.Dense(2)(entry), name="encoder")
    decoder = keras.Model(code, keras.layers.Dense(4)(code), name="decoder")
    keras.Model(entry, decoder(encoder(entry))).save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").count_params() == 22


# -- what is damaged


def repacked(
    whole: Path,
    file: Path,
    *,
    without: str = "",
    packing: int = zipfile.ZIP_STORED,
    **members: bytes,
) -> Path:
    """Write a copy of a file with another `config` or other `weights`, or with more members."""
    with zipfile.ZipFile(whole) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != without}
    names = {"config": CONFIG, "weights": WEIGHTS}
    contents |= {names.get(name, name): data for name, data in members.items()}
    with zipfile.ZipFile(file, "w", packing, compresslevel=1) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return file


Change = Callable[[dict[str, Any]], object]
Write = Callable[[Path, Path], object]


def with_config(change: Change) -> Write:
    """Return what writes a file whose configuration was changed."""

    def write(whole: Path, file: Path) -> None:
        with zipfile.ZipFile(whole) as archive:
            config = json.loads(archive.read(CONFIG))
        change(config)
        repacked(whole, file, config=json.dumps(config).encode())

    return write


def with_text(text: bytes) -> Write:
    return lambda whole, file: repacked(whole, file, config=text)


def layer(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the description of a layer, such as that of `code` in `encoder`."""
    for name in names:
        config = next(each for each in config["config"]["layers"] if each["name"] == name)
    return config


def with_setting(key: str, value: object, *names: str) -> Write:
    """Return what writes a file with another setting of a layer, by default of the code."""
    return with_config(
        lambda config: layer(config, *(names or ("encoder", "code")))["config"].update(
            {key: value}
        )
    )


def with_layer(**changes: object) -> Write:
    """Return what writes a file in which the code's layer is described otherwise."""
    return with_config(lambda config: layer(config, "encoder", "code").update(changes))


def with_weights(change: Callable[[h5py.File], object]) -> Write:
    """Return what writes a file whose stored weights were changed."""

    def write(whole: Path, file: Path) -> None:
        with zipfile.ZipFile(whole) as archive:
            stored = io.BytesIO(archive.read(WEIGHTS))
        with h5py.File(stored, "a") as weights:
            change(weights)
        repacked(whole, file, weights=stored.getvalue())

    return write


KERNEL = "layers/functional/layers/dense/vars/0"


def replaced(**stored: Any) -> Write:
    """Return what writes a file in which one kernel is stored otherwise."""

    def change(weights: h5py.File) -> None:
        known = {"shape": weights[KERNEL].shape, "dtype": "f4"}
        del weights[KERNEL]
        weights.create_dataset(KERNEL, **{**known, **stored})

    return with_weights(change)


def balanced(config: dict[str, Any]) -> None:
    """Let one layer be far too large, and another one make up for it."""
    layer(config, "encoder", "code")["config"]["units"] = 10**9
    width = layer(config, "encoder", "code")["build_config"]["input_shape"][-1]
    kept = layer(config, "decoder", "decode")
    kept["config"]["units"] -= (10**9 - 3) * (width + 1) // 4


def circle(config: dict[str, Any]) -> None:
    layer(config, "decoder", "decode")["inbound_nodes"][0]["args"][0]["config"][
        "keras_history"
    ] = ["head", 0, 0]


def often(config: dict[str, Any]) -> None:
    layer(config, "encoder", "code")["inbound_nodes"] *= 1000


def nested(config: dict[str, Any]) -> None:
    """Put the encoder in the encoder."""
    inner = {**json.loads(json.dumps(layer(config, "encoder"))), "inbound_nodes": []}
    layer(config, "encoder")["config"]["layers"].append(inner)


def compiled(config: dict[str, Any]) -> None:
    layer(config, "encoder")["compile_config"] = {"optimizer": "adam", "loss": "mse"}


def many(config: dict[str, Any]) -> None:
    layers = layer(config, "encoder")["config"]["layers"]
    layers += [{**layers[0], "name": f"more_{number}"} for number in range(2_000)]


def bytes_of(data: bytes) -> Write:
    return lambda _, file: file.write_bytes(data)


def part(start: float, end: float) -> Write:
    def write(whole: Path, file: Path) -> None:
        data = whole.read_bytes()
        file.write_bytes(data[int(start * len(data)) : int(end * len(data))])

    return write


def flipped(whole: Path, file: Path) -> None:
    data = bytearray(whole.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def encrypted(whole: Path, file: Path) -> None:
    """Mark each member as encrypted, in its own header and in the list of them."""
    data = bytearray(whole.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + flags] |= 1
    file.write_bytes(data)


def unreadable(whole: Path, file: Path) -> None:
    file.write_bytes(whole.read_bytes())
    file.chmod(0)


def initializer(name: str) -> dict[str, Any]:
    return {
        "module": "keras.initializers",
        "class_name": name,
        "config": {},
        "registered_name": None,
    }


DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}}
MOST = str(2**40)
# Those at which Keras, or a reader of whole members, would take far more memory than the file has.
LARGE: dict[str, Write] = {
    "bomb of weights": lambda whole, file: repacked(
        whole, file, packing=zipfile.ZIP_DEFLATED, weights=bytes(BOMB)
    ),
    "bomb of configuration": lambda whole, file: repacked(
        whole, file, packing=zipfile.ZIP_DEFLATED, config=b" " * BOMB
    ),
    "gigantic layer": with_setting("units", 10**9),
    "one layer makes up for another": with_config(balanced),
    "gigantic kernel": with_setting("kernel_size", [10**5, 10**5], "encoder", "encoder_conv_1"),
    "gigantic normalisation": with_config(
        lambda config: layer(config, "encoder", "encoder_batchnorm_1").update(
            build_config={"input_shape": [None, 9, 8, 10**9]}
        )
    ),
    "added weights": with_setting("lora_rank", 10**9),
    "gigantic packed array": replaced(shape=(10**9,), chunks=(1000,), compression="gzip"),
    "gigantic array without a byte": replaced(shape=(10**9,)),
}
DAMAGED: dict[str, Write] = {
    **LARGE,
    "empty": bytes_of(b""),
    "text": bytes_of(b"no zip\n" * 100),
    "cut at the end": part(0, 0.9),
    "cut at the start": part(0.1, 1),
    "one bit": flipped,
    "encrypted": encrypted,
    "unreadable": unreadable,
    "folder": lambda _, file: file.mkdir(),
    "pipe": lambda _, file: os.mkfifo(file),
    "device": lambda _, file: file.symlink_to("/dev/zero"),
    "link to itself": lambda _, file: file.symlink_to(file),
    "no weights": lambda whole, file: repacked(whole, file, without=WEIGHTS),
    "no configuration": lambda whole, file: repacked(whole, file, without=CONFIG),
    "another member": lambda whole, file: repacked(whole, file, **{"assets/x": b"x"}),
    "other weights": lambda whole, file: repacked(
        whole, file, without=WEIGHTS, **{"model.weights.npz": b"x"}
    ),
    "packed by lzma": lambda whole, file: repacked(whole, file, packing=zipfile.ZIP_LZMA),
    "packed by bzip2": lambda whole, file: repacked(whole, file, packing=zipfile.ZIP_BZIP2),
    "no JSON": with_text(b"{"),
    "no text": with_text(b"\xff\xfe\xff"),
    "a list": with_text(b"[1]"),
    "a word": with_text(b'"x"'),
    "nothing": with_text(b"null"),
    "an empty object": with_text(b"{}"),
    "a long number": with_text(b"9" * 100_000),
    "deep lists": with_text(b"[" * 100_000),
    "deep objects": with_text(b'{"config": ' * 500 + b"1" + b"}" * 500),
    "rather deep objects": with_setting("name", json.loads("[" * 40 + "]" * 40)),
    "no layers": with_config(lambda config: config["config"].pop("layers")),
    "layers in words": with_config(lambda config: config["config"].update(layers="x")),
    "layers of numbers": with_config(lambda config: config["config"].update(layers=[1, 2])),
    "more settings": with_config(lambda config: config["config"].update(more=1)),
    "other outputs": with_config(
        lambda config: config["config"].update(output_layers=[["x", 0, 0]])
    ),
    "compiled": with_config(compiled),
    "a circle": with_config(circle),
    "called often": with_config(often),
    "a network in its part": with_config(nested),
    "too many layers": with_config(many),
    "unknown class": with_layer(class_name="Danse"),
    "unwanted class": with_layer(class_name="Embedding"),
    "class of another module": with_layer(module="os", class_name="system"),
    "class of another package": with_layer(module="keras.src.layers.core.dense"),
    "class without a name": with_layer(class_name=["Dense"]),
    "custom class": with_layer(module=None, class_name="Mine", registered_name="me>Mine"),
    "registered class": with_layer(registered_name="me>Mine"),
    "shared layer": with_layer(shared_object_id=1),
    "Lambda layer": with_layer(class_name="Lambda", config={"name": "code", "function": LAMBDA}),
    "sequence": with_config(lambda config: config.update(class_name="Sequential")),
    "layer for an activation": with_setting("activation", {**DENSE, "config": {"units": 10**9}}),
    "function for an activation": with_setting("activation", LAMBDA),
    "unknown activation": with_setting("activation", "mine"),
    "other start": with_setting("kernel_initializer", initializer("Orthogonal")),
    "start in a word": with_setting("kernel_initializer", "orthogonal"),
    "listed regulariser": with_setting("kernel_regularizer", [{**DENSE, "config": {}}]),
    "other precision": with_setting("dtype", "float64"),
    "more units": with_setting("units", 4),
    "endless units": with_setting("units", 10**30),
    "units in words": with_setting("units", "3"),
    "units in parts": with_setting("units", 3.0),
    "no units": with_setting("units", None),
    "other groups": with_setting("groups", 2, "encoder", "encoder_conv_1"),
    "other axis": with_setting("axis", 1, "encoder", "encoder_batchnorm_1"),
    "channels first": with_setting("data_format", "channels_first", "encoder", "encoder_conv_1"),
    "no shape": with_layer(build_config=None),
    "other layout": with_config(
        lambda config: layer(config, "decoder", "decode")["config"].update(use_bias=False)
    ),
    "no HDF5": lambda whole, file: repacked(whole, file, weights=b"x" * 1000),
    "no bytes of HDF5": lambda whole, file: repacked(whole, file, weights=b""),
    "an array less": with_weights(lambda weights: weights.pop(KERNEL)),
    "no arrays": with_weights(lambda weights: weights.pop("layers")),
    "an array of other numbers": replaced(data=np.zeros((80, 3)), dtype="f8"),
    "an array of another shape": replaced(shape=(3, 80), data=np.zeros((3, 80), "f4")),
    "an array of words": replaced(shape=(3,), data=["a", "b", "c"], dtype=h5py.string_dtype()),
    "a packed array": replaced(data=np.zeros((80, 3), "f4"), compression="gzip"),
    "an array elsewhere": replaced(external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)]),
    "a link elsewhere": with_weights(
        lambda weights: (
            weights.update({"more": h5py.ExternalLink("/etc/passwd", "/")}) or weights.pop(KERNEL)
        )
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_one_sentence(damage: str, whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    DAMAGED[damage](whole, file)
    root = os.geteuid() == 0 and damage == "unreadable"
    if root:  # permissions count, even when the tests run as root
        os.seteuid(NOBODY)
    try:
        with pytest.raises(RunError) as error:
            load_model(file)
    finally:
        if root:
            os.seteuid(0)
    assert error.value.place == str(file)
    assert str(error.value.value).startswith("cannot be loaded (")
    assert error.value.next_step == "restore it from a copy"
    said = str(error.value).removeprefix(str(file))
    assert said.count("\n") == 0
    assert 30 < len(said) < 300


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        load_model(tmp_path / "m.keras")
    assert (error.value.place, error.value.value) == (str(tmp_path / "m.keras"), "missing")


def test_a_file_that_asks_for_much_memory_gets_none(whole: Path, tmp_path: Path) -> None:
    files = []
    for number, write in enumerate(LARGE.values()):
        files.append(tmp_path / f"{number}.keras")
        write(whole, files[-1])
    script = """
import resource, sys
from pathlib import Path
from evoae.errors import RunError
from evoae.runs.model_file import load_model

def peak():
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // (1024 if sys.platform == "darwin" else 1)

def load(file):
    try:
        load_model(Path(file))
    except RunError:
        return
    raise SystemExit(f"{file} was loaded")

load(sys.argv[1])
before = peak()
for file in sys.argv[2:]:
    load(file)
    print(file, peak() - before)
assert peak() - before < 50_000
assert "keras" not in sys.modules
"""
    damaged = tmp_path / "damaged.keras"
    DAMAGED["an array less"](whole, damaged)
    done = subprocess.run(
        [sys.executable, "-c", script, damaged, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
