from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from evoae.config.load import dump_config, load_config, make_config
from evoae.config.read import MAX_BYTES, MAX_DEPTH
from evoae.config.schema import Config
from evoae.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
DIGITS = "data: {name: digits}\n"


def load(folder: Path, text: str | bytes, *overrides: str) -> Config:
    path = folder / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, overrides)


def sentence(folder: Path, text: str | bytes, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, *overrides)
    return str(caught.value)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_that_is_shipped_loads(path: Path) -> None:
    search = load_config(path).search
    assert search.generations or search.budget.flops


def test_the_configs_that_the_documents_name_are_shipped() -> None:
    assert {path.stem for path in CONFIGS} >= {"quickstart", "fmnist", "book", "mnist", "digits"}


def test_the_book_config_holds_the_original_settings() -> None:
    config = load_config(next(path for path in CONFIGS if path.stem == "book"))
    search = config.search
    assert (search.population, search.generations, search.tournament) == (100, 3, 5)
    assert (search.cxpb, search.mutpb, search.elitism) == (0.6, 0.3, 0)
    assert (config.model.latent, config.model.max_latent) == ("spatial", None)
    assert (config.training.epochs, config.training.batch_size) == (3, 2048)


def test_a_short_file_gets_every_default(tmp_path: Path) -> None:
    assert load(tmp_path, DIGITS) == make_config({"data": {"name": "digits"}})


def test_a_section_whose_lines_are_commented_out_means_the_defaults(tmp_path: Path) -> None:
    text = DIGITS + "search:\n  # population: 3\nmodel:\n  sampling:\n"
    assert load(tmp_path, text) == load(tmp_path, DIGITS)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-3", 1e-3), ("1E-3", 1e-3), (".5", 0.5), ("2", 2.0), ("1_0.5", 10.5)],
)
def test_a_number_may_be_written_as_people_write_it(
    tmp_path: Path, written: str, value: float
) -> None:
    config = load(tmp_path, DIGITS + f"training: {{learning_rate: {written}}}")
    assert config.training.learning_rate == value


def test_a_size_may_carry_a_unit(tmp_path: Path) -> None:
    config = load(tmp_path, DIGITS + "execution: {memory_limit: 1.5GiB}")
    assert config.execution.memory_limit == 3 * 2**29


def test_what_is_dumped_loads_back_to_the_same_config(tmp_path: Path) -> None:
    for path in CONFIGS:
        config = load_config(path, ["training.learning_rate=1e-5", "model.filters=[8, 16]"])
        assert load(tmp_path, dump_config(config)) == config


@pytest.mark.parametrize("said", ["", ", corruption: none"])
def test_denoising_has_gaussian_noise_unless_another_is_chosen(tmp_path: Path, said: str) -> None:
    config = load(tmp_path, DIGITS + f"objective: {{kind: denoising{said}}}")
    assert config.objective.corruption == "gaussian"
    assert load(tmp_path, dump_config(config)) == config
    config = load(tmp_path, DIGITS + "objective: {kind: denoising, corruption: masking}")
    assert config.objective.corruption == "masking"


def test_a_config_made_in_python_is_returned_as_it_is() -> None:
    config = make_config({"data": {"name": "digits"}})
    assert make_config(config) is config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("search: {generatons: 5}", "search.generatons: unknown; did you mean 'generations'?"),
        ("serch: {}", "serch: unknown; did you mean 'search'?"),
        ("epochs: 5", "epochs: unknown; did you mean 'training.epochs'?"),
        (
            "objective: {zzz: 5}",
            "objective.zzz: unknown; expected one of kind, loss",
        ),
        ("objective: {beta: 4}", "objective.beta: only kind variational uses it"),
        (
            "objective: {corruption: masking}",
            "objective.corruption: only kinds denoising, sparse and variational use it",
        ),
        (
            "objective: {kind: sparse, level: 0.1}",
            "objective.level: corruption is none, so that nothing uses it",
        ),
        (
            "objective: {kind: sparse, sparsity: l1, target: 0.1}",
            "objective.target: only sparsity kl uses it",
        ),
        (
            "objective: {kind: denoising, level: 2}",
            "objective.level: 2; expected a number above 0 and at most 1",
        ),
        ("3: 5", "3: unknown; expected one of seed, data, model, objective, search, "),
        (
            "search: {population: -3}",
            "search.population: -3; expected a whole number from 2 to 100,000",
        ),
        (
            "search: {population: 1.5}",
            "search.population: 1.5; expected a whole number from 2 to 100,000",
        ),
        (
            "search: {population: true}",
            "search.population: true; expected a whole number from 2 to 100,000",
        ),
        ("search: {cxpb: 2}", "search.cxpb: 2; expected a number from 0 to 1"),
        ("search: {cxpb: .nan}", "search.cxpb: '.nan'; expected a number from 0 to 1"),
        ("search: {cxpb: 1e999}", "search.cxpb: inf; expected a number from 0 to 1"),
        ("search: 5", "search: 5; expected a section of settings"),
        ("search: {cxpb: {a: 1}}", "search.cxpb: {'a': 1}; expected a number from 0 to 1"),
        ("search: {algorithm: nsga}", "'nsga'; expected generational, mu_plus_lambda, aging"),
        (
            "search: {racing: {keep: 2}}",
            "search.racing.keep: 2; expected a number above 0 and at most 1",
        ),
        ("search: {elitism: 40}", "search.elitism: 40 leaves no room in a population of 12"),
        (
            "model: {max_depth: null}",
            "model.max_depth: null; expected a whole number from 1 to 100",
        ),
        ("model: {max_latent: 0}", "expected a whole number of at least 1 or null"),
        ("model: {min_latent: 40}", "model.min_latent: 40 exceeds max_latent, 32"),
        ("model: {max_latent: null}", "model.max_latent: a latent vector needs a largest size"),
        (
            "model: {filters: [1, a]}",
            "model.filters: [1, 'a']; expected [low, high], each a whole number from 1 to 65,536",
        ),
        ("model: {kernels: [3, 5, 7]}", "model.kernels: [3, 5, 7]; expected [low, high], each"),
        ("model: {kernels: [5, 3]}", "model.kernels: [5, 3]; expected [low, high] with low <="),
        ("model: {kernels: 3}", "model.kernels: 3; expected [low, high], each a whole number"),
        ("execution: {workers: many}", "'many'; expected a whole number from 1 to 1,024 or auto"),
        ("execution: {memory_limit: 4x}", "'4x'; expected a size such as 4GiB or 512MiB"),
        ("execution: {memory_limit: 1.5}", "1.5; expected a size such as 4GiB or 512MiB, or null"),
        (f"execution: {{memory_limit: {'9' * 400}GiB}}", "expected a size such as 4GiB"),
        (f"seed: {'9' * 5000}", "expected a whole number of at least 0 and below 2^63"),
        ("seed: 010", "seed: '010'; expected a whole number"),
        ("seed: 2024-13-45", "seed: '2024-13-45'; expected a whole number"),
        ("training: {batchnorm_momentum: 1}", "1; expected a number of at least 0 and below 1"),
        ("training: {learning_rate: 0}", "training.learning_rate: 0; expected a number above 0"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_was_expected(
    tmp_path: Path, text: str, said: str
) -> None:
    whole = sentence(tmp_path, DIGITS + text)
    assert whole.startswith("my.yaml: ")
    assert said in whole
    assert "\n" not in whole


def test_a_file_without_data_says_how_to_name_them(tmp_path: Path) -> None:
    said = "my.yaml: data: give a name (such as fashion_mnist) or a path"
    assert sentence(tmp_path, "seed: 3") == said


def test_a_validation_split_says_both_ways_to_write_it(tmp_path: Path) -> None:
    assert sentence(tmp_path, "data: {name: digits, validation: 0}") == (
        "my.yaml: data.validation: 0; expected a whole number of at least 1 or a number above 0 "
        "and below 1"
    )


def test_a_misspelt_key_is_reported_before_what_follows_from_it(tmp_path: Path) -> None:
    text = DIGITS + "search: {popluation: 50, elitism: 20}"
    assert "did you mean 'population'?" in sentence(tmp_path, text)


def test_overrides_win_over_the_file_and_the_last_one_counts(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        DIGITS + "training: {epochs: 1}",
        "training.epochs=5",
        "training.epochs=6",
        "data.reduce.train=100",
        "model.max_flops=null",
        "training.learning_rate=1e-2",
        "model.filters=[4, 8]",
    )
    assert (config.training.epochs, config.data.reduce.train) == (6, 100)
    assert (config.model.filters, config.training.learning_rate) == ((4, 8), 0.01)


def test_an_override_may_name_the_data_of_a_file_that_names_none(tmp_path: Path) -> None:
    assert load(tmp_path, "seed: 3", "data.name=digits").data.name == "digits"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epoch=5", "--set training.epoch: unknown; did you mean 'epochs'?"),
        ("epochs=5", "--set epochs: unknown; did you mean 'training.epochs'?"),
        ("seed.x=5", "--set seed.x: unknown; seed is one value, not a section"),
        ("training.epochs", "--set training.epochs: no value; expected KEY=VALUE such as"),
        (
            "training.epochs=0",
            "--set training.epochs: 0; expected a whole number from 1 to 100,000",
        ),
        ("training={epoch: 5}", "--set training.epoch: unknown; did you mean 'epochs'?"),
        ("training.epochs=[", "--set training.epochs: line 1: expected the node content"),
        ("=3", "--set : unknown; expected one of seed, data"),
        ("search.elitism=12", "--set search.elitism: 12 leaves no room in a population of 12"),
    ],
)
def test_a_wrong_override_is_named_as_it_was_written(
    tmp_path: Path, override: str, said: str
) -> None:
    assert sentence(tmp_path, DIGITS, override).startswith(said)


def test_a_key_below_a_value_that_is_no_section_is_refused(tmp_path: Path) -> None:
    said = sentence(tmp_path, DIGITS + "search: 5", "search.population=4")
    assert said == "--set search.population: unknown; search is one value, not a section"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "empty; expected sections such as data:"),
        (b"# nothing\n", "empty; expected sections"),
        (b"- 1\n- 2\n", "a single list; expected sections"),
        (b"hello", "a single str; expected sections"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b"data: \x00", "not a text file"),
        (b"seed: 1\ndata: {name: digits}\nseed: 2\n", "my.yaml: line 3: key 'seed' again"),
        (b"data:\n  name: digits\n  name: mnist\n", "my.yaml: line 3: key 'name' again"),
        (b"data:\n\tname: digits\n", "my.yaml: line 2: found character '\\t'"),
        (b"a: [1, 2\n", "my.yaml: line 2: expected ',' or ']'"),
        (b"--- {a: 1}\n--- {b: 2}\n", "my.yaml: line 2: but found another document"),
        (b"a: &a [1]\nb: [*a, *a]\n", "my.yaml: line 2: alias; write the value out instead"),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n", "my.yaml: line 3: alias;"),
        (b"a: !!python/object/apply:os.system [ls]\n", "my.yaml: line 1: tag;"),
        (b"a: !!timestamp x\n", "my.yaml: line 1: tag;"),
        (b"? [a, b]\n: 1\n", "my.yaml: line 1: key; a key is one word"),
        (b"a: " + b"[" * 5000, "my.yaml: line 1: nesting; no setting is nested deeper than 16"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, text: bytes, said: str) -> None:
    whole = sentence(tmp_path, text)
    assert said in whole
    assert "\n" not in whole


def test_a_billion_laughs_are_refused_before_they_unfold(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "alias" in sentence(tmp_path, "\n".join(lines))


def test_a_file_just_below_the_depth_limit_is_read(tmp_path: Path) -> None:
    deep = "[" * (MAX_DEPTH - 3) + "]" * (MAX_DEPTH - 3)
    assert "search.cxpb: [[" in sentence(tmp_path, DIGITS + f"search: {{cxpb: {deep}}}")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    assert "too large" in sentence(tmp_path, b"#" * (MAX_BYTES + 1))


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "no.yaml", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value).startswith(f"{path}: {said}")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + DIGITS.encode()).data.name == "digits"


@pytest.mark.parametrize("raw", [None, 5, "data", [1], {"data": 5}, {5: 5}, {"data": {(1,): 2}}])
def test_anything_made_in_python_loads_or_gets_a_sentence(raw: Any) -> None:
    with pytest.raises(ConfigError, match=r"^here: "):
        make_config(raw, source="here") if not isinstance(raw, dict) else make_config(
            {"data": {"name": "digits"}, **raw}, source="here"
        )


def test_a_damaged_file_loads_or_gets_a_sentence(tmp_path: Path) -> None:
    """Byte-level fuzzing with a fixed seed: whatever happens, only ConfigError comes out."""
    rng = random.Random(0)
    whole = dump_config(make_config({"data": {"name": "digits"}})).encode()
    refused: list[str] = []
    for _ in range(300):
        text = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.choice(
                [b"", b":", b"\n", b"{", b"&a ", b"*a", b"!!int ", b"\xff", b"-", b"9" * 50, b"''"]
            )
        try:
            load(tmp_path, bytes(text))
        except ConfigError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert not [said for said in refused if "\n" in said]


def test_no_setting_survives_a_value_of_a_foreign_type() -> None:
    """Every setting refuses a mapping, with its own dotted path."""
    raw = yaml.safe_load(dump_config(make_config({"data": {"name": "digits"}})))
    for section, settings in raw.items():
        for key in settings if isinstance(settings, dict) else ():
            broken = {**raw, section: {**settings, key: {"foreign": object()}}}
            with pytest.raises(ConfigError) as caught:
                make_config(broken)
            assert f"config: {section}.{key}" in caught.value.place
