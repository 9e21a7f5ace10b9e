"""The file of a trained model, checked before Keras opens it.

Keras allocates what a file asks for before it compares that with what the file holds. So a
damaged or foreign file is refused here first, at a cost in proportion to its size: it must be a
zip of the members that Keras writes, its network made of layers that `evoae.models.build` lays,
and it must store as many weights as that network has.
"""

from __future__ import annotations

import io
import json
import os
import stat
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoae.errors import RunError
from evoae.formatting import command
from evoae.genome.genes import GENES
from evoae.runs.files import MODELS

if TYPE_CHECKING:
    import keras

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = [_CONFIG, "metadata.json", _WEIGHTS]
_PACKING = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_TEXT = 2**22  # bytes of a member but the weights; a layer takes about 1,500
_MOST_GROWTH = 8  # bytes of unpacked weights for each byte of the file; Keras packs nothing
_MOST_DEPTH = 32  # of lists and objects in each other; Keras writes 14
_MOST_LAYERS = 2_000  # a chain of much more than 1,000, encoder or decoder, Keras cannot build
_MOST_SAID = 200  # characters of an error of Keras

_Config = Mapping[str, Any]
_Shape = Sequence[Any]


class _UnusableError(Exception):
    """What is wrong with a file, in words that can stand in brackets."""


def load_model(path: Path) -> keras.Model:
    """Load a trained model that evoae saved.

    Args:
        path: of a regular file, a .keras file of layers that `evoae.models.build` lays.

    Raises:
        RunError: the file is missing, damaged, or not one that evoae saved.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its start is nobody's business
    try:
        _check(path)
        import keras

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of a damaged file, it raises after
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except FileNotFoundError as error:
        raise RunError(str(path), "missing", _remedy(path, "{} trains it again")) from error
    except Exception as error:  # Keras, h5py and zipfile have errors of many types for a bad file
        remedy = _remedy(path, "remove it, then {} trains it again")
        raise RunError(str(path), f"cannot be loaded ({_said(error)})", remedy) from error


def _remedy(path: Path, of_search: str) -> str:
    """Return what to do about a model; a search's own one is trained again by a resume."""
    run = path.parent.parent
    if path.parent.name == MODELS and (run / "run.sqlite").is_file():
        return of_search.format(f"'{command('resume', run)}'")
    return "restore it from a copy"


def _said(error: Exception) -> str:
    """Return the first line of what an error says."""
    text = (isinstance(error, OSError) and error.strerror) or str(error) or repr(error)
    first = text.splitlines()[0].strip()
    return first if len(first) <= _MOST_SAID else f"{first[:_MOST_SAID]}…"


def _check(path: Path) -> None:
    """Raise an error unless the file is one that Keras can load within its own size."""
    if path.suffix != ".keras":
        raise _UnusableError("its name does not end in .keras")
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for someone to write to it
        raise _UnusableError("it is no regular file")
    with zipfile.ZipFile(path) as archive:
        if sorted(archive.namelist()) != _MEMBERS:
            raise _UnusableError(f"expected {', '.join(_MEMBERS)} in it, and nothing else")
        for member in archive.infolist():
            growth = _MOST_GROWTH * status.st_size if member.filename == _WEIGHTS else 0
            if member.file_size > max(_MOST_TEXT, growth):
                raise _UnusableError(f"{member.filename} is larger than it can be in this file")
            if member.compress_type not in _PACKING:
                raise _UnusableError(f"{member.filename} is packed in a way that Keras does not")
        # Each is read as far as its size says, which was just checked; its check sum as well.
        asked, stored = _asked(archive.read(_CONFIG)), _stored(archive.read(_WEIGHTS))
    if asked != stored:
        raise _UnusableError(f"its network has {asked:,} weights, but it stores {stored:,}")


def _stored(data: bytes) -> int:
    """Return how many weights an HDF5 file stores, each of its arrays as plainly as Keras does."""
    import h5py

    plain = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS)
    sizes = []

    def measure(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            made = item.id.get_create_plist()
            whole = item.dtype.name == "float32" and item.id.get_storage_size() == item.nbytes
            if not whole or made.get_layout() not in plain or made.get_external_count():
                raise _UnusableError(f"{_WEIGHTS}: '{name}' is not stored as Keras does")
            sizes.append(item.size)

    with h5py.File(io.BytesIO(data), "r") as file:
        file.visititems(measure)  # each object once, and no links out of the file
    total: int = sum(sizes)
    if 4 * total > len(data):
        raise _UnusableError(f"{_WEIGHTS} says that it stores more than it does")
    return total


def _asked(text: bytes) -> int:
    """Return how many weights the network of config.json has."""
    try:
        network = json.loads(text)
        _check_depth(network, _MOST_DEPTH)
        return _weights_of_network(network, _TOP_KEYS, inner=False)
    except RecursionError as why:
        raise _UnusableError(f"{_CONFIG} is nested too deeply") from why
    except (LookupError, TypeError, ValueError, AttributeError) as why:
        raise _UnusableError(f"{_CONFIG} is not what Keras writes") from why


def _check_depth(value: object, left: int) -> None:
    if left == 0:
        raise _UnusableError(f"{_CONFIG} is nested too deeply")
    for inner in _inside(value):
        _check_depth(inner, left - 1)


def _inside(value: object) -> Collection[Any]:
    """Return what a value of JSON is made of; nothing for a number or text."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _number(value: object) -> int:
    """Return a size. A negative one could make up for one that is far too large."""
    if type(value) is not int or value < 1:
        raise _UnusableError(f"{_CONFIG} has {value!r} for a size")
    return value


def _of_convolution(config: _Config, shape: _Shape) -> int:
    if config["data_format"] != "channels_last" or config.get("groups", 1) != 1:
        raise _UnusableError(f"{_CONFIG} has a convolution that evoae does not build")
    height, width = map(_number, config["kernel_size"])
    filters = _number(config["filters"])
    return height * width * _number(shape[-1]) * filters + bool(config["use_bias"]) * filters


def _of_dense(config: _Config, shape: _Shape) -> int:
    return _number(config["units"]) * (_number(shape[-1]) + bool(config["use_bias"]))


def _of_normalisation(config: _Config, shape: _Shape) -> int:
    if config["axis"] not in (-1, len(shape) - 1):
        raise _UnusableError(f"{_CONFIG} has a normalisation that evoae does not build")
    return _number(shape[-1]) * (2 + bool(config["center"]) + bool(config["scale"]))


# The classes of keras.layers that `evoae.models.build` lays: how many weights one has, by its
# settings and the shape of its input; and those that have none, besides `GeneKind.keras_layers`.
_WEIGHTS_OF: dict[str, Callable[[_Config, _Shape], int]] = {
    "BatchNormalization": _of_normalisation,
    "Conv2D": _of_convolution,
    "Conv2DTranspose": _of_convolution,
    "Dense": _of_dense,
}
_WEIGHTLESS = (
    *("Activation", "Add", "AveragePooling2D", "Cropping2D", "Dropout", "Flatten", "InputLayer"),
    *("MaxPooling2D", "Reshape", "UpSampling2D"),
)
_NETWORK = ("keras.src.models.functional", "Functional")
_POLICY = ("keras", "DTypePolicy")
_INITIALIZERS = {("keras.initializers", name) for name in ("GlorotUniform", "Ones", "Zeros")}
_MORE_WEIGHTS = ("lora_rank", "quantization_config")  # settings that add some
_KEYS = {"module", "class_name", "config", "registered_name"}
_TOP_KEYS = {*_KEYS, "build_config", "compile_config"}
_LAYER_KEYS = {*_TOP_KEYS, "name", "inbound_nodes"}
# An object that two others share is built once. No layer is shared, but for the input of networks.
_INPUT_KEYS = {*_LAYER_KEYS, "shared_object_id"}
_PART_KEYS = {*_KEYS, "shared_object_id"}
_NETWORK_SETTINGS = {"name", "trainable", "layers", "input_layers", "output_layers"}


def _class_of(value: _Config, keys: Set[str]) -> tuple[str, str]:
    """Return module and class of what is described with no keys but these."""
    name = value["class_name"]
    if not value.keys() <= keys or value["registered_name"] not in (None, name):
        raise _UnusableError(f"{_CONFIG} describes a {name} otherwise than Keras does")
    return value["module"], name


def _weights_of_network(network: _Config, keys: Set[str], *, inner: bool) -> int:
    """Return how many weights a network has; layers come after those that they read."""
    config = network["config"]
    if _class_of(network, keys) != _NETWORK or not config.keys() <= _NETWORK_SETTINGS:
        raise _UnusableError(f"{_CONFIG} describes no network that evoae builds")
    if len(config["layers"]) > _MOST_LAYERS:
        raise _UnusableError(f"{_CONFIG} has more than {_MOST_LAYERS:,} layers")
    total, before = 0, set[str]()
    for layer in config["layers"]:
        calls = layer["inbound_nodes"]
        if len(calls) > 1 or not before.issuperset(_read_by(calls)):
            raise _UnusableError(f"{_CONFIG} connects layers otherwise than evoae does")
        total += _weights_of_layer(layer, inner=inner)
        before.add(layer["name"])
    return total


def _read_by(call: object) -> Iterator[str]:
    """Yield the names of the layers whose outputs a layer's call takes."""
    for value in _inside(call):
        if isinstance(value, dict) and "class_name" in value:
            if value["class_name"] != "__keras_tensor__":
                raise _UnusableError(f"{_CONFIG} gives a layer a {value['class_name']}")
            yield value["config"]["keras_history"][0]
        else:
            yield from _read_by(value)


def _weights_of_layer(layer: _Config, *, inner: bool) -> int:
    """Return how many weights a layer has; a network that is a layer may hold no other."""
    is_input = layer["class_name"] == "InputLayer"
    found = _class_of(layer, _INPUT_KEYS if is_input else _LAYER_KEYS)
    if found == _NETWORK and not inner and not layer.get("compile_config"):
        return _weights_of_network(layer, _LAYER_KEYS, inner=True)
    module, name = found
    known = {*_WEIGHTS_OF, *_WEIGHTLESS}.union(*(kind.keras_layers for kind in GENES.values()))
    if module != "keras.layers" or name not in known:
        raise _UnusableError(f"it has a layer {module}.{name}, which evoae does not build")
    for key, value in layer["config"].items():
        _check_setting(key, value)
    count = _WEIGHTS_OF.get(name)
    # Keras builds a layer for this shape, whatever its input is; then it compares them.
    return 0 if count is None else count(layer["config"], layer["build_config"]["input_shape"])


def _check_setting(key: str, value: Any) -> None:
    """Refuse a setting that makes Keras build more than its layer."""
    if key == "dtype" and isinstance(value, dict):
        good = _class_of(value, _PART_KEYS) == _POLICY and value["config"] == {"name": "float32"}
    elif key == "dtype":
        good = value == "float32"
    elif key.endswith("_initializer"):
        good = _class_of(value, _PART_KEYS) in _INITIALIZERS and _plain(
            [*_inside(value["config"])]
        )
    else:
        good = _plain(value) if key not in _MORE_WEIGHTS else value is None
    if not good:
        raise _UnusableError(f"{_CONFIG} has a setting '{key}' that evoae does not use")


def _plain(value: object) -> bool:
    """Whether a value is a number, a word, nothing, or lists of these."""
    return not isinstance(value, dict) and all(map(_plain, _inside(value)))
