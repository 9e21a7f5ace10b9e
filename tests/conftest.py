"""Fixtures and settings that several rooms share.

Hypothesis profiles: `ci` repeats the same examples, `dev` searches anew on every run.
HYPOTHESIS_PROFILE chooses one; without it `ci` where CI is set, else `dev`.
"""

import copy
import os

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)

TINY = {
    "seed": 3,
    "data": {"name": "digits", "reduce": {"train": 96, "validation": 64}},
    "model": {"max_latent": 8, "max_depth": 2, "filters": [4, 12]},
    "search": {"population": 4, "generations": 2, "hof_size": 3},
    "training": {"epochs": 2, "batch_size": 32},
    "execution": {"kind": "inline"},
}


def with_changes(raw, **sections):
    """Return a copy of a raw configuration with some keys of some sections replaced."""
    changed = copy.deepcopy(raw)
    for section, keys in sections.items():
        changed.setdefault(section, {}).update(keys)
    return changed


def history(run):
    """Everything about a run that must not depend on how it was executed."""
    return {
        "hall": [(entry.id, entry.val_loss, entry.genome) for entry in run.hall_of_fame()],
        "evaluations": {
            e.id: (e.outcome, e.fitness, e.train_loss, e.validation_loss, e.raced)
            for e in run.first_evaluations()
        },
        "generations": [
            (g.number, g.population, g.hall_of_fame, g.stats) for g in run.generations()
        ],
        "scores": _scores(run),
        "models": sorted(path.name for path in (run.path / "models").rglob("*.keras")),
    }


def _scores(run):
    from evoae.runs.store import Store

    with Store.reader(run.path) as store:
        return store.scores()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A finished search of a few small networks on digits; never write to it."""
    import evoae

    return evoae.search(TINY, run=tmp_path_factory.mktemp("tiny") / "run")
