"""Which files are pictures: those whose suffix belongs to a format that Pillow opens here.

Left out are formats that are no still pictures or hold scientific data (MPEG, HDF5, GRIB, BUFR),
those of pages and drawings, which Pillow hands to another program or library (EPS, PostScript,
PDF, WMF), and FITS, whose values Pillow reads without the scale that belongs to them. HEIC and
HEIF are read if pillow-heif is installed.
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePath

_NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
_COMMON = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
_ALSO = {"MPO": "JPEG"}  # formats that another one's reader opens
_HEIF = "pip install pillow-heif"
_REMEDIES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIF),
    **dict.fromkeys((".avif", ".jp2", ".webp"), "pip install --upgrade pillow"),
    **dict.fromkeys((".eps", ".pdf", ".ps", ".svg", ".wmf"), "save them as .png"),
    **dict.fromkeys((".zip", ".tar", ".gz"), "unpack them"),
}


@cache
def formats(suffix: str) -> tuple[str, ...]:
    """Return the formats that a file of a suffix may be in, as Pillow calls them, in their order.

    A suffix may be wrong, so that they are all whose first bytes bear a mark. A format without one
    may take anything for its own, and is tried only with its own suffix, as the last.
    """
    from PIL import Image

    own = Image.registered_extensions().get(suffix)
    marked = {name for name in _read() if Image.OPEN[name][1] is not None}
    last = () if own is None or own in marked or own not in _read() else (own,)
    return (*sorted(marked, key=lambda name: (_place(name), name)), *last)


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of pictures, in lower case, each with its dot."""
    from PIL import Image

    read = _read()
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if _ALSO.get(name, name) in read)


@cache
def _read() -> frozenset[str]:
    """Return the formats that are read."""
    from PIL import Image

    Image.init()
    _add_heif()
    with_suffix = set(Image.registered_extensions().values())
    return frozenset((Image.OPEN.keys() & with_suffix) - _NO_PICTURES)


def _place(name: str) -> int:
    return _COMMON.index(name) if name in _COMMON else len(_COMMON)


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture."""
    return suffix_of(name) in suffixes()


def suffix_of(name: str) -> str:
    """Return a name's suffix in lower case, such as `.png`; "" if it has none."""
    return PurePath(name).suffix.lower()


def remedy(suffix: str) -> str | None:
    """Return how files of a suffix that is not read can be had nevertheless; None if unknown."""
    return _REMEDIES.get(suffix)


def _add_heif() -> None:
    """Let Pillow open HEIC and HEIF, if pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()
