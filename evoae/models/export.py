"""Trained networks as files for other programs, compared with Keras before anyone uses them.

What is written needs no evoae: `keras` a .keras file of standard layers, `savedmodel` TensorFlow's
folder, `onnx` an ONNX file. The batch axis stays open. A variational encoder's outputs are named
`mean` and `log_var` (and `lower`, of a full covariance).
"""

from __future__ import annotations

import errno
import importlib.util
import logging
import math
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.errors import UseError
from evoae.formatting import exact, figure
from evoae.models.batches import batches, items_at_once
from evoae.runs.files import replacing, sync_folder

if TYPE_CHECKING:
    import keras

Format = Literal["keras", "onnx", "savedmodel"]
Part = Literal["autoencoder", "encoder", "decoder"]
Floats = NDArray[np.float32]
Network = Callable[[Floats], Any]  # a batch to its outputs: one, or several by name

MOST_DIFFERENCE = 1e-4
_POSTERIOR = ("mean", "log_var", "lower")  # outputs of a variational encoder
_ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written and checked.

    Attributes:
        path: the file, or the SavedModel's folder.
        format: of the file.
        part: of the autoencoder.
        bytes: size of all of it.
        items: real inputs on which it was compared with Keras.
        difference: largest absolute difference between the two.
    """

    path: Path
    format: Format
    part: Part
    bytes: int
    items: int
    difference: float


def check_export(path: Path, format: Format, *, force: bool = False) -> None:
    """Refuse before any work what cannot be written.

    Raises:
        UseError: packages are missing, the suffix is not the format's, or something is in the way.
    """
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if format == "onnx" and missing:
        raise UseError(
            f"--format {format}", f"needs {', '.join(missing)}", "pip install 'evoae[onnx]'"
        )
    wanted, known = _FORMATS[format].suffix, {each.suffix for each in _FORMATS.values()}
    if (path.suffix in known and path.suffix != wanted) or wanted not in path.suffix:
        seen = f"no name for the format {format}"
        raise UseError(str(path), seen, f"end it in {wanted}" if wanted else "name a folder")
    if not path.parent.is_dir():
        raise UseError(str(path), "no such folder", f"make {path.parent} first")
    if not path.exists():
        return
    if not force:
        raise UseError(str(path), "exists already", "replace it with --force, or name another")
    if path.is_dir() and not (format == "savedmodel" and (path / "saved_model.pb").is_file()):
        raise UseError(str(path), "a folder, and no SavedModel", "name another")


def export(
    model: keras.Model,
    part: Part,
    format: Format,
    path: Path,
    inputs: Floats,
    *,
    force: bool = False,
) -> Exported:
    """Write an autoencoder or one of its parts, reload what was written, compare it with Keras.

    Args:
        model: the autoencoder, with its nested `encoder` and `decoder`.
        part: to write.
        format: of the file.
        path: to write to, in a folder that exists.
        inputs: (n, *input_shape), real ones to compare on; the decoder is compared on their codes.
        force: replace what is there.

    Raises:
        UseError: see `check_export`; or the difference exceeds 1e-4, and nothing was written.
        OSError: the disk is full or cannot be written.
    """
    import keras

    check_export(path, format, force=force)
    with keras.device("cpu:0"), _quiet():  # the CPU's float32, which no GPU mode shortens
        network = _part(model, part)
        given = list(batches(inputs, items_at_once(model)))
        if part == "decoder":
            encoder = model.get_layer("encoder")
            codes = [keras.tree.flatten(encoder(batch, training=False))[0] for batch in given]
            given = list(map(np.asarray, codes))
        network(given[0])  # Keras exports nothing that was never called
        with _replacing_folder(path) if format == "savedmodel" else replacing(path) as draft:
            _FORMATS[format].write(network, draft)
            reloaded = _FORMATS[format].read(draft)
            difference = max(
                _difference(network(batch, training=False), reloaded(batch)) for batch in given
            )
            if not difference <= MOST_DIFFERENCE:  # so that NaN is refused too
                raise UseError(
                    str(path),
                    f"the {format} file's outputs differ from Keras' by {figure(difference, 2)}, "
                    f"more than {exact(MOST_DIFFERENCE)}",
                    "Nothing was written.",
                )
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    written = sum(file.stat().st_size for file in files)
    return Exported(path, format, part, written, len(inputs), difference)


def _part(model: keras.Model, part: Part) -> keras.Model:
    """Return a part of the autoencoder; an encoder of several outputs says which is which."""
    import keras

    network = model if part == "autoencoder" else model.get_layer(part)
    if len(network.outputs) == 1:
        return network
    named = dict(zip(_POSTERIOR, network.outputs, strict=False))
    return keras.Model(network.input, named, name=part)


def _write_savedmodel(network: keras.Model, path: Path) -> None:
    import tensorflow as tf

    try:
        network.export(path, format="tf_saved_model", verbose=False)
    except tf.errors.OpError as why:  # what TensorFlow says where Python has an OSError
        raise OSError(errno.EIO, why.message.rpartition("; ")[2], str(path)) from why


def _write_onnx(network: keras.Model, path: Path) -> None:
    import onnx

    network.export(path, format="onnx", verbose=False)
    written = onnx.load(path)
    _spell_out_erfc(written.graph)
    try:
        onnx.checker.check_model(written)
    except onnx.checker.ValidationError as why:
        raise UseError(
            "--format onnx",
            f"ONNX lacks something in this network ({str(why).splitlines()[0]})",
            "use keras or savedmodel",
        ) from why
    onnx.save(written, path)


def _spell_out_erfc(graph: Any) -> None:
    """Put 1 - erf(x) for the operation erfc(x), which gelu uses and ONNX lacks."""
    from onnx import helper, numpy_helper

    one = numpy_helper.from_array(np.array(1, np.float32), "one_of_erfc")
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.op_type != "Erfc":
            graph.node.append(node)
            continue
        if one.name not in {known.name for known in graph.initializer}:
            graph.initializer.append(one)
        between = f"{node.output[0]}_erf"
        graph.node.append(helper.make_node("Erf", node.input, [between]))
        graph.node.append(helper.make_node("Sub", [one.name, between], node.output))


def _read_keras(path: Path) -> Network:
    import keras

    network = keras.saving.load_model(path, compile=False)
    return lambda inputs: network(inputs, training=False)


def _read_savedmodel(path: Path) -> Network:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    return lambda inputs: loaded.serve(tf.constant(inputs))


def _read_onnx(path: Path) -> Network:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, {entry.name: inputs}), strict=True))


@dataclass(frozen=True, slots=True)
class _Format:
    """How a format's files are called, written and read again."""

    suffix: str
    write: Callable[[keras.Model, Path], None]
    read: Callable[[Path], Network]


_FORMATS: dict[Format, _Format] = {
    "keras": _Format(".keras", lambda network, path: network.save(path), _read_keras),
    "onnx": _Format(".onnx", _write_onnx, _read_onnx),
    "savedmodel": _Format("", _write_savedmodel, _read_savedmodel),
}


def _difference(expected: Any, seen: Any) -> float:
    """Return the largest absolute difference of outputs; infinite if their shapes differ."""
    pairs = [_arrays(outputs) for outputs in (expected, seen)]
    if [a.shape for a in pairs[0]] != [b.shape for b in pairs[1]]:
        return math.inf
    return max(float(np.abs(a - b).max()) for a, b in zip(*pairs, strict=True))


def _arrays(outputs: Any) -> list[Floats]:
    """Return what a network returned: one array, or several in the order of their names."""
    named = outputs if isinstance(outputs, dict) else {"": outputs}
    return [np.asarray(named[name]) for name in sorted(named)]


@contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """Lend a name beside `path` for a folder; then give it that name, in place of an old one."""
    draft, old = (path.with_name(f".{secrets.token_hex(4)}.{path.name}") for _ in range(2))
    try:
        yield draft
        if path.exists():  # a folder cannot replace a full one in a single step
            path.rename(old)
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # gone already if all went well
    if old.exists():
        shutil.rmtree(old)
    sync_folder(path.parent)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the converters say while they work; what matters is compared afterwards."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable()
        try:
            yield
        finally:
            logging.disable(before)
