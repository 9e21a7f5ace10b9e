"""What each kind of model is for, done with a refitted one; `families` prints what is found.

Nothing here opens a test set: items are those of the validation split, and of a table all but the
test rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import Config
from evoae.data.kinds.tables import Table
from evoae.data.sources.text_table import read_text_table
from evoae.use.encode import encode, write_codes
from evoae.use.grid import interpolate
from evoae.use.items import Items, choose, choose_training
from evoae.use.model import Floats, Model
from evoae.use.output import write_csv, write_decoded
from evoae.use.reconstruct import write_rebuilt
from evoae.use.sample import How, sample
from evoae.use.score import Scores, errors, roc_auc, score

if TYPE_CHECKING:
    import pandas as pd

    from evoae.data.kinds.columns import Column

CandidateResult = dict[str, Any]  # `used`: lines for people; the rest goes into the JSON

SHOWN = 64  # items in a picture
SAMPLED = 1000  # rows
ON = 0.1  # activation from which a sparse unit counts as active
ACTIVE = 0.01  # variance of a code number's mean over items from which it carries anything
NUDGE = 0.1  # deviation of the noise that a contractive code should hardly feel
CONFIDENCE = 1.358  # of the Kolmogorov-Smirnov statistic at 5 per cent, before its sample sizes


def denoise(model: Model, out: Path) -> CandidateResult:
    """Corrupt validation pictures as the objective does, and rebuild them."""
    items = choose(model)
    clean = items.all()
    noisy = corrupted(model, clean)
    picture = out / "denoised.png"
    write_rebuilt(picture, model, Items("noisy", (noisy,)).first(SHOWN))
    rebuilt = np.concatenate([model.rebuild(b) for b in Items("noisy", (noisy,)).batches(256)])
    before, after = mean_square(noisy, clean), mean_square(rebuilt, clean)
    linear = mean_square(pca_rebuilt(model, noisy), clean)
    return {
        "noise_mse": before,
        "denoised_mse": after,
        "pca_denoised_mse": linear,
        "used": [
            f"validation pictures: noise of mse {before:.4f} becomes {after:.5f}, "
            f"by PCA of {model.latent} {linear:.5f}",
            f"{picture.name}: noisy pictures above what the model makes of them",
        ],
    }


def generate(model: Model, out: Path) -> CandidateResult:
    """Sample pictures, and go from one to another."""
    drawn = sample(model, SHOWN)
    write_decoded(out / "samples.png", drawn, model.kind)
    items = choose(model)
    grid = interpolate(model, items.at(range(4)))
    write_decoded(out / "interpolated.png", grid, model.kind)
    variances = encode(model, items).var(axis=0)
    return {
        **alive(variances),
        "used": [
            f"samples.png: {SHOWN} from {drawn.source}; interpolated.png: {grid.source}",
            alive_line(variances),
        ],
    }


def sparse_codes(model: Model, out: Path) -> CandidateResult:
    """Write codes; count their active units."""
    items = choose(model)
    codes = encode(model, items)
    write_codes(out / "codes.npz", codes, items)
    on = codes > ON
    found = {
        "mean_activation": float(codes.mean()),
        "active_share": float(on.mean()),
        "dead_units": float((~on.any(axis=0)).mean()),
        "constant_units": float((codes.std(axis=0) < ACTIVE).mean()),
    }
    said = (
        f"codes.npz: {codes.shape[1]:,} units, mean activation "
        f"{found['mean_activation']:.4f}; {found['active_share']:.1%} above {ON} for an item, "
        f"{found['dead_units']:.1%} never, {found['constant_units']:.1%} always the same"
    )
    return {**found, "used": [said]}


def contractive_codes(model: Model, out: Path) -> CandidateResult:
    """Write codes and scores; see how far a nudge moves a code, and if clothes are strange."""
    items = choose(model)
    codes = encode(model, items)
    write_codes(out / "codes.npz", codes, items)
    clean = items.all()
    noise = np.random.default_rng(0).normal(0, NUDGE, clean.shape).astype(np.float32)
    moved = encode(model, Items("nudged", (clean + noise,))) - codes
    felt = float((moved**2).sum(axis=1).mean() / codes.var(axis=0).sum())
    linear = pca_felt(model)
    scores = score(model, items)
    write_csv(out / "scores.csv", *scores.lines())
    clothes = choose(model, data="fashion_mnist", limit=len(items))
    auc = told_apart(scores, score(model, clothes))
    return {
        "nudge_felt": felt,
        "pca_nudge_felt": linear,
        "auc_clothes": auc,
        "used": [
            f"codes.npz: noise of deviation {NUDGE} moves a code by {felt:.2%} of its variance, "
            f"that of PCA by {linear:.2%}",
            f"scores.csv: ROC-AUC {auc:.4f} of Fashion-MNIST pictures among digits",
        ],
    }


def anomalies(model: Model, out: Path) -> CandidateResult:
    """Write scores; see whether pictures on their heads are strange."""
    items = choose(model)
    scores = score(model, items)
    write_csv(out / "scores.csv", *scores.lines())
    write_rebuilt(out / "rebuilt.png", model, items.first(SHOWN))
    turned = score(model, Items("turned", (np.ascontiguousarray(items.all()[:, ::-1]),)))
    auc = told_apart(scores, turned)
    low, middle, high = np.percentile(scores.values, [0, 50, 100])
    return {
        "score_range": [float(low), float(middle), float(high)],
        "auc_turned": auc,
        "used": [
            f"scores.csv: {len(items)} pictures, best {low:.5f}, middle {middle:.5f}, "
            f"worst {high:.5f}; ROC-AUC {auc:.4f} of the same pictures upside down"
        ],
    }


def rows(model: Model, out: Path) -> CandidateResult:
    """Sample rows in two ways, and compare their columns with those of the data."""
    assert isinstance(model.kind, Table)
    items = choose(model, split="all")
    truth = model.kind.decode(items.all())
    tables, ways = {}, ("mean", "sample")
    for how in ways:
        path = out / f"sampled_{how}.csv"
        tables[how] = compared(model, how, path, truth)
    variances = encode(model, items).var(axis=0)
    limit = CONFIDENCE * np.sqrt((len(truth) + SAMPLED) / (len(truth) * SAMPLED))
    return {
        "ks": {how: [asdict(row) for row in table] for how, table in tables.items()},
        "rows": len(truth),
        "ks_limit": float(limit),
        **(alive(variances) if model.variational else {}),
        "used": [
            *([alive_line(variances)] if model.variational else []),
            *(f"sampled_{how}.csv: {said(tables[how])}" for how in ways),
            f"the data are {len(truth)} rows, all but the test's; samples of the same "
            f"distribution have KS above {limit:.3f} in one case of twenty",
        ],
    }


@dataclass(frozen=True, slots=True)
class KsRow:
    """One column of the data and of sampled rows, in the original units.

    Attributes:
        column: its name.
        mean, deviation: of the data; of a categorical column, of its numbers.
        sampled_mean, sampled_deviation: of the sampled rows.
        ks: two-sample Kolmogorov-Smirnov statistic, 0..1, of numbers.
        variation: total variation distance of category shares, 0..1; None of a numeric column.
        outside: share of sampled rows that lie outside the range of the data.
    """

    column: str
    mean: float
    deviation: float
    sampled_mean: float
    sampled_deviation: float
    ks: float
    variation: float | None
    outside: float


def compared(model: Model, how: How, path: Path, truth: pd.DataFrame) -> list[KsRow]:
    """Sample rows to a CSV file, read it again, and compare its columns with the data's."""
    table = model.kind
    assert isinstance(table, Table)
    drawn = sample(model, SAMPLED, how=how)
    write_decoded(path, drawn, table)
    frame = read_text_table(path).frame
    assert len(frame) == SAMPLED
    check_categories(table, frame, str(path))
    return [ks_row(column, truth[column.name], frame[column.name]) for column in table.columns]


def check_categories(table: Table, frame: pd.DataFrame, place: str) -> None:
    """Require every categorical cell to be exactly one category of the data.

    Raises:
        AssertionError: one is none, or several.
    """
    encoded = table.encode(frame, place)
    for column, part in table.parts():
        if column.categories and not (encoded[:, part].sum(axis=1) == 1).all():
            raise AssertionError(f"{place}: column {column.name} holds cells of no category")


def ks_row(column: Column, truth: pd.Series[Any], drawn: pd.Series[Any]) -> KsRow:
    """Compare one column, (n,) of the data and (m,) sampled, both numbers or their text."""
    from scipy.stats import ks_2samp

    real, made = (cells.to_numpy().astype(np.float64) for cells in (truth, drawn))
    variation = None
    if column.categories:
        shares = [
            np.array([(cells == float(one)).mean() for one in column.categories])
            for cells in (real, made)
        ]
        variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return KsRow(
        column.name,
        *(float(moment) for moment in (real.mean(), real.std(), made.mean(), made.std())),
        ks=float(ks_2samp(real, made).statistic),
        variation=variation,
        outside=float(((made < real.min()) | (made > real.max())).mean()),
    )


def said(table: list[KsRow]) -> str:
    """Sum a comparison up."""
    statistics = [row.ks for row in table]
    return f"mean KS {np.mean(statistics):.3f}, largest {max(statistics):.3f}"


def corrupted(model: Model, images: Floats) -> Floats:
    """Return pictures (n, *shape) with the noise of the run's objective, always the same."""
    from evoae.models.objectives.corruption import Corruption

    config = config_of(model)
    corruption = Corruption(config.objective, config.seed % 2**31, bounded=True)
    return np.asarray(corruption.in_validation(images, np.arange(len(images), dtype=np.int32)))


def config_of(model: Model) -> Config:
    """Return the configuration of the run that a model comes from."""
    assert model.run is not None
    return model.run.config


def fitted_pca(model: Model) -> Any:
    """Return PCA of the code's size, fitted on (at most 10,000) training items."""
    from sklearn.decomposition import PCA

    training = choose_training(model).all()
    pca = PCA(model.latent, svd_solver="full", random_state=0)
    return pca.fit(training.reshape(len(training), -1))


def pca_rebuilt(model: Model, images: Floats) -> Floats:
    """Return what PCA of the code's size makes of items, (n, *shape)."""
    pca, flat = fitted_pca(model), images.reshape(len(images), -1)
    return np.asarray(pca.inverse_transform(pca.transform(flat)).reshape(images.shape))


def pca_felt(model: Model) -> float:
    """Return the share of its variance by which the nudge moves a code of PCA."""
    pca = fitted_pca(model)
    return float(model.latent * NUDGE**2 / pca.explained_variance_.sum())


def mean_square(one: Floats, other: Floats) -> float:
    """Return the mean squared difference."""
    return float(errors(one, other, "mse").mean())


def told_apart(normal: Scores, strange: Scores) -> float:
    """Return the area under the ROC curve of items that should score higher than others."""
    values = np.concatenate([normal.values, strange.values])
    labels = np.repeat(["normal", "strange"], [len(normal.values), len(strange.values)])
    return roc_auc(Scores(values, labels, normal.loss), anomaly=["strange"])


def alive(variances: NDArray[np.floating]) -> CandidateResult:
    """Count a variational code's numbers that carry anything (Burda et al. 2016)."""
    return {"active_units": int((variances > ACTIVE).sum()), "latent": len(variances)}


def alive_line(variances: NDArray[np.floating]) -> str:
    """Say it."""
    return f"{(variances > ACTIVE).sum()} of {len(variances)} numbers of the code are in use"


USES: Mapping[str, Callable[[Model, Path], CandidateResult]] = {
    "fmnist_denoise": denoise,
    "fmnist_vae": generate,
    "mnist_sparse": sparse_codes,
    "mnist_contractive": contractive_codes,
    "heart": rows,
    "heart_vae": rows,
    "cifar10": anomalies,
    "folder": anomalies,
}
