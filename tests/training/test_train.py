import gc
import json
import math
import resource
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from evoae.config.model import ModelConfig
from evoae.config.objectives import ObjectiveConfig, ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.errors import DataError, RunError
from evoae.evaluation import Outcome, Task, TrainingKey
from evoae.genome.canonical import candidate_id
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.memory import BASE_BYTES
from evoae.models.plan import plan
from evoae.training.failures import CandidateError, capture_failures
from evoae.training.train import train
from tests.contracts.fit_loop import SHAPE, blobs
from tests.contracts.objective import settings_of
from tests.covering import first, first_cells

PLAIN = "conv(5,3x3) | latent(3) | upconv(5,3x3)"
MODIFIED = "conv(5,3x3) bn drop(0.3) | latent(3) | upconv(5,3x3) drop(0.2) bn"


def task(folder, text=PLAIN, *, seed=11, keep=None, keep_below=None, **training):
    genome = parse(text)
    settings = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01} | training
    return Task(
        TrainingKey(candidate_id(genome)),
        genome,
        NetworkDefaults(SHAPE),
        folder,
        ReconstructionConfig(),
        TrainingConfig(**settings),
        seed,
        keep=keep,
        keep_below=keep_below,
    )


def result(evaluation):
    return [evaluation.fitness, evaluation.train_loss, evaluation.validation_loss]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data"), blobs(70), blobs(33, seed=1))


@pytest.fixture(scope="module")
def scored(data):
    """What the plain task earns."""
    return train(task(data))


@pytest.fixture(scope="module")
def worsening(tmp_path_factory):
    """Training images' negatives: it gets worse at the validation images with each epoch."""
    folder = tmp_path_factory.mktemp("worsening")
    return written(folder, 255 - blobs(70), blobs(33, seed=1))


@pytest.fixture(scope="module")
def worsened(worsening, tmp_path_factory):
    """What the task of three such epochs earns, and the model file that it leaves."""
    file = tmp_path_factory.mktemp("worsened") / "models" / "it.keras"
    earned = train(task(worsening, MODIFIED, keep=file, epochs=3))
    assert earned.validation_loss[0] < earned.validation_loss[1]
    return earned, file


def written(folder, train_images, validation_images):
    np.save(folder / "train.npy", train_images)
    np.save(folder / "validation.npy", validation_images)
    return folder


PRECISIONS = ["float32", "bfloat16"]
OTHER_PROCESS = """
import json, sys
from pathlib import Path
from tests.training.test_train import MODIFIED, PLAIN, PRECISIONS, result, task, train

def earned(text, precision):
    return result(train(task(Path(sys.argv[1]), text, precision=precision)))

found = {each: [earned(text, each) for text in (MODIFIED, PLAIN)] for each in PRECISIONS}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def of_another_process(data):
    """For each precision, what the modified and then the plain task earn in a fresh process."""
    command = [sys.executable, "-c", OTHER_PROCESS, str(data)]
    other = subprocess.run(command, check=True, capture_output=True)
    assert other.stderr == b""
    return json.loads(other.stdout)


@pytest.mark.parametrize("precision", first(PRECISIONS, lambda each: each == "float32"))
def test_a_task_earns_the_same_to_the_last_bit_in_any_order_and_process(
    precision, data, of_another_process
):
    def earned(text):
        return result(train(task(data, text, precision=precision)))

    plain, modified, again = map(earned, (PLAIN, MODIFIED, MODIFIED))
    assert again == modified
    assert plain != modified
    assert of_another_process[precision] == json.loads(json.dumps([modified, plain]))


def test_another_seed_earns_something_else(data, scored):
    assert train(task(data, seed=2)).fitness != scored.fitness


@pytest.mark.slow
def test_both_loops_earn_the_same_up_to_rounding(data):
    compiled, fit = (train(task(data, MODIFIED, loop=loop)) for loop in ("compiled", "fit"))
    np.testing.assert_allclose(fit.train_loss, compiled.train_loss, rtol=2e-5)
    np.testing.assert_allclose(fit.validation_loss, compiled.validation_loss, rtol=2e-5)


def test_a_scored_candidate_says_what_it_cost(scored):
    size = plan(parse(PLAIN), NetworkDefaults(SHAPE)).size
    assert scored.outcome is Outcome.SCORED
    assert scored.fitness == scored.validation_loss[-1]
    assert len(scored.train_loss) == len(scored.validation_loss) == 2
    assert (scored.parameters, scored.latent, scored.flops) == (size.parameters, 3, size.flops)
    assert scored.peak_memory > 50 * 2**20
    seconds = scored.seconds
    assert min(seconds.build, seconds.compile, seconds.epochs) > 0
    assert seconds.total >= seconds.build + seconds.compile + seconds.epochs


def test_a_loss_that_is_not_finite_ends_the_candidate_as_diverged(tmp_path):
    broken = blobs(33, seed=1).astype(np.float32) / 255
    broken[7] = np.nan
    in_training = train(task(written(tmp_path, broken, broken[:5]), keep=tmp_path / "no.keras"))
    assert in_training.outcome is Outcome.DIVERGED
    assert in_training.message == "the training loss is no longer finite in epoch 1"
    assert in_training.fitness is None
    assert in_training.train_loss == ()
    assert in_training.parameters > 0
    assert "CandidateError" in in_training.traceback
    in_validation = train(task(written(tmp_path, broken[8:], broken)))
    assert in_validation.message == "the validation loss is no longer finite in epoch 1"
    assert not (tmp_path / "no.keras").exists()


def test_the_epochs_before_a_divergence_are_recorded(data):
    def diverges(task):
        raise CandidateError(Outcome.DIVERGED, "gone", (0.3, 0.2), (0.4, 0.3))

    failed = capture_failures(diverges, task(data))
    assert (failed.train_loss, failed.validation_loss) == ((0.3, 0.2), (0.4, 0.3))


def no_room_for_a_tensor(task):
    import tensorflow as tf

    message = "{{function_node it}} OOM when allocating tensor\nwith shape[9]"
    raise tf.errors.ResourceExhaustedError(None, None, message)


def no_room_for_an_array(task):
    np.empty(2**60, np.float32)


@pytest.mark.parametrize("fit", [no_room_for_a_tensor, no_room_for_an_array])
def test_a_network_too_large_for_memory_fails_with_one_line_and_a_traceback(data, fit):
    failed = capture_failures(fit, task(data))
    assert failed.outcome is Outcome.OUT_OF_MEMORY
    assert failed.message in (
        "OOM when allocating tensor",
        "Unable to allocate 4.00 EiB for an array with shape (1152921504606846976,) "
        "and data type float32",
    )
    assert fit.__name__ in failed.traceback


def test_a_network_that_cannot_fit_by_far_is_refused_untrained(data):
    refused = train(replace(task(data), memory_limit=2**28))
    assert (refused.outcome, refused.train_loss) == (Outcome.OVER_LIMIT, ())
    assert refused.message == (
        "would take about 680 MiB, more than 256 MiB (execution.memory_limit)"
    )
    assert refused.parameters == plan(parse(PLAIN), NetworkDefaults(SHAPE)).size.parameters


def test_a_network_that_may_fit_is_trained(data):
    limit = round(BASE_BYTES / 1.2)
    assert train(replace(task(data), memory_limit=limit)).outcome is Outcome.SCORED


def test_a_bug_of_ours_is_an_exception(data):
    with pytest.raises(ValueError, match=r"incompatible|expected"):
        train(replace(task(data), defaults=NetworkDefaults((10, 9, 3))))


def test_data_that_is_gone_is_an_exception(tmp_path):
    with pytest.raises(DataError) as error:
        train(task(tmp_path / "gone"))
    assert error.value.place == str(tmp_path / "gone")


def reloaded_loss(file):
    import keras

    pixels = blobs(33, seed=1).astype(np.float32) / 255
    model = keras.models.load_model(file)
    return float(np.mean((model.predict(pixels, verbose=0) - pixels) ** 2))


@pytest.mark.parametrize("fitness", ["last", "best"])
def test_the_saved_model_is_the_one_that_earned_the_fitness(
    worsening, worsened, fitness, tmp_path
):
    earned, file = worsened
    if fitness == "best":
        file = tmp_path / "models" / "it.keras"
        earned = train(task(worsening, MODIFIED, keep=file, fitness=fitness, epochs=3))
    last, best = earned.validation_loss[-1], min(earned.validation_loss)
    assert best < 0.95 * last
    assert earned.fitness == {"last": last, "best": best}[fitness]
    assert reloaded_loss(file) == pytest.approx(earned.fitness, rel=1e-4)
    assert [each.name for each in file.parent.iterdir()] == ["it.keras"]


def without_addresses(told):
    return {key: value for key, value in told.items() if key != "shared_object_id"}


@pytest.mark.slow
def test_a_model_trained_in_bfloat16_is_saved_as_one_trained_in_float32_is(data, tmp_path):
    import keras

    configs = []
    ways = [("compiled", "float32"), ("compiled", "bfloat16"), ("fit", "bfloat16")]
    for loop, precision in ways:
        file = tmp_path / f"{loop}-{precision}.keras"
        earned = train(task(data, MODIFIED, keep=file, precision=precision, loop=loop))
        assert reloaded_loss(file) == pytest.approx(earned.fitness, rel=1e-5)
        with zipfile.ZipFile(file) as archive:
            read = archive.read("config.json")
        configs.append(json.loads(read, object_hook=without_addresses))
        model = keras.models.load_model(file)
        assert model.count_params() == earned.parameters
        assert {weight.dtype for weight in model.weights} == {"float32"}
    assert configs == configs[:1] * len(ways)


KINDS = list(ObjectiveConfig.kinds())
STOPPED = (("variational", "compiled"),)


@pytest.mark.parametrize(
    ("kind", "loop"),
    first_cells(product(KINDS, ("compiled", "fit")), lambda each: each in STOPPED),
)
def test_a_stopped_training_is_the_beginning_of_the_whole_one(kind, loop, data, tmp_path):
    file = tmp_path / "it.keras"
    one = task(data, MODIFIED, loop=loop, epochs=3, schedule="cosine")
    objective = settings_of(kind=kind)
    defaults = NetworkDefaults.of(ModelConfig(), objective, SHAPE, "sigmoid")
    one = replace(one, objective=objective, defaults=defaults, keep=file, flops=7, images=70)
    whole = train(one)
    assert not whole.raced
    file.unlink()
    first, second, _ = whole.validation_loss
    stopped = train(replace(one, thresholds=((1, first), (2, math.nextafter(second, -math.inf)))))
    assert (stopped.outcome, stopped.raced) == (Outcome.SCORED, True)
    assert stopped.validation_loss == whole.validation_loss[:2]
    assert stopped.train_loss == whole.train_loss[:2]
    assert stopped.fitness == second
    assert stopped.cost == whole.cost * 2 // 3
    assert not file.exists()


def test_a_training_as_good_as_the_thresholds_is_the_whole_one(worsening, worsened):
    whole, _ = worsened
    first, second, _ = whole.validation_loss
    one = replace(task(worsening, MODIFIED, epochs=3), thresholds=((1, first), (2, second)))
    assert result(train(one)) == result(whole)


@pytest.mark.slow
def test_racing_looks_at_the_best_epoch_where_that_is_the_fitness(worsening, worsened):
    whole, _ = worsened
    first = whole.validation_loss[0]
    one = replace(task(worsening, MODIFIED, epochs=3), thresholds=((2, first),))
    assert train(one).raced
    best = replace(one, training=one.training.model_copy(update={"fitness": "best"}))
    assert not train(best).raced
    assert train(replace(best, thresholds=((2, first / 2),))).fitness == first


def test_what_patience_ends_is_complete(worsening):
    one = replace(task(worsening, MODIFIED, epochs=3, patience=1), thresholds=((2, 0.0),))
    ended = train(one)
    assert (len(ended.validation_loss), ended.raced) == (2, False)


def test_a_model_is_saved_only_below_the_threshold(data, scored, tmp_path):
    file = tmp_path / "it.keras"
    train(task(data, keep=file, keep_below=scored.fitness))
    assert not file.exists()
    train(task(data, keep=file, keep_below=math.nextafter(scored.fitness, 1)))
    assert file.exists()


def test_a_model_that_cannot_be_saved_whole_ends_the_run_and_leaves_no_part(data, tmp_path):
    file = tmp_path / "it.keras"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))  # as if the disk were full
    try:
        with pytest.raises(RunError) as error:
            train(task(data, keep=file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.place == str(file)
    assert "resume" in error.value.next_step
    assert list(tmp_path.iterdir()) == []


def loss_of_each_statistic(file):
    """Return the loss with the moving statistics, and with those of the validation images."""
    import keras

    model = keras.models.load_model(file)
    pixels = blobs(33, seed=1).astype(np.float32) / 255
    return [
        float(np.mean((model(pixels, training=training).numpy() - pixels) ** 2))
        for training in (False, True)
    ]


@pytest.mark.slow
def test_batchnorm_statistics_are_true_after_a_short_training(data, tmp_path):
    text = "conv(5,3x3) bn | latent(3) | upconv(5,3x3) bn"
    ratios = []
    for momentum in (TrainingConfig().batchnorm_momentum, 0.99):
        file = tmp_path / f"{momentum}.keras"
        settings = {"epochs": 8, "batch_size": 8, "learning_rate": 0.003, "schedule": "constant"}
        train(task(data, text, keep=file, batchnorm_momentum=momentum, **settings))
        moving, batch = loss_of_each_statistic(file)
        ratios.append(moving / batch)
    true, trap = ratios
    assert 0.8 < true < 1.25
    assert trap > 2


@pytest.mark.slow
def test_a_process_holds_no_more_after_each_further_candidate(data):
    def objects_after(trainings):
        for _ in range(trainings):
            train(task(data, MODIFIED, epochs=1))
        gc.collect()
        return len(gc.get_objects())

    first = objects_after(2)
    assert objects_after(2) < first + 200


def test_the_training_module_imports_without_tensorflow():
    code = """
import sys, evoae.training.train
assert not {"tensorflow", "keras"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_process_where_tensorflow_runs_with_several_threads_is_refused():
    code = """
import tensorflow as tf
tf.constant(1.0) + 1
from evoae.errors import SearchError
from evoae.training.setup import prepare
try:
    prepare()
except SearchError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == (
        "this process: TensorFlow already runs with several threads; use execution.kind local, "
        "or search before anything else uses it\n"
    )
