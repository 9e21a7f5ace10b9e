"""What the code is worth to another model: telling classes apart from few labelled items.

Five ways are compared on the same labelled examples, each with several seeds:

- a linear probe on the code (Alain and Bengio 2016, "Understanding intermediate layers using
  linear classifier probes", arXiv 1610.01644): logistic regression on standardised codes;
- the same probe on principal components, as many as the code has numbers;
- the encoder, frozen, with a softmax layer on its code;
- that network, then trained as a whole at a lower rate (Kumar et al. 2022, "Fine-tuning can
  distort pretrained features and underperform out-of-distribution", arXiv 2202.10054, on why the
  layer goes first);
- the same network from scratch (the comparison of Erhan et al. 2010, "Why does unsupervised
  pre-training help deep learning?", Journal of Machine Learning Research 11).

Who sees what: the examples are drawn from the training split, and a fifth of them only says when a
network stops training. Accuracy is measured on the validation split, from which nothing here
learns or chooses. The test split stays closed; `refit` and `evaluate` alone open it. The
autoencoder never saw a label. It was trained on training items without their labels, as were the
principal components, and may owe to the validation items that the search or `refit` chose it by
its loss on them; no way learns from them otherwise.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoae.errors import UseError
from evoae.evaluation import seed_for
from evoae.experiments.classifiers import Comparison, Result
from evoae.runs.files import REFIT
from evoae.use.items import own_data
from evoae.use.model import open_model


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one way reached, a figure for each seed.

    Attributes:
        method: for people.
        mean: accuracy, over the seeds.
        deviation: standard deviation of the accuracy over the seeds; None for one.
        accuracies: share of validation items whose class is right, in 0..1.
        epochs: passes over the examples; of a probe, iterations of L-BFGS.
        seconds: from images to a trained classifier. Those of the unfrozen encoder come on top of
            the frozen one's, with which it begins.
    """

    method: str
    mean: float
    deviation: float | None
    accuracies: tuple[float, ...]
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a code is worth to classifiers.

    Attributes:
        model: name of the autoencoder, for people.
        refitted: whether it is the one that `refit` trained.
        data: name of the data.
        latent: numbers of the code.
        classes: how many there are.
        examples: labelled ones that each seed draws.
        stopping: of these, how many only say when a network stops.
        validation: items that accuracy is measured on.
        chance: accuracy of always saying the most frequent class of the training split.
        methods: in the order of the module's description.
        measured_on: the split.
    """

    model: str
    refitted: bool
    data: str
    latent: int
    classes: int
    examples: int
    stopping: int
    validation: int
    chance: float
    methods: tuple[MethodResult, ...]
    measured_on: str = "validation"


def transfer(
    run: str | Path,
    id: str = "best",
    *,
    labels: Path | None = None,
    examples: int | None = None,
    epochs: int | None = None,
    seeds: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> Transfer:
    """Compare classifiers with and without a run's encoder, see the module's description.

    Each seed draws examples, start weights and order anew, and all ways have the same examples.
    Trainings run in this process; the same call gives the same accuracies.

    Args:
        run: a run's folder, or its name under `runs/`.
        id: an unambiguous prefix of a candidate's id, or `best`.
        labels: a file of classes, see `evoae.data.load.load`; None for the data set's own.
        examples: labelled training items that each seed draws; None for the whole training split.
        epochs: most of each network; None for 30, or as many as make 1,000 steps.
        seeds: how many.
        say: is told in a line what has been done.

    Raises:
        DataError: the data are gone, or have no labels or none that are classes.
        UseError: a lone file, a refit that was trained on the validation items as well, more
            examples than there are, or too few to learn from.
        EvoaeError: no such run or candidate.
    """
    from evoae.training.setup import prepare

    prepare()
    model = open_model(run, id)
    if model.saw_validation:
        raise UseError(
            model.name,
            "its refit was trained on the validation items, on which this measures",
            "Refit it without refit.with_validation first.",
        )
    if model.run is None or model.id is None:
        raise UseError(
            model.name, "a lone file does not know its genome and its data", "Name a run."
        )
    comparison = Comparison(model, model.run, own_data(model, labels), examples, epochs)
    results: dict[str, list[Result]] = {}
    for number in range(1, seeds + 1):
        seed = seed_for(model.run.config.seed, f"{model.id} transfer {number}")
        for name, result in comparison.of(seed):
            results.setdefault(name, []).append(result)
            say(f"seed {number} of {seeds}: {name} {result.accuracy:.1%}, {result.seconds:.0f} s")
    common = np.bincount(comparison.train).argmax()
    return Transfer(
        model=model.name,
        refitted=model.path.parent.name == REFIT,
        data=comparison.dataset.name,
        latent=model.latent,
        classes=len(comparison.known),
        examples=comparison.count,
        stopping=comparison.stopping,
        validation=len(comparison.validation),
        chance=float(np.mean(comparison.validation == common)),
        methods=tuple(_method(name, found) for name, found in results.items()),
    )


def _method(name: str, results: list[Result]) -> MethodResult:
    accuracies, epochs, seconds = zip(*results, strict=True)
    deviation = statistics.stdev(accuracies) if len(results) > 1 else None
    mean = statistics.fmean(accuracies)
    return MethodResult(name, mean, deviation, accuracies, epochs, seconds)
