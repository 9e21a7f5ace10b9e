"""How much memory training a network takes, estimated from its plan without TensorFlow.

The constants are measured on one processor core (`benchmarks/memory.py`); on a GPU most of this
lies in its own memory. The estimate says what to expect; a worker process watches over what its
training really takes.
"""

from __future__ import annotations

from evoae.models.plan import Plan

BASE_BYTES = 680 * 2**20  # a process that has loaded TensorFlow and traced a network
# An estimate this many times a limit is beyond doubt: measured, none was over by more than 1.1.
MARGIN = 1.25
_ACTIVATIONS = 1.42  # outputs kept for the backward pass, and the gradients on their way back
_PARAMETERS = 4 * 4  # float32: weights, gradients, Adam's two averages
PIECE = 32 * 2**20  # bytes of images that a fit loop holds at once, or one batch if that is more
_COPIES = 3  # of a piece: gathered, in TensorFlow, and once more while it is copied


def training_bytes(plan: Plan, *, batch_size: int, data_bytes: int) -> int:
    """Estimate the peak resident memory of a fresh process that trains one network.

    Args:
        plan: of the network.
        batch_size: images per step.
        data_bytes: of the training and validation images, as they are shared and mapped.
    """
    size = plan.size
    activations = round(_ACTIVATIONS * batch_size * size.activation_bytes)
    data = data_bytes + _COPIES * min(data_bytes, PIECE)
    return BASE_BYTES + activations + _PARAMETERS * size.parameters + data
