"""The Cleveland heart disease data: 303 patients, 14 columns, six values missing.

A. Janosi, W. Steinbrunn, M. Pfisterer, R. Detrano: Heart Disease. UCI Machine Learning Repository,
1989; the file `processed.cleveland.data`, which has no header.
"""

from __future__ import annotations

from pathlib import Path

from evoae.config.data import TextTableSettings
from evoae.data.kinds.tables import Rows
from evoae.data.sources.fetchers import lone_file
from evoae.data.sources.text_table import read_text_table

NAMES = (
    *("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg"),
    *("thalach", "exang", "oldpeak", "slope", "ca", "thal", "num"),
)
_CATEGORICAL = ("sex", "cp", "fbs", "restecg", "exang", "slope", "thal")
_ARCHIVE = "https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease"
_FILE = "processed.cleveland.data"


def _parse(file: Path) -> Rows:
    frame = read_text_table(file, TextTableSettings(header=False)).frame
    named = frame.set_axis(NAMES, axis=1)
    return Rows("heart", str(file), named, "num", _CATEGORICAL, "drop")


HEART = lone_file(
    "heart",
    (_FILE,),
    "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
    f"{_ARCHIVE}/{_FILE}",
    _parse,
    home="heart",
    size="18 KB",
)
