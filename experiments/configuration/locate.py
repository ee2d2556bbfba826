"""Finding what a person names: configurations, also shipped ones, and studies."""

from __future__ import annotations

import difflib
from pathlib import Path

from ...spaces.errors import ConfigError, StoreError

STUDIES = Path("studies")
"""Default folder of studies, relative to the working folder."""


def shipped_configs() -> dict[str, Path]:
    """File name to path of every configuration that comes with the package."""
    return {path.name: path for path in sorted(Path(__file__).parent.parent.glob("*.yaml"))}


def find_config(name: str) -> tuple[Path, bool]:
    """The configuration of that name, and whether it is a shipped one.

    Args:
        name: A path, or the bare name of a shipped configuration.

    Raises:
        ConfigError: When there is neither.
    """
    path = Path(name)
    if path.exists():
        return path, False
    shipped = shipped_configs()
    if name in shipped:
        return shipped[name], True
    here = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, [*here, *shipped], n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    known = f"shipped: {', '.join(shipped)}; " if shipped else ""
    raise ConfigError(f"{name}: no such file", f"{guess}{known}write a new one with 'cosearch init'")


def find_study(name: str, folder: Path = STUDIES) -> Path:
    """The folder of a study.

    Args:
        name: A path, or the name of a study in ``folder``.
        folder: Where studies are.

    Raises:
        StoreError: When there is no such folder.
    """
    for path in (Path(name), folder / name):
        if path.is_dir():
            return path
    close = difflib.get_close_matches(Path(name).name, [path.name for path in find_studies(folder)], n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise StoreError(f"there is no study {name!r}", f"{guess}give its folder; 'cosearch list studies' shows those here")


def find_studies(folder: Path = STUDIES) -> list[Path]:
    """Folders below ``folder`` that hold a study, sorted."""
    return sorted(path.parent for path in folder.glob("*/trials.sqlite"))
