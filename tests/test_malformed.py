"""A thousand malformed inputs, each of which must be refused with exit code 2 and one sentence.

A mutation may happen to leave its input valid; then the command must succeed, and is counted. What
must never happen is anything else: a traceback, a warning, an empty or long-winded message, output
on stdout beside an error, a file left behind.
"""

import copy
import gzip
import io
import json
import random
import shutil
import struct
from collections import Counter

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from evoae.cli.main import cli
from tests.conftest import TINY

SEED = 20
LONGEST = 500  # characters of a sentence that one can read
GENOME = "conv(8,3x3) bn drop(0.25) | latent(4) | upconv(8,3x3)"
TOKENS = [-1, 8, 3, 3, -3, -4, 0.25, -5, 4, -2, 8, 3, 3]
SHAPE = ("--shape", "8x8x1")


def invoke(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def fault_of(done, echoed=0):
    """Return what is wrong with how a command ended; None if it is as it must be.

    A sentence may be long only as far as it repeats the `echoed` characters of the command.
    """
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return f"{type(done.exception).__name__}: {done.exception}"
    if done.exit_code == 0:
        return None if done.stdout else "success, and nothing on stdout"
    if done.exit_code != 2:
        return f"exit code {done.exit_code}: {done.stderr}"
    if done.stdout:
        return f"refused, but on stdout: {done.stdout[:200]}"
    lines = done.stderr.splitlines()
    if len(lines) != 1 or not lines[0].startswith("Error: "):
        return f"not one sentence: {done.stderr[:400]!r}"
    if len(lines[0]) > LONGEST + echoed:
        return f"a sentence of {len(lines[0])} characters: {lines[0][:200]}"
    return None


class Jury:
    """Invokes commands, collects faults, counts verdicts."""

    def __init__(self):
        self.exits, self.faults = Counter(), []

    def hear(self, what, *arguments):
        done = invoke(*arguments)
        self.exits[done.exit_code] += 1
        fault = fault_of(done, max(len(str(argument)) for argument in arguments))
        if fault is not None:
            self.faults.append(f"{what}: {fault}")

    def verdict(self, *, of, refused):
        """Demand no fault, `of` inputs, and that at least the share `refused` was refused."""
        assert not self.faults, f"{len(self.faults)} of {of}:\n" + "\n".join(self.faults[:20])
        assert self.exits.total() == of
        assert self.exits[2] >= refused * of, self.exits


@pytest.fixture
def jury():
    return Jury()


@pytest.fixture
def rng(request):
    return random.Random(f"{SEED} {request.node.name}")


# -- bytes


def flipped(data, rng, most=8):
    """Return `data` with a few bytes replaced."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, most)):
        mutated[rng.randrange(len(mutated))] = rng.randrange(256)
    return bytes(mutated)


def truncated(data, rng):
    return data[: rng.randrange(len(data))]


def spliced(data, rng):
    """Return `data` with one stretch of it removed, doubled or moved."""
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return rng.choice([data[:a] + data[b:], data[:b] + data[a:], data[b:] + data[:b]])


# -- configurations


def paths_of(raw, above=()):
    for key, value in raw.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths_of(value, (*above, key))


def at(raw, path):
    for key in path:
        raw = raw[key]
    return raw


ODD = [
    *(None, True, False, -1, 0, 10**30, 1e308, -0.5, float("nan"), float("inf")),
    *("", "x", "null", "1e-3", "\x7f", "é" * 50, "../..", "a" * 5000),
    *([], [1], [1, 2, 3], [[]], {}, {"a": 1}, {"": None}, {"x": {"y": {"z": 1}}}),
]


def misconfigured(rng):
    """Return the text of a configuration with some setting changed for the worse."""
    raw = copy.deepcopy(TINY)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(list(paths_of(raw)))
        section, key = at(raw, path[:-1]), path[-1]
        match rng.randrange(4):
            case 0:
                section[key] = rng.choice(ODD)
            case 1:  # a key misspelt or lost in another section
                section[rng.choice([f"{key}s", f"{key}"[::-1], f"{key}".upper(), 3, ""])] = (
                    section.pop(key)
                )
            case 2:
                other = rng.choice(list(paths_of(raw)))
                section[key] = copy.deepcopy(at(raw, other))
            case 3:
                section[key] = [section[key]]
    return yaml.dump(raw, Dumper=_NoAliases)


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def bomb(rng):
    """Return YAML that is small and wants to become large, or deep, or something else."""
    depth = rng.randint(17, 4000)
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, rng.randint(3, 30))
    )
    return rng.choice(
        [
            laughs,
            "data: " + "[" * depth + "]" * depth,
            "data: " + "{a: " * depth + "1" + "}" * depth,
            "".join(" " * k + "- a:\n" for k in range(min(depth, 600))),
            "- " * depth + "x",
            "? " * depth + "x",
            "seed: !!python/object/apply:os.system ['false']\n",
            "data: !!binary aGVsbG8=\n",
            "seed: &x 1\nmodel: {<<: *x}\n",
            "seed: " + "9" * rng.randint(50, 100_000),
            "seed: 1\n" * rng.randint(2, 9),
            "x" * 300_000,
            "%YAML 9.9\n---\nseed: 1\n",
            "a: 1\n---\nb: 2\n",
            "\t- x\n",
            "seed: |\n" + " y\n" * depth,
            "'" + "y" * depth,
            "&a [*a]",
            "",
            "\0",
            "[]",
            "null",
        ]
    )


def test_mutated_configurations_are_refused_in_one_sentence(tmp_path, rng, jury):
    whole = yaml.safe_dump(TINY).encode()
    mutations = [
        lambda: flipped(whole, rng),
        lambda: truncated(whole, rng),
        lambda: spliced(whole, rng),
        lambda: misconfigured(rng).encode(),
        lambda: misconfigured(rng).encode(),
        lambda: bomb(rng).encode(),
    ]
    for number in range(400):
        data = mutations[number % len(mutations)]()
        file = tmp_path / "config.yaml"
        file.write_bytes(data)
        jury.hear((number, data[:300]), "space", "check", "--config", file, *SHAPE)
    jury.verdict(of=400, refused=0.7)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_search_that_is_refused_leaves_no_folder(tmp_path, rng, jury, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.yaml"
    for number in range(40):
        text = rng.choice([bomb(rng), misconfigured(rng) + "\nnonsense: 1\n"])
        file.write_text(text)
        where = rng.choice([("--run", "new"), ("--run", "deep/er/new"), ()])
        jury.hear((number, text[:300]), "search", "--config", file, *where)
    jury.verdict(of=40, refused=1)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


# -- genomes


def test_broken_genomes_are_refused_in_one_sentence(tmp_path, rng, jury):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(TINY))
    letters = "convlatentupdrop()|,.x0123456789- \t\n\x00é×[]{}eE+"
    tokens = [-9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 8, 12, 0.25, 1e308, -0.5, 10**40]
    odd = [float("nan"), float("inf"), None, True, "x", [], {}, [-1], -1.5]

    def random_tokens():
        return [rng.choice(tokens) for _ in range(rng.randint(0, 30))]

    def mutated_tokens():
        mutated = list(TOKENS)
        for _ in range(rng.randint(1, 3)):
            mutated[rng.randrange(len(mutated))] = rng.choice(tokens + odd)
        return mutated

    mutations = [
        lambda: flipped(GENOME.encode(), rng).decode("latin-1"),
        lambda: spliced(GENOME, rng),
        lambda: "".join(rng.choice(letters) for _ in range(rng.randint(0, 80))),
        lambda: json.dumps(random_tokens()),
        lambda: json.dumps(mutated_tokens()),
        lambda: truncated(json.dumps(TOKENS), rng),
        lambda: rng.choice(
            [
                "[" * rng.randint(1, 100_000),
                "(" * 5000,
                " ".join([GENOME] * 50),
                f"conv({'9' * 5000},3x3) | latent(4) | upconv(8,3x3)",
                "[" + "9" * 5000 + "]",
                "[" + ",".join(["-1,8,3,3"] * 3000) + "]",
                "{}",
                '"x"',
                "|" * 100,
                "",
            ]
        ),
    ]
    for number in range(200):
        genome = mutations[number % len(mutations)]()
        # After `--`, as one who types a genome that begins with a minus must.
        jury.hear(
            (number, genome[:200]), "space", "check", "--config", config, *SHAPE, "--", genome
        )
    jury.verdict(of=200, refused=0.8)


# -- data


def as_idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def as_npz(compressed, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def images_like(rng):
    return np.frombuffer(rng.randbytes(30 * 64), np.uint8).reshape(30, 8, 8)


def test_damaged_idx_npy_and_npz_files_are_refused_in_one_sentence(tmp_path, rng, jury):
    images = images_like(rng)
    labels = np.arange(30) % 10
    whole = {
        "a.idx": as_idx(images),
        "b.idx.gz": gzip.compress(as_idx(images), mtime=0),
        "c.npy": as_npy(images),
        "d.npz": as_npz(False, x=images, y=labels),
        "e.npz": as_npz(True, x_train=images, y_train=labels, x_test=images[:5]),
    }
    mutations = [truncated, spliced, flipped_in_header, flipped_in_header, truncated]
    for number in range(250):
        name = list(whole)[number % len(whole)]
        mutate = mutations[number // len(whole) % len(mutations)]
        file = tmp_path / name
        file.write_bytes(mutate(whole[name], rng))
        jury.hear((number, name, mutate.__name__), "data", "describe", file)
    jury.verdict(of=250, refused=0.75)
    assert {path.name for path in tmp_path.iterdir()} == whole.keys()


def flipped_in_header(data, rng):
    """Return `data` with bytes replaced where it matters; in pixels any byte is as good."""
    cut = min(len(data), rng.choice([16, 64, 128]))
    return flipped(data[:cut], rng, most=12) + data[cut:]


def unusable(rng):
    """Return an array that holds no images, or all the same."""
    spoilt = images_like(rng).astype(np.float32) / 255
    spoilt[rng.randrange(30), rng.randrange(8), rng.randrange(8)] = rng.choice(
        [np.nan, np.inf, -np.inf]
    )
    return rng.choice(
        [
            spoilt,
            spoilt.astype(np.float64),
            spoilt.astype(np.float16),
            spoilt[:, 0, 0],  # of rank 2 it would be a table
            spoilt[..., None, None],
            np.zeros((0, 8, 8)),
            np.zeros((30, 0, 8)),
            np.zeros((2, 8, 8), complex),
            np.array([["x"] * 8] * 30),
            np.array([{}, None], object),
            np.zeros(30, "datetime64[s]"),
            np.zeros((30, 8), [("a", "u1"), ("b", "f4")]),
            np.float32(0.5),
            np.full((30, 8, 8), 2**40),
            np.zeros((1, 8, 8), np.uint8),
        ]
    )


def test_arrays_that_are_no_images_are_refused_in_one_sentence(tmp_path, rng, jury):
    for number in range(60):
        array = unusable(rng)
        file = tmp_path / rng.choice(["a.npy", "b.npz"])
        file.write_bytes(
            as_npy(array) if file.suffix == ".npy" else as_npz(False, x=array, y=np.arange(30))
        )
        jury.hear((number, array.dtype, array.shape), "data", "describe", file)
    jury.verdict(of=60, refused=1)


# -- runs


@pytest.fixture
def copied(tiny_run, tmp_path):
    """Return a function that makes a copy of a finished run."""

    def copy(number):
        folder = tmp_path / f"run-{number}"
        shutil.copytree(tiny_run.path, folder, ignore=shutil.ignore_patterns("*.keras"))
        return folder

    return copy


def overwritten(data, rng):
    """Return a database with a stretch of random bytes somewhere, page starts preferred."""
    length = rng.choice([1, 4, 16, 100, 4096])
    page = rng.randrange(0, len(data), 4096)
    start = rng.choice([page, page + rng.randrange(100), rng.randrange(len(data))])
    return data[:start] + rng.randbytes(length) + data[start + length :]


def test_damaged_databases_are_refused_in_one_sentence(copied, tmp_path, rng, jury):
    for number in range(100):
        folder = copied(number)
        database = folder / "run.sqlite"
        whole = database.read_bytes()
        mutate = rng.choice([overwritten, overwritten, overwritten, truncated, flipped, spliced])
        database.write_bytes(mutate(whole, rng))
        if rng.random() < 0.2:
            database.with_name("run.sqlite-wal").write_bytes(rng.randbytes(5000))
        before = {path.name for path in folder.iterdir()}
        command = rng.choice([["hof"], ["status"], ["show"], ["hof", "--json"]])
        jury.hear((number, mutate.__name__, command), command[0], folder, *command[1:])
        left = {path.name for path in folder.iterdir()} - before
        assert left <= {"run.sqlite-wal", "run.sqlite-shm"}
        shutil.rmtree(folder)
    jury.verdict(of=100, refused=0.5)
    assert list(tmp_path.iterdir()) == []


def test_edited_configurations_of_a_run_are_refused_in_one_sentence(copied, rng, jury):
    folder = copied(0)
    whole = (folder / "config.yaml").read_bytes()
    for number in range(50):
        text = rng.choice(
            [flipped(whole, rng), truncated(whole, rng), misconfigured(rng).encode()]
        )
        (folder / "config.yaml").write_bytes(text)
        command = rng.choice(["hof", "status", "show"])
        jury.hear((number, command, text[:200]), command, folder)
    jury.verdict(of=50, refused=0.5)


def test_no_folder_is_taken_for_a_run_by_mistake(tmp_path, jury):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    wrong = ["", ".", "..", "/", "../x", "no-such", "a\0b", "x" * 5000, "~", "-", "*", "\n"]
    for where in [*wrong, tmp_path / "empty", tmp_path / "file"]:
        jury.hear(where, "hof", "--", where)
    jury.verdict(of=14, refused=1)
