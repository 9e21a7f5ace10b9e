"""The networks and the set-up of the tests of `use`."""

from tests.use.conftest import _tensorflow_is_set_up, plain, squeezing, variational

__all__ = ["_tensorflow_is_set_up", "plain", "squeezing", "variational"]
