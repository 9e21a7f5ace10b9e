"""What names a training, in code and as text."""

from __future__ import annotations

import pickle

import pytest

from evoae.evaluation import TrainingKey, seed_for


@pytest.mark.parametrize(("repeat", "text"), [(1, "ab"), (2, "ab 2"), (13, "ab 13")])
def test_a_key_survives_as_text_and_between_processes(repeat: int, text: str) -> None:
    key = TrainingKey("ab", repeat)
    assert str(key) == text
    assert TrainingKey.parse(text) == key
    assert pickle.loads(pickle.dumps(key)) == key
    assert seed_for(3, key) == seed_for(3, text)
