"""Reading a configuration with what it ``extends`` and with ``--set`` overrides."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...spaces.errors import ConfigError, ConfigProblem
from .problems import as_error
from .yaml_source import Document, KeyPath, Mark, dotted, parse_yaml, read_yaml


def read_document(path: Path, overrides: Sequence[str] = ()) -> Document:
    """Read a file, the files it extends, and the overrides.

    Args:
        path: The configuration file.
        overrides: ``a.b=value`` each, in order; values are YAML.

    Raises:
        ConfigError: When a file cannot be read, files extend each other in a circle, or an override is malformed.
    """
    try:
        document = _read_chain(path, str(path), ())
    except ConfigError as error:
        # The count names the file that was asked for, whichever one is wrong.
        raise (as_error(error.problems, str(path)) if error.problems else error) from error
    return override(document, overrides)


def _read_chain(path: Path, shown: str, seen: tuple[Path, ...]) -> Document:
    document = read_yaml(path, shown)
    if "extends" not in document.data:
        return document
    base = document.data["extends"]
    mark = document.mark(("extends",))
    if not isinstance(base, str):
        raise _extends_error(document, mark, f"{base!r} is not a file name; write one file name")
    base_path = path.parent / base
    chain = (*seen, path.resolve())
    if base_path.resolve() in chain:
        circle = " -> ".join(p.name for p in (*chain, base_path.resolve()))
        raise _extends_error(document, mark, f"files extend each other in a circle: {circle}; remove one 'extends'")
    if not base_path.is_file():
        raise _extends_error(document, mark, f"no such file: {base!r}; give a path relative to this file")
    return merge(_read_chain(base_path, str(Path(shown).parent / base), chain), document)


def _extends_error(document: Document, mark: Mark, message: str) -> ConfigError:
    problem = ConfigProblem(mark.file, mark.line, "extends", message)
    return as_error((*document.problems, problem), document.file)


def merge(base: Document, over: Document) -> Document:
    """``over`` on top of ``base``: mappings merge, anything else replaces, null takes a key of the base away.

    A space, target or search whose ``name`` changes replaces the whole block: options belong to a name.
    """
    marks: dict[KeyPath, Mark] = {(): over.mark(())}
    data = _merged(base, over, base.data, over.data, (), marks)
    data.pop("extends", None)
    return Document(data, marks, over.file, [*base.problems, *over.problems])


def _merged(
    base: Document, over: Document, low: dict[str, Any], high: dict[str, Any], path: KeyPath, marks: dict[KeyPath, Mark]
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key in [*low, *(k for k in high if k not in low)]:
        here = (*path, key)
        if key not in high:
            out[key] = low[key]
            _copy_marks(base, here, marks)
            continue
        value = high[key]
        if value is None and key in low:
            continue
        both = isinstance(value, dict) and isinstance(low.get(key), dict)
        if both and not _renamed(here, low[key], value):
            marks[here] = over.mark(here)
            out[key] = _merged(base, over, low[key], value, here, marks)
        else:
            out[key] = value
            _copy_marks(over, here, marks)
    return out


def _renamed(path: KeyPath, low: dict[str, Any], high: dict[str, Any]) -> bool:
    """Whether a block that a registry name governs gets another name."""
    return path[0] in ("space", "targets", "search") and "name" in high and high["name"] != low.get("name")


def _copy_marks(source: Document, path: KeyPath, marks: dict[KeyPath, Mark]) -> None:
    n = len(path)
    marks.update({p: m for p, m in source.marks.items() if p[:n] == path})


def override(document: Document, overrides: Sequence[str]) -> Document:
    """Apply ``a.b=value`` overrides, in order.

    Raises:
        ConfigError: When one has no ``=``, its value is not YAML, or its path leads through a scalar or past a list.
    """
    result = Document(copy.deepcopy(document.data), dict(document.marks), document.file, list(document.problems))
    wrong: list[ConfigProblem] = []
    for text in overrides:
        keys, equals, value = text.partition("=")
        place = f"--set {keys.strip()}"
        if not equals or not keys.replace(".", "").strip():
            wrong.append(ConfigProblem(f"--set {text}", 0, "", "is not an override; write --set path.to.key=value"))
            continue
        try:
            parsed = parse_yaml(value, place)
            _put(result, keys.strip().split("."), parsed.data, place)
        except ConfigError as error:
            message = error.problem.removeprefix(place).lstrip(":1234567890 ")
            wrong.append(ConfigProblem(place, 0, "", f"{message}; {error.remedy}"))
    if wrong:
        raise as_error(tuple(wrong), document.file)
    return result


def _put(document: Document, tokens: list[str], value: Any, place: str) -> None:
    holder: Any = document.data
    path: KeyPath = ()
    while True:
        key, tokens = _next_key(holder, tokens, path)
        path = (*path, key)
        if not tokens:
            break
        if isinstance(holder, dict) and holder.get(key) is None:
            holder[key] = {}
            document.marks[path] = Mark(place, 0)
        holder = holder[key]
    if key == "name" and isinstance(holder, dict) and _renamed(path, holder, {"name": value}):
        # The options belonged to the old name.
        holder.clear()
    holder[key] = value
    for old in [p for p in document.marks if p[: len(path)] == path]:
        del document.marks[old]
    document.marks[path] = Mark(place, 0)


def _next_key(holder: Any, tokens: list[str], path: KeyPath) -> tuple[str | int, list[str]]:
    """The next key of an override's path; knob names may hold dots, so the longest key that exists wins."""
    if isinstance(holder, list):
        index = int(tokens[0]) if tokens[0].isascii() and tokens[0].isdigit() else -1
        if not 0 <= index < len(holder):
            raise ConfigError(f"{dotted(path)} has no entry {tokens[0]!r}", f"use an index from 0 to {len(holder) - 1}")
        return index, tokens[1:]
    if not isinstance(holder, dict):
        raise ConfigError(f"{dotted(path)} is {holder!r}, which has no keys", "shorten the path")
    for end in range(len(tokens), 0, -1):
        key = ".".join(tokens[:end])
        if key in holder:
            return key, tokens[end:]
    return tokens[0], tokens[1:]
