"""What we replace in Keras is no part of its interface: a new Keras that changes it fails here.

If one of these fails, read `fit_rewritten.py` and `fit_keras.py` against that Keras, mend
them, and raise the cap in `pyproject.toml`.
"""

import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

ADVICE = "see the docstring of tests/training/test_keras_internals.py"


def test_keras_is_capped_below_the_first_version_that_was_not_looked_at():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (needed,) = [line for line in project["dependencies"] if line.startswith("keras>")]
    cap = re.search(r"<(\d+)\.(\d+)", needed)
    assert cap, f"pyproject.toml caps no version of Keras: {ADVICE}"
    installed = tuple(map(int, version("keras").split(".")[:2]))
    assert installed < tuple(map(int, cap.groups())), f"Keras {version('keras')}: {ADVICE}"


def test_a_layer_computes_by_the_methods_that_are_replaced():
    from keras import layers

    images = np.ones((1, 2, 2, 1), np.float32)
    for layer, name, given in (
        (layers.Conv2D(1, 3, padding="same", use_bias=False), "convolution_op", 2),
        (layers.Conv2DTranspose(1, 3, strides=2, padding="same"), "call", 1),
        (layers.UpSampling2D(2), "call", 1),
    ):
        layer(images)
        seen = []
        setattr(layer, name, lambda *arguments, seen=seen: seen.append(arguments) or arguments[0])
        assert layer(images).shape == images.shape, f"{type(layer).__name__}.{name}: {ADVICE}"
        assert [len(arguments) for arguments in seen] == [given], f"{name}: {ADVICE}"


@pytest.mark.parametrize("name", ["_should_use_adamw", "zeropower_via_newtonschulz5", "lr_adjust"])
def test_muon_steps_by_the_methods_that_are_replaced(name):
    import keras

    from evoae.training.fit_keras import Muon

    theirs, ours = getattr(keras.optimizers.Muon, name, None), getattr(Muon, name)
    assert theirs is not None, f"Muon.{name} is gone: {ADVICE}"
    assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters], (
        f"Muon.{name}: {ADVICE}"
    )
    steps = inspect.getsource(keras.optimizers.Muon)
    assert f"self.{name}(" in steps, f"Muon.{name} is called no more: {ADVICE}"
