"""What loading Keras brings along, in processes of evoae's own and in those of other programs."""

import json
import subprocess
import sys

import pytest

# scikit-learn's own imports are checked last: they load the other three.
PROGRAM = """
import json, sys
from evoae.training import setup
{claim}
setup.prepare()
loaded = [name for name in ("matplotlib", "pandas", "scipy", "sklearn") if name in sys.modules]
import keras
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.save("model.keras")
same = keras.saving.load_model("model.keras").count_params() == 8
import matplotlib.pyplot, pandas, scipy.stats, sklearn.decomposition
wrapped = keras.wrappers.SKLearnTransformer.__mro__[1].__name__
print(json.dumps([loaded, same, wrapped]))
"""


def after(claim, folder):
    program = PROGRAM.format(claim=claim)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_process_of_evoaes_own_loads_no_libraries_that_it_does_not_use(tmp_path):
    loaded, same, _ = after("setup.claim_process()", tmp_path)
    assert (loaded, same) == ([], True)


@pytest.mark.slow
def test_other_programs_find_keras_whole(tmp_path):
    loaded, same, wrapped = after("", tmp_path)
    assert "sklearn" in loaded
    assert (same, wrapped) == (True, "TransformerMixin")
