from __future__ import annotations

import pytest

from evoae.execution import bfloat16
from evoae.execution.bfloat16 import has_bfloat16, note_on
from evoae.execution.probe import TensorFlow

CPU = TensorFlow(None)
WITH, WITHOUT = {"avx512_bf16": True}, {"avx512_bf16": False, "amx_bf16": False}


def gpus(*capabilities: float | None) -> TensorFlow:
    return TensorFlow(None, ("GPU",) * len(capabilities), True, capabilities)


@pytest.mark.parametrize(
    ("tensorflow", "flags", "has"),
    [
        (CPU, WITH, True),
        (CPU, {"avx512_bf16": False, "amx_bf16": True}, True),
        (CPU, WITHOUT, False),
        (CPU, None, None),
        (None, WITH, True),
        (gpus(9.0), WITHOUT, True),
        (gpus(7.5), WITH, False),
        (gpus(8.0, 7.5), WITH, False),
        (gpus(None), WITH, None),
    ],
)
def test_the_gpus_count_and_else_the_processor(
    tensorflow: TensorFlow | None,
    flags: dict[str, bool] | None,
    has: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bfloat16, "visible_gpus", lambda: ())
    assert has_bfloat16(tensorflow, flags) is has


def test_gpus_that_nobody_asked_about_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bfloat16, "visible_gpus", lambda: ("0",))
    assert has_bfloat16(None, WITH) is None


def test_there_is_a_note_only_where_bfloat16_is_wanted_and_emulated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bfloat16, "visible_gpus", lambda: ())
    monkeypatch.delattr(bfloat16, "ask_tensorflow")  # it takes seconds
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: WITHOUT)
    assert note_on("float32") is None
    assert str(note_on("bfloat16")).startswith("This processor has no instructions")
    for flags in (WITH, None):
        monkeypatch.setattr(bfloat16, "cpu_flags", lambda flags=flags: flags)
        assert note_on("bfloat16") is None


def test_the_note_names_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bfloat16, "visible_gpus", lambda: ("0",))
    monkeypatch.setattr(bfloat16, "ask_tensorflow", lambda: gpus(7.5))
    assert str(note_on("bfloat16")).startswith("This GPU has no instructions")
    monkeypatch.setattr(bfloat16, "ask_tensorflow", lambda: gpus(9.0))
    assert note_on("bfloat16") is None
