import numpy as np
import pytest

from evoae.training.setup import prepare
from tests.use.networks import dense_autoencoder, image_autoencoder, lone


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_is_set_up():
    prepare()


@pytest.fixture(scope="session")
def plain():
    return lone(image_autoencoder())


@pytest.fixture(scope="session")
def variational():
    return lone(image_autoencoder(latent=2, posterior="diagonal"))


@pytest.fixture
def squeezing():
    """Keeps the first two of three values, twice as large in the code, and loses the third."""
    into = np.array([[2, 0], [0, 2], [0, 0]], np.float32)
    back = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
    return lone(dense_autoencoder(3, 2, weights=(into, back)))
