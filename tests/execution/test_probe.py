from __future__ import annotations

import pytest

from evoae.execution import probe
from evoae.execution.probe import ask_tensorflow


@pytest.mark.slow
def test_tensorflow_computes_here_and_names_no_hidden_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    answer = ask_tensorflow()
    assert answer.problem is None
    assert answer.gpus == ()


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("raise ImportError('libfoo.so: not found')", "cannot compute (ImportError: libfoo.so: "),
        ("import os; os.kill(os.getpid(), 4)", "ends its process by SIGILL"),
        ("import os; os._exit(3)", "cannot compute (exit code 3)"),
    ],
)
def test_a_tensorflow_that_does_not_load_says_why(
    program: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_PROGRAM", program)
    assert str(ask_tensorflow().problem).startswith(problem)


def test_a_tensorflow_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(probe, "_SECONDS", 0.2)
    assert ask_tensorflow().problem == "does not load within 0.2 s"
