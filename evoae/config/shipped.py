"""The configurations and genomes that come with evoae, found by their names from any folder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from evoae.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]
# An installed evoae has them inside the package, a checkout beside it.
_FOLDERS = (_PACKAGE / "configs", _PACKAGE.parent / "configs")


def find_config(named: str | Path, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the configuration file that `named` means.

    Args:
        named: the path of a file; where there is none, the name of a shipped configuration, such
            as `fmnist.yaml`, `fmnist` or `configs/fmnist.yaml`.
        say: hears which file is meant if it is a shipped one.

    Raises:
        ConfigError: there is no such file, and no shipped one of that name.
    """
    names = _names("*.yaml", "configs/")
    if (shipped := _shipped(named, names, say)) is not None:
        return shipped
    path = Path(named)
    try:
        path.stat()
    except FileNotFoundError as why:
        raise ConfigError(str(path), "no such file", _advice(path.stem, names)) from why
    except OSError:
        pass  # whoever reads it says what is wrong
    return path


def find_genome(named: str | Path, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the file of genomes that `named` means, a shipped one as in `find_config`.

    It may be missing.
    """
    names = _names("baselines/*.txt", "baselines/", "configs/baselines/")
    return _shipped(named, names, say) or Path(named)


def _names(pattern: str, *folders: str) -> dict[str, Path]:
    """Return the shipped files by every name that they have."""
    root = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
    return {
        f"{folder}{name}": file
        for file in sorted(root.glob(pattern))
        for name in (file.name, file.stem)
        for folder in ("", *folders)
    }


def _shipped(named: str | Path, names: dict[str, Path], say: Callable[[str], None]) -> Path | None:
    """Return the shipped file of that name; None if there is none, or another file is there."""
    path = Path(named)
    shipped = names.get(path.as_posix())
    if shipped is None or (os.path.exists(path) and not os.path.isdir(path)):  # noqa: PTH110, PTH112
        return None
    say(f"There is no file {path} here: taking {shipped}, which comes with evoae.")
    return shipped


def _advice(stem: str, names: dict[str, Path]) -> str:
    shipped = list(dict.fromkeys(file.stem for file in names.values()))
    if near := difflib.get_close_matches(stem, shipped, n=1):
        return f"did you mean '{near[0]}', which comes with evoae? `evoae init` writes one"
    return f"`evoae init` writes one; with evoae come {', '.join(shipped)}"
