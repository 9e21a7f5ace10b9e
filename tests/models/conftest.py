import pytest

from evoae.training.setup import prepare


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_is_set_up():
    prepare()
