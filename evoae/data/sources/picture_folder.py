"""A folder of pictures becomes one memory-mapped array, decoded once and kept in the cache.

Sub-folders are labels: a picture's label is the path of its folder within the whole. Which files
are pictures is in `picture_formats`, what is passed over and how links are followed in
`folder_contents`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib import format as npy

from evoae import formatting
from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, take_labels
from evoae.data.cache import cache_root, keep
from evoae.data.dataset import Suggestion, UndecidedError
from evoae.data.kinds.images import ImageSource
from evoae.data.labels import read_labels
from evoae.data.progress import Say, bar
from evoae.data.scaling import BYTE, MASK, Range, as_range, chosen, extents, in_words, within_bytes
from evoae.data.sources.damage import LARGEST
from evoae.data.sources.folder_contents import contents, entries, passed_over, summary_of
from evoae.data.sources.pictures import CorruptError, Header, Look, decode, look
from evoae.errors import DataError
from evoae.formatting import figure, plural, shape

_LAYOUT = 3  # of the cached folder, and of the way of decoding
_NAMED = 5  # skipped pictures that a line names
_SMALL = 300  # pixels: a side that an autoencoder can take as it is
_ELSEWHERE = (".npy", ".npz", ".csv", ".tsv")  # files that are read by themselves

Result = TypeVar("Result")


@dataclass(slots=True)
class _Facts:
    """What became of the pictures of a folder, and what is kept of it in the cache.

    Attributes:
        kept: the position, among all names, of each picture in the array.
        skipped: name of each picture that cannot be decoded, and why.
        framed: pictures in files of several.
        deep: pictures of more than 8 bits; `lowest` and `highest` are the values in use of all.
        cut: pictures of more than 8 bits of which 8 were read.
        scale: black and white, as the kind records it; None if values were taken as they are.
        transparent, clipped: how many were.
        grey: whether all have equal channels.
        varied: whether any has two values.
    """

    kept: list[int] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    framed: int = 0
    deep: int = 0
    lowest: float = 0
    highest: float = 0
    cut: int = 0
    scale: Range | None = None
    transparent: int = 0
    clipped: int = 0
    grey: bool = True
    varied: bool = False


def holds_pictures(path: Path, _head: bytes = b"") -> bool:
    """Whether `path` is a folder with a picture in it or below it."""
    return path.is_dir() and any(entry.found == "picture" for entry in entries(path))


def refuse_folder(path: Path) -> DataError:
    """Return what is wrong with a folder in which nothing can be read: what it holds instead."""
    held = contents(path)
    told = ", ".join(passed_over(held))
    files = (entry.name for entry in entries(path) if entry.found == "other")
    lone = next((name for name in sorted(files) if name.lower().endswith(_ELSEWHERE)), None)
    step = "give a folder of pictures, such as .png or .jpg"
    if lone is not None:
        step += f", or one file, such as {path / lone}"
    said = f"it holds {told}" if told else "it is empty"
    return DataError(str(path), f"a folder of no known format: {said}", step)


def read_folder(path: Path, config: DataConfig, say: Say) -> ImageSource:
    """Read the pictures in a folder and its sub-folders.

    Args:
        path: of the folder.
        config: how all shall look, and whether corrupt ones are skipped.
        say: whether a bar is shown.

    Returns:
        The images, memory mapped, in the order of their names, with the names of their folders as
        labels; None if all lie in one folder. It remarks on what was passed over and changed.

    Raises:
        DataError: the pictures have several sizes and none is asked for, one is corrupt, there are
            too few, or the cache cannot be written.
    """
    held = contents(path, config.labels)
    if held.closed and config.corrupt == "refuse":
        step = "make it readable, or set data.corrupt: skip"
        raise DataError(str(path / held.closed[0]), "a folder that cannot be opened", step)
    names = held.pictures
    folder = cache_root() / "pictures" / _key(path, names, config)

    def write(staging: Path) -> None:
        _decode_all(path, names, config, staging, say)

    keep(folder, lambda: _open(folder) is not None, write)
    opened = _open(folder)
    if opened is None:
        raise DataError(str(folder), "what was just written cannot be read", "try again")
    images, facts = opened
    _check_some(len(images), path)
    origin: tuple[str, ...] = ()
    if facts.skipped:
        count = f"{len(facts.skipped):,} of {len(names):,} pictures that cannot be decoded"
        origin = (f"skipped {count}",)
    links = f"{held.linked:,} of {plural(len(names), 'picture')} lie behind links"
    own = path.resolve().name
    read = [names[position] for position in facts.kept]
    lines = (
        summary_of(held, read),
        links if held.linked else None,
        *_remarks(facts, config, images.shape[-1], origin),
    )
    return ImageSource(
        own,
        images,
        take_labels(_labels(names, config), np.array(facts.kept)),
        origin=origin,
        names=np.array(read),
        scale=facts.scale,
        transparent=facts.transparent,
        remarks=tuple(_sayable(f"{own}: {line}") for line in lines if line),
    )


def _sayable(line: str) -> str:
    """Return a line that can be printed, of names that may not be UTF-8."""
    return os.fsencode(line).decode("utf-8", "replace")


def _remarks(
    facts: _Facts, config: DataConfig, channels: int, origin: Sequence[str]
) -> Iterator[str]:
    """Yield what was done to pictures, a line each."""
    for line in origin:
        named = ", ".join(f"{name} ({why})" for name, why in facts.skipped[:_NAMED])
        more = len(facts.skipped) - _NAMED
        yield f"{line}: {named}" + (f" and {more:,} more" * (more > 0))
    if facts.framed:
        yield f"{plural(facts.framed, 'file')} of several frames or pages: the first is read"
    if facts.transparent:
        ground = f"laid on {config.background} (data.background)"
        yield f"{plural(facts.transparent, 'picture')} with transparency, {ground}"
    if facts.deep:
        values = f"values {figure(facts.lowest, 6)} to {figure(facts.highest, 6)}"
        range_ = in_words(facts.scale or (0.0, 1.0))
        yield f"{plural(facts.deep, 'picture')} of more than 8 bits, {values}: {range_}"
    elif config.scale is not None and facts.scale is None:
        yield "data.scale is not used: all pictures have 8 bits, of which 255 is white"
    if facts.clipped:
        yield f"{plural(facts.clipped, 'picture')} with values outside data.scale: clipped"
    if facts.cut:
        yield f"{plural(facts.cut, 'picture')} of 16 bits a channel: the upper 8 are read"
    if facts.grey and facts.varied and channels > 1 and config.channels == "auto":
        yield "all pictures are grey, though stored in colour: data.channels=1 would do"


def _key(path: Path, names: Sequence[str], config: DataConfig) -> str:
    """Return a name for the folder's content and how it is decoded."""
    files = [(name, *_fingerprint(path / name)) for name in names]
    asked = [config.size, config.channels, config.background, as_range(config.scale)]
    decoding = [_LAYOUT, *asked, config.corrupt, files]
    return hashlib.sha256(json.dumps(decoding).encode()).hexdigest()


def _fingerprint(file: Path) -> tuple[int, int, bool]:
    """Return a file's size, the time of its last change, and whether it can be opened."""
    try:
        fact = file.stat()
    except OSError:  # a broken link, say: decoding it says why
        return 0, 0, False
    return fact.st_size, fact.st_mtime_ns, os.access(file, os.R_OK)


def _open(folder: Path) -> tuple[Images, _Facts] | None:
    """Map the images in a folder of the cache; None if it is not there or damaged."""
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        facts = _Facts(**json.loads((folder / "decoded.json").read_bytes()))
        facts.scale = as_range(facts.scale)
    except (OSError, ValueError, TypeError, EOFError):
        return None
    return (images, facts) if len(images) == len(facts.kept) else None


def _decode_all(
    path: Path, names: Sequence[str], config: DataConfig, staging: Path, say: Say
) -> None:
    """Write all pictures to images.npy, one after the other, and what became of them beside it."""
    skipped: dict[int, str] = {}

    def attempt(work: Callable[..., Result], position: int, *arguments: Any) -> Result | None:
        file = path / names[position]
        try:
            return work(file, *arguments)
        except CorruptError as why:
            if config.corrupt == "refuse":
                raise DataError(
                    str(file),
                    f"cannot be decoded ({why})",
                    "replace or remove it, or set data.corrupt: skip",
                ) from why
            skipped[position] = str(why)
            return None

    positions = bar(range(len(names)), "looking at pictures", say)
    looked = {position: attempt(look, position) for position in positions}
    headers = {position: header for position, header in looked.items() if header is not None}
    _check_some(len(headers), path)
    shape = _shape(list(headers.values()), config, str(path))
    facts = _Facts(framed=sum(header.frames > 1 for header in headers.values()))
    wanted = _scaled(Look(*shape, config.background), list(headers.values()), config, facts)
    with (staging / "images.npy").open("wb") as file:
        _write_header(file, len(headers), shape)
        start = file.tell()
        for position in bar(list(headers), "decoding pictures", say):
            picture = attempt(decode, position, wanted)
            if picture is not None:
                file.write(picture.pixels.tobytes())
                facts.kept.append(position)
                facts.transparent += picture.transparent
                facts.clipped += picture.clipped
                facts.grey = facts.grey and picture.grey
                facts.varied = facts.varied or bool(np.ptp(picture.pixels))
        file.seek(0)
        _write_header(file, len(facts.kept), shape)
        assert file.tell() == start  # NumPy leaves room for the first axis to change
    facts.skipped = [(names[position], why) for position, why in sorted(skipped.items())]
    (staging / "decoded.json").write_text(json.dumps(asdict(facts)), encoding="utf-8")


def _scaled(wanted: Look, headers: Sequence[Header], config: DataConfig, facts: _Facts) -> Look:
    """Say in `facts` what is black and white, and return the look with it.

    A scale that is given is for the pictures of more than 8 bits; for the others only where there
    are no such pictures, and where it lies within 8 bits.
    """
    facts.cut = sum(header.cut for header in headers)
    used = [header.deep for header in headers if header.deep is not None]
    given = as_range(config.scale)
    if not used:
        facts.scale = given if given not in (None, BYTE) and within_bytes(given) else None
        return replace(wanted, shallow=facts.scale or BYTE)
    whole = extents(used)
    facts.deep, facts.lowest, facts.highest = len(used), whole.low, whole.high
    facts.scale = given or chosen(whole)
    return replace(wanted, deep=facts.scale or MASK)


def _check_some(count: int, path: Path) -> None:
    if count == 0:
        raise DataError(str(path), "none of its pictures can be decoded", "replace them")


def _write_header(file: Any, count: int, shape: tuple[int, int, int]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    npy.write_array_header_1_0(file, header)


def _shape(headers: Sequence[Header], config: DataConfig, place: str) -> tuple[int, int, int]:
    """Return (height, width, channels) for all pictures."""
    sizes = Counter((header.height, header.width) for header in headers)
    if config.size is None and len(sizes) > 1:
        raise _mixed(sizes, place)
    wanted = config.size or next(iter(sizes))
    height, width = (wanted, wanted) if isinstance(wanted, int) else wanted
    grey = all(header.grey for header in headers)
    channels = config.channels if config.channels != "auto" else 1 if grey else 3
    size = len(headers) * height * width * channels
    if size > LARGEST:
        raise DataError(
            place,
            f"{len(headers):,} pictures of {shape((height, width, channels))} "
            f"take {formatting.size(size)}",
            "set data.size to a smaller one",
        )
    return height, width, channels


def _mixed(sizes: Counter[tuple[int, int]], place: str) -> DataError:
    common = sizes.most_common(3)
    listed = ", ".join(f"{shape(size)} ({count:,})" for size, count in common)
    more = f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else ""
    height, width = common[0][0] if max(common[0][0]) <= _SMALL else (64, 64)
    proposed = f"{height}" if height == width else f"[{height}, {width}]"
    side = height if height == width else [height, width]
    return UndecidedError(
        place,
        f"pictures of {len(sizes):,} sizes, height×width: {listed}{more}",
        f"set data.size={proposed}, or another one",
        Suggestion("size", side, f"pictures of {len(sizes):,} sizes"),
    )


def _labels(names: Sequence[str], config: DataConfig) -> Labels | None:
    """Return a label for each picture, corrupt ones included, (n,); None if there are none."""
    if config.labels is not None:
        return read_labels(Path(config.labels).expanduser(), len(names))
    folders = [Path(name).parent.as_posix() for name in names]
    return np.array(folders) if len(set(folders)) > 1 else None
