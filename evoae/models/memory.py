"""How much memory training a network takes, estimated from its plan without TensorFlow.

The constants are measured (`benchmarks/memory.py`). The estimate says what to expect; what a
training may take is watched over by its worker process.
"""

from __future__ import annotations

from evoae.models.plan import Plan

BASE_BYTES = 670 * 2**20  # a process that has loaded TensorFlow and traced a first network
_ACTIVATIONS = 1.5  # layer outputs kept for the backward pass, and the gradients on their way
_COPIES = 4  # of the parameters: weights, gradients, Adam's two averages


def training_bytes(plan: Plan, *, batch_size: int, data_bytes: int) -> int:
    """Estimate the peak resident memory of a fresh process that trains one network.

    Args:
        plan: of the network.
        batch_size: images per step.
        data_bytes: of the training and validation images as they are shared.
    """
    size = plan.size
    activations = round(_ACTIVATIONS * size.activation_bytes * batch_size)
    return BASE_BYTES + activations + _COPIES * 4 * size.parameters + 2 * data_bytes
