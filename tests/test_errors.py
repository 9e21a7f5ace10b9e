"""Errors of every type, and which of the system's are a full disk."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from evoae import errors
from evoae.errors import EvoaeError, is_disk_full

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, EvoaeError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_keeps_its_type_and_its_sentence_on_its_way_from_a_worker(
    kind: type[EvoaeError],
) -> None:
    error = kind("runs/a", 7, "do that")
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert (arrived.place, arrived.value, arrived.next_step) == ("runs/a", 7, "do that")
    assert str(arrived) == str(error)


@pytest.mark.parametrize(
    ("number", "full"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False), (errno.EFBIG, False)],
)
def test_a_used_up_quota_is_a_full_disk_and_no_other_trouble_is(number: int, full: bool) -> None:
    assert is_disk_full(OSError(number, os.strerror(number))) is full


def test_numpy_says_in_words_that_the_disk_is_full() -> None:
    full = Path("/dev/full")
    with pytest.raises(OSError, match="written") as caught, full.open("wb") as file:
        np.zeros(100_000).tofile(file)
    assert caught.value.errno is None
    assert is_disk_full(caught.value)
    assert not is_disk_full(OSError("odd"))
