"""Asking TensorFlow what it can do here, in a process of its own that ends with the answer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass

_SECONDS = 300.0
# Just what a worker does before its first training, then one operation where trainings would run.
_PROGRAM = """
import json
from evoae.training.setup import prepare_worker
prepare_worker()
import tensorflow as tf
details = tf.config.experimental.get_device_details
gpus = tf.config.list_physical_devices("GPU")
names = [details(gpu).get("device_name", gpu.name) for gpu in gpus]
levels = [details(gpu).get("compute_capability") for gpu in gpus]
assert float(tf.reduce_sum(tf.ones((8, 8)) @ tf.ones((8, 8)))) == 512
print(json.dumps({"gpus": names, "levels": levels, "cuda": tf.test.is_built_with_cuda()}))
"""


@dataclass(frozen=True, slots=True)
class TensorFlow:
    """What TensorFlow can do on this machine.

    Attributes:
        problem: why it cannot compute; None if it can.
        gpus: the names of those that it can compute on.
        cuda: whether this build could use NVIDIA's GPUs at all.
        capabilities: NVIDIA's compute capability of each GPU, such as 8.0; None if unknown.
    """

    problem: str | None
    gpus: tuple[str, ...] = ()
    cuda: bool = False
    capabilities: tuple[float | None, ...] = ()


def ask_tensorflow() -> TensorFlow:
    """Load TensorFlow as a worker would; takes some seconds."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TensorFlow(f"does not load within {_SECONDS:g} s")
    if done.returncode < 0:
        return TensorFlow(f"ends its process by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return TensorFlow(f"cannot compute ({said[-1]})")
    answer = json.loads(done.stdout.splitlines()[-1])
    levels = (
        None if level is None else float(f"{level[0]}.{level[1]}") for level in answer["levels"]
    )
    return TensorFlow(None, tuple(answer["gpus"]), answer["cuda"], tuple(levels))
