"""Whether trainings in bfloat16 are fast here, or emulated."""

from __future__ import annotations

from collections.abc import Mapping

from evoae.config.values import Precision
from evoae.execution.gpus import visible_gpus
from evoae.execution.machine import cpu_flags
from evoae.execution.probe import TensorFlow, ask_tensorflow

_CPU = ("avx512_bf16", "amx_bf16")  # each is enough
_GPU = 8.0  # compute capability: Ampere, 2020


def has_bfloat16(tensorflow: TensorFlow | None, flags: Mapping[str, bool] | None) -> bool | None:
    """Return whether what trains here has instructions for bfloat16; None if it is not known.

    Args:
        tensorflow: what it can do: its GPUs train, if it has any; None if it was not asked.
        flags: of the processor, see `cpu_flags`; None where the system does not tell.
    """
    if tensorflow is None and visible_gpus():
        return None
    if tensorflow is not None and tensorflow.gpus:
        known = [capability for capability in tensorflow.capabilities if capability is not None]
        return min(known) >= _GPU if known else None
    return None if flags is None else any(flags.get(flag, False) for flag in _CPU)


def note_on(precision: Precision) -> str | None:
    """Return a sentence for a person whose trainings will be slow here; None for no reason."""
    if precision == "float32":
        return None
    tensorflow = ask_tensorflow() if visible_gpus() else None
    flags = cpu_flags()
    if has_bfloat16(tensorflow or TensorFlow(None), flags) is not False:
        return None
    device = "GPU" if tensorflow is not None and tensorflow.gpus else "processor"
    return (
        f"This {device} has no instructions for bfloat16: precision bfloat16 is emulated here, "
        "and likely several times slower than float32."
    )
