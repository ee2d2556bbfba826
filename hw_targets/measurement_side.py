"""The side file of a table of measurements: its space, where its metrics come from, what they depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from ..spaces.catalog import SPACES
from ..spaces.errors import CosearchError, MeasurementsError
from ..spaces.space import Space
from .measurement_table import Measurements
from .metric import Source

VERSION = 2
"""Version of the side file's format."""


def side_path(path: Path) -> Path:
    """``NAME.json`` beside ``NAME.csv``."""
    return path.with_suffix(".json")


def side_text(table: Measurements) -> str:
    """The content of a table's side file."""
    block = dict(table.space_block or {})
    space: dict[str, Any] = {"title": table.space.name, "digest": table.space.digest, "spec": table.space.spec()}
    if block:
        space = {"name": block.pop("name"), "options": block} | space
    found = {d: dict(f) for d, f in table.fingerprints.items()}
    side = {"version": VERSION, "space": space, "sources": table.told_sources(), "fingerprints": found}
    return json.dumps(side, indent=1) + "\n"


def read_side(path: Path) -> dict[str, Any]:
    """The content of a side file; empty when there is none.

    Raises:
        MeasurementsError: When it cannot be read, or is of another version.
    """
    if not path.exists():
        return {}
    try:
        side = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeasurementsError(
            f"{path}: cannot be read ({error})", "mend it, or remove it and give a space"
        ) from error
    if not isinstance(side, dict) or side.get("version") != VERSION or "digest" not in side.get("space", {}):
        raise MeasurementsError(f"{path}: not a side file of version {VERSION}", "remove it and give a space")
    _check_sources(path, side.get("sources", {}))
    return side


def _check_sources(path: Path, sources: Any) -> None:
    """Raise when it does not say how each device's metrics were got."""
    known = get_args(Source)
    told = [sources, *(sources.values() if isinstance(sources, dict) else ())]
    if not all(isinstance(found, dict) for found in told) or any(s not in known for d in told[1:] for s in d.values()):
        problem = f"{path}: 'sources' does not say for each device how its metrics were got"
        raise MeasurementsError(problem, f"write {{DEVICE: {{METRIC: SOURCE}}}}, each source one of {', '.join(known)}")


def space_of(path: Path, side: dict[str, Any], given: Space | None) -> tuple[Space, dict[str, Any] | None]:
    """The space of a table, and how a configuration names it where that is known.

    Args:
        path: The table, for messages.
        side: From :func:`read_side`.
        given: The space that the reader expects.

    Raises:
        MeasurementsError: When there is no telling, or it is not the given one.
    """
    told = side.get("space")
    if told is None:
        if given is None:
            raise MeasurementsError(f"{side_path(path)}: no such file, so the space is unknown", "give the space")
        return given, None
    block = {"name": told["name"], **told.get("options", {})} if "name" in told else None
    if given is not None:
        if given.digest != told["digest"]:
            problem = f"{path} is of space {told.get('title')!r}, not of {given.name!r} with these options"
            raise MeasurementsError(problem, "give the space and the options that were measured")
        return given, block
    named = _named_space(block)
    if named is not None and named.digest == told["digest"]:
        return named, block
    return Space(**told["spec"], name=told.get("title", "space")), None


def _named_space(block: dict[str, Any] | None) -> Space | None:
    """A registered space; paths to other people's code are not followed out of a data file."""
    if block is None or ":" in str(block["name"]):
        return None
    try:
        made = SPACES.get(block["name"])(**{k: v for k, v in block.items() if k != "name"})
    except (CosearchError, TypeError):
        return None
    return made if isinstance(made, Space) else None
