from __future__ import annotations

import pytest

from tests.docs.console import agree, commands


def test_a_block_is_read_command_by_command() -> None:
    block = "$ evoae a --b\nsaid\n\n  more\n$ evoae c\n"
    assert list(commands(block)) == [("evoae a --b", "said\n\n  more\n"), ("evoae c", "")]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("best .01763  9f3ac1\n", "best 1.2  000100"),
        ("took 6 min 41 s, 31 MB\n", "took 9 s, 1.1 GB\n"),
        ("2 trainings, 1.1 TFLOP", "1 training, 30 FLOP"),
        ("rank  id\n   1  9f3ac1  …\n…\n", "rank  id\n  1  abcdef  conv(2,3x3)\n  2 x\nlast"),
        ("…\nlast\n", "last"),
        ("finished 2026-11-30T19:16:50+00:00", "finished 1999-01-01T00:00:00+00:00"),
        ("epoch        1       2", "epoch   1  2"),
        ("1  conv(2,3x3) bn | …", "1  dense(4) | latent(2) | updense(4)"),
    ],
)
def test_what_differs_from_run_to_run_is_no_difference(shown: str, printed: str) -> None:
    assert agree(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("trained 3 · reused 1", "trained 3 · duplicates 1"),
        ("a\nb\n", "a\n"),
        ("a\n", "a\nb\n"),
        ("a\n", ""),
        ("rank  id  loss", "rank  id"),
        ("…\nlast\n", "last\nbut one"),
        ("8×8×1", "64"),
    ],
)
def test_another_word_or_line_is_one(shown: str, printed: str) -> None:
    assert not agree(shown, printed)
