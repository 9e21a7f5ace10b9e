from __future__ import annotations

import json
from pathlib import Path

import pytest

from evoae.genome.canonical import candidate_id
from evoae.genome.codec import CODEC_VERSION, decode, encode
from evoae.genome.text import parse, render
from tests.golden_genome import CASES, FOLDER, golden_text

FILES = sorted(FOLDER.glob("*.txt"))


def fields(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def test_every_case_has_its_file() -> None:
    assert {path.stem for path in FILES} >= set(CASES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_pinned_genome_reads_the_same_from_both_forms(path: Path) -> None:
    pinned = fields(path)
    genome = decode(json.loads(pinned["tokens"]))
    assert parse(pinned["text"]) == genome
    assert candidate_id(genome) == pinned["id"]
    if pinned["codec"] == str(CODEC_VERSION):
        assert render(genome) == pinned["text"]
        assert json.dumps(encode(genome)) == pinned["tokens"]


@pytest.mark.parametrize("name", CASES)
def test_formats_and_plan_are_those_of_the_golden_file(name: str) -> None:
    assert golden_text(CASES[name]) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
