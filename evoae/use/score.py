"""How badly each item is rebuilt: its anomaly score.

An autoencoder that was trained on normal items rebuilds others worse (Japkowicz, Myers and Gluck
1995, "A novelty detection approach to classification", IJCAI).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.arrays import Labels
from evoae.errors import UseError
from evoae.use.items import Items
from evoae.use.model import Floats, Loss, Model

SUFFIXES = (".csv",)
_EPSILON = np.float32(1e-7)  # as in Keras' cross-entropy
_QUOTED = 5  # labels that a sentence quotes


@dataclass(frozen=True, eq=False)
class Scores:
    """Errors of items, in their order.

    Attributes:
        values: (n,), the mean error over an item's values; the larger, the stranger.
        labels: (n,), or None.
        loss: which error it is.
        beside: what names the items, see `Items.beside`; None for their places.
    """

    values: NDArray[np.float64]
    labels: Labels | None
    loss: Loss
    beside: Mapping[str, Sequence[Any]] | None = None

    def lines(
        self, *, highest_first: bool = False, top: int | None = None
    ) -> tuple[list[str], list[list[Any]]]:
        """Return a header and a line for each item: its name, its score, its label if any.

        Args:
            highest_first: the highest score first, instead of the items' own order.
            top: lines at most; None for all.
        """
        beside = {"index": range(len(self.values))} if self.beside is None else self.beside
        columns: dict[str, Any] = {**beside, "score": self.values.tolist()}
        if self.labels is not None:
            columns["label"] = self.labels.tolist()
        lines = [list(line) for line in zip(*columns.values(), strict=True)]
        if highest_first:
            order = np.argsort(-self.values, kind="stable")
            lines = [lines[position] for position in order[:top]]
        return [*columns], lines[:top]


def score(model: Model, items: Items, keep: Collection[str] = ()) -> Scores:
    """Return each item's reconstruction error, in the loss that the model was trained with.

    Args:
        model: that rebuilds them.
        items: to score.
        keep: see `Items.beside`.

    Raises:
        UseError: there is no such column to keep.
    """
    beside = items.beside(keep, ("score", "label"))
    parts = [
        errors(batch, model.rebuild(batch), model.loss) for batch in items.batches(model.batch)
    ]
    return Scores(np.concatenate(parts), items.labels, model.loss, beside)


def errors(originals: Floats, copies: Floats, loss: Loss) -> NDArray[np.float64]:
    """Return each item's mean error, (n,), of two arrays (n, *shape)."""
    truth = originals.astype(np.float64)
    output = np.clip(copies, _EPSILON, 1 - _EPSILON) if loss == "bce" else copies
    output = output.astype(np.float64)
    if loss == "mse":
        error = (truth - output) ** 2
    elif loss == "mae":
        error = np.abs(truth - output)
    else:
        error = -(truth * np.log(output) + (1 - truth) * np.log1p(-output))
    return np.asarray(error.reshape(len(error), -1).mean(axis=1))


def roc_auc(
    scores: Scores, *, normal: Collection[str] = (), anomaly: Collection[str] = ()
) -> float:
    """Return the area under the ROC curve: how well the scores tell anomalies from normal items.

    It is the probability that a random anomaly scores above a random normal item.

    Args:
        scores: with labels.
        normal: labels of normal items, all others being anomalies; or
        anomaly: labels of anomalies, all others being normal. A number matches in any notation.

    Raises:
        UseError: there are no labels, none or all of them are anomalies, or not exactly one of
            `normal` and `anomaly` is given.
    """
    from sklearn.metrics import roc_auc_score

    if scores.labels is None:
        raise UseError("ROC-AUC", "the data have no labels", "give them with --labels")
    if bool(normal) == bool(anomaly):
        raise UseError("ROC-AUC", "which labels are anomalies?", "say --normal or --anomaly")
    named = np.isin(
        [_plain(label) for label in scores.labels], [_plain(v) for v in normal or anomaly]
    )
    strange = ~named if normal else named
    if strange.all() or not strange.any():
        raise UseError(
            "ROC-AUC",
            f"{int(strange.sum()):,} of {len(strange):,} items are anomalies",
            f"the labels are {_quoted(scores.labels)}",
        )
    return float(roc_auc_score(strange, scores.values))


def _plain(label: Any) -> str:
    """Return one spelling of a label: 1, 1.0 and "1" are the same."""
    text = str(label).strip()
    try:
        return repr(float(text))
    except ValueError:
        return text


def _quoted(labels: Iterable[Any]) -> str:
    names = sorted({str(label) for label in labels})
    return ", ".join(names[:_QUOTED]) + (", …" if len(names) > _QUOTED else "")
