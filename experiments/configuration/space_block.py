"""The ``space`` block of a configuration: a named space, inline knobs, or a joint space of parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ...spaces.catalog import SPACES
from ...spaces.errors import CosearchError
from ...spaces.joint import JointSpace
from ...spaces.knobs import KNOB_TYPES
from ...spaces.space import Space
from ..settings import Settings
from .explain import check
from .options import attempt, checked_options, named_factory
from .problems import Problems, nearest
from .yaml_source import KeyPath

_PLACE = re.compile(r"(?:knob '(?P<knob>[^']+)'|(?P<list>forbid|constraints)\[(?P<index>\d+)\])")


class Rules(Settings):
    """What a joint space may say besides its parts.

    Attributes:
        name: Shown to people.
        forbid: Clauses; designs for which one holds are left out.
        constraints: Integer constraints.
    """

    name: str | None = None
    forbid: tuple[dict[str, Any], ...] = ()
    constraints: tuple[dict[str, Any], ...] = ()


class InlineSpace(Rules):
    """A space written out in the configuration.

    Attributes:
        knobs: Knob name to its list of values, or to ``type`` with that type's options and perhaps ``active_if``.
    """

    knobs: dict[str, list[Any] | dict[str, Any]] = Field(min_length=1)


def build_space(block: Mapping[str, Any], path: KeyPath, problems: Problems) -> Space | None:
    """The space of a block, or None after noting what is wrong.

    Args:
        block: Plain data.
        path: Where the block stands.
        problems: Takes everything that is wrong.
    """
    name = block.get("name")
    if name == "joint":
        return _joint(block, path, problems)
    if "knobs" in block and name not in {row[0] for row in SPACES.rows()}:
        return _inline(block, path, problems)
    if name is None:
        problems.add(path, "has neither 'name' nor 'knobs'; name a space (cosearch list spaces) or declare knobs")
        return None
    return _named(block, path, problems)


def _named(block: Mapping[str, Any], path: KeyPath, problems: Problems) -> Space | None:
    factory = named_factory(SPACES, block, path, problems)
    if factory is None:
        return None
    options = checked_options(factory, 0, {k: v for k, v in block.items() if k != "name"}, path, problems)
    if options is None:
        return None
    try:
        space = attempt(lambda: factory(**options))
    except CosearchError as error:
        problems.add_error(_place(error, block, path), error)
        return None
    if isinstance(space, Space):
        return space
    problems.add((*path, "name"), f"{block['name']!r} gave a {type(space).__name__}; name what returns a Space")
    return None


def _inline(block: Mapping[str, Any], path: KeyPath, problems: Problems) -> Space | None:
    declared = check(InlineSpace, block, path, problems)
    if declared is None:
        return None
    for name, knob in declared.knobs.items():
        if isinstance(knob, dict):
            _check_knob(knob, (*path, "knobs", name), problems)
    if problems.touch((*path, "knobs")):
        return None
    try:
        name = declared.name or "space"
        return Space(declared.knobs, forbid=declared.forbid, constraints=declared.constraints, name=name)
    except CosearchError as error:
        problems.add_error(_place(error, block, path), error)
        return None


def _check_knob(knob: dict[str, Any], path: KeyPath, problems: Problems) -> None:
    kind = knob.get("type")
    if not isinstance(kind, str) or kind not in KNOB_TYPES:
        problems.add((*path, "type"), f"{kind!r} is not a type of knob; {nearest(str(kind), KNOB_TYPES)}")
        return
    options = {key: value for key, value in knob.items() if key not in ("type", "active_if")}
    checked_options(KNOB_TYPES[kind], 0, options, path, problems)


def _joint(block: Mapping[str, Any], path: KeyPath, problems: Problems) -> Space | None:
    keys = [key for key in block if key not in Rules.model_fields]
    rules = check(Rules, {key: value for key, value in block.items() if key not in keys}, path, problems)
    parts: dict[str, Space] = {}
    for key in keys:
        if not isinstance(block[key], Mapping):
            hint = nearest(key, Rules.model_fields)
            problems.add((*path, key), f"unknown key, and no part either (parts are mappings); {hint}")
        elif (part := build_space(block[key], (*path, key), problems)) is not None:
            parts[key] = part
    if not keys:
        problems.add(path, "a joint space needs parts; add mappings such as 'arch' and 'hardware'")
    if rules is None or not keys or len(parts) < len(keys):
        return None
    try:
        return JointSpace(parts, forbid=rules.forbid, constraints=rules.constraints)
    except CosearchError as error:
        problems.add_error(_place(error, block, path), error)
        return None


def _place(error: CosearchError, block: Mapping[str, Any], path: KeyPath) -> KeyPath:
    """Where in the block an error of the space belongs."""
    found = _PLACE.search(error.problem)
    if found is None:
        return path
    if found["knob"]:
        place: KeyPath = (*path, "knobs", found["knob"]) if "knobs" in block else (*path, found["knob"])
        return place
    # A joint space lists the rules of its parts first.
    index = int(found["index"]) - _inherited(block, found["list"])
    return (*path, found["list"], index) if 0 <= index < len(block.get(found["list"], ())) else path


def _inherited(block: Mapping[str, Any], rules: str) -> int:
    if block.get("name") != "joint":
        return 0
    parts = [value for value in block.values() if isinstance(value, Mapping)]
    return sum(len(part.get(rules, ())) for part in parts)
