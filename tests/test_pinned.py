"""What feeds a seed or a digest stays as it is, whatever is renamed: results depend on it."""

from evoae.config.load import make_config
from evoae.data.load import load
from evoae.evaluation import seed_for
from evoae.evolution.state import Proposal
from evoae.experiments.refit import REFIT
from evoae.genome.canonical import candidate_id
from evoae.genome.text import parse

GENOME = parse("conv(32,3x3) conv(16,3x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)")
ID = "b97db3e3826c1cf4e12a978487a2e9751b1d8fbb1e24a03f017bcfb45b0798d7"


def test_a_candidate_keeps_its_id_and_its_seeds():
    assert candidate_id(GENOME) == ID
    again = Proposal(ID, GENOME, (), "sample", 2)
    assert again.key == f"{ID} 2"
    keys = (ID, again.key, f"{ID} {REFIT} 1")
    assert [seed_for(7, key) for key in keys] == [533763055, 1426715084, 300912537]


def test_a_table_keeps_its_digest_and_what_is_fitted_on_it(tmp_path):
    lines = [f"{n},{n * n / 8},{'abc'[n % 3]},{n % 2}" for n in range(30)]
    lines[4], lines[9] = "4,,b,0", "?,10.5,a,1"
    (tmp_path / "t.csv").write_text("\n".join(["whole,part,word,label", *lines]))
    raw = {"path": str(tmp_path / "t.csv"), "missing": "impute", "label_column": "label"}
    config = make_config({"data": raw})
    data = load(config.data, config.seed)
    assert data.origin[1:] == (
        "filled 2 missing values: medians, or the most frequent category",
        "2 numeric columns standardised and 1 one-hot, fitted on the 24 training rows",
    )
    assert data.digest == "40b117c8d1559adf669f1c84467c26be419e468bc24784cb24a54f4f98cd3135"


def test_data_keep_their_digest_split_and_reduced():
    config = make_config({"data": {"name": "digits", "reduce": {"train": 96, "validation": 64}}})
    whole = load(config.data, config.seed)
    reduced = whole.reduced(config.data.reduce, config.seed)
    assert whole.origin == ("split with seed 7 into 1455 train, 162 validation, 180 test (drawn)",)
    assert whole.digest == "112ea8ba84140358fe4c6f1be672e3878fef1613cb9a11f71feaba9342490aee"
    assert reduced.digest == "8b73b32daaa792d22427f66935f8dc9c27b657fb03587e4b8f5be0c07619a619"
