"""The arithmetic in which a network computes; its weights are float32 in any.

bfloat16 is Keras' `mixed_bfloat16` (Micikevicius et al., "Mixed precision training", ICLR 2018):
a layer casts what comes in and its weights, computes, and hands bfloat16 on. These stay in
float32:

- what the objective looks at, and so all that it computes: the code and its heads, the head and
  what follows it;
- batch normalisation's statistics, in Keras' own layer;
- dropout's draws: in bfloat16, which has 128 numbers between 1/2 and 1, the share that is dropped
  would be off by up to .008, and the units dropped would be others than in float32.

A model is built in float32 and computes in bfloat16 only while it is trained. So what is validated
and what is saved is an ordinary float32 model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from evoae.config.values import Precision
from evoae.models.layers import is_beside

_EXACT = ("code", "code_log_var", "code_lower", "head", "image")  # as the plan names them


@contextmanager
def computing_in(precision: Precision, model: keras.Model) -> Iterator[None]:
    """Let `model` compute in `precision`, and then as before.

    What is traced meanwhile keeps the precision for good.

    Args:
        precision: of the computation.
        model: as `build` makes it, with its nested `encoder` and `decoder`.
    """
    layers = [] if precision == "float32" else list(_inner(model))
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = f"mixed_{precision}"
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy


def _inner(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers that may compute in less than float32."""
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    # A feature map that is the code has no layer of its own.
    exact = {*_EXACT, encoder.layers[-1].name}
    for layer in (*encoder.layers, *decoder.layers):
        kind = isinstance(layer, (keras.layers.InputLayer, keras.layers.Dropout))
        if layer.name not in exact and not is_beside(layer.name) and not kind:
            yield layer
