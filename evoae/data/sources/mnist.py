"""MNIST and Fashion-MNIST: 70,000 grey pictures of 28×28 in ten classes.

Y. LeCun, C. Cortes, C. Burges: The MNIST database; H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST,
2017. Four idx files, or one .npz file of Keras with the same arrays. They are believed only if the
SHA-256 of their uncompressed content is the expected one: packages compress the same content
differently.
"""

from __future__ import annotations

from pathlib import Path

from evoae.data.dataset import Source
from evoae.data.kinds.images import as_source
from evoae.data.sources.fetchers import FileFetcher, check_original
from evoae.data.sources.files import npz_arrays
from evoae.data.sources.idx import PARTS, idx_digest, read_idx

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_KEYS = ("x_train", "y_train", "x_test", "y_test")  # in the order of PARTS


def read_mnist(name: str, files: tuple[Path, ...], digests: tuple[str, ...]) -> Source:
    """Read and verify four idx files, in the order of `PARTS`, or the .npz file.

    Args:
        name: of the set.
        files: four, or one.
        digests: SHA-256 of the four uncompressed idx files.

    Raises:
        DataError: they are damaged, or not the original.
    """
    if len(files) == len(PARTS):
        arrays = [read_idx(file) for file in files]
        places = [str(file) for file in files]
    else:
        arrays = list(npz_arrays(files[0], lambda _: {key: key for key in _KEYS}).values())
        places = [f"{files[0]} ({key})" for key in _KEYS]
    for place, array, expected in zip(places, arrays, digests, strict=True):
        noun = "the SHA-256 of its uncompressed content"
        check_original(name, place, idx_digest(array), expected, noun)
    images, labels, test, test_labels = arrays
    return as_source(name, str(files[0]), images, labels, test, test_labels)


def layouts(name: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return what makes a copy of a set like MNIST, see `FileFetcher`."""
    return tuple((f"{part}.gz", part) for part in PARTS), ((f"{name}.npz",),)


FASHION_MNIST = FileFetcher(
    "fashion_mnist",
    ("fashion_mnist", "fashion-mnist"),
    layouts("fashion_mnist"),
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    {f"{part}.gz": f"{KERAS_URL}/{part}.gz" for part in PARTS},
    "fashion-mnist",
    "31 MB",
    "Install the package dataset-fashion-mnist, or put its four idx files in a folder and set "
    "data.path.",
    read_mnist,
    "dataset-fashion-mnist",
)
MNIST = FileFetcher(
    "mnist",
    ("mnist",),
    layouts("mnist"),
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    {"mnist.npz": f"{KERAS_URL}/mnist.npz"},
    "",
    "11 MB",
    "Set EVOAE_DATA, or put its four idx files or mnist.npz in a folder and set data.path.",
    read_mnist,
)
