"""What a process needs before its first training: quiet, single-threaded, deterministic."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from evoae.errors import SearchError

_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # Linux, and Linux inside Windows
_NOTICE = re.compile(
    rb"oneDNN custom operations are on|before absl::InitializeLog|find cuda drivers"
)
# What Keras and TensorFlow load, if it is there, for functions that evoae never calls: a third of
# the time that loading takes, and a fifth of the memory (benchmarks/startup.py).
_UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")
_claimed = False


def claim_process() -> None:
    """Say that nothing but evoae runs in this process, so that loading Keras may be faster.

    Keras then misses the libraries in `_UNUSED`. Everybody else may import them as ever.
    """
    global _claimed
    _claimed = True


@cache
def load_quietly() -> None:
    """Load TensorFlow and Keras without their notices, once, and change none of their settings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not any(Path(device).exists() for device in _GPU_DEVICES):
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with without_notices(), _hidden(_UNUSED if _claimed else ()):
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextmanager
def _hidden(libraries: Iterable[str]) -> Iterator[None]:
    """Let imports of libraries that are not loaded yet fail for a while."""
    names = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # None: an ImportError
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


@cache
def prepare_worker() -> None:
    """Do what `prepare` does, in a process that trains and does nothing else."""
    claim_process()
    prepare()


@cache
def prepare() -> None:
    """Load TensorFlow and set it up for this process, once; later calls do nothing.

    One thread for each process, so that sums have one order and workers don't fight for cores; a
    GPU, where there is one, gives memory as it is needed.

    Raises:
        SearchError: TensorFlow or Keras already runs in this process with other settings.
    """
    load_quietly()
    import keras
    import tensorflow as tf

    if keras.config.backend() != "tensorflow":
        raise _in_use(f"Keras already runs on {keras.config.backend()}")
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as why:  # only before TensorFlow's first operation
        raise _in_use("TensorFlow already runs with several threads") from why
    tf.config.experimental.enable_op_determinism()
    # The libraries' objects live as long as the process. Out of the collector's sight, collecting
    # after each candidate takes milliseconds, not a fifth of a second.
    gc.collect()
    gc.freeze()


def _in_use(what: str) -> SearchError:
    return SearchError(
        "this process", what, "use execution.kind local, or search before anything else uses it"
    )


@contextmanager
def without_notices() -> Iterator[None]:
    """Hold back what native libraries write to stderr; hand on all but TensorFlow's notices.

    No log level reaches them: they are written before the log is initialised.
    """
    import tempfile  # here, so that a command that trains nothing starts without it

    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not _NOTICE.search(line):
                    os.write(2, line)
