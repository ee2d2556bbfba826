"""YAML with duplicate keys refused and the line of every value kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ...spaces.errors import ConfigError, ConfigProblem
from .yaml_scalars import CONVERT, TAG, Dumper, Loader

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the root to a value."""

MAX_VALUES = 100_000
"""Values a file may expand to; more is an alias bomb, not a configuration."""


class Mark(NamedTuple):
    """Where a value was written.

    Attributes:
        file: File name as shown to people.
        line: Line from 1; 0 when it is not from a file.
    """

    file: str
    line: int


@dataclass
class Document:
    """Plain data with the place of every value.

    Attributes:
        data: Mappings, lists and scalars.
        marks: Place of each key path.
        file: File name as shown to people.
        problems: What was wrong but did not stop the reading.
    """

    data: dict[str, Any]
    marks: dict[KeyPath, Mark]
    file: str
    problems: list[ConfigProblem] = field(default_factory=list)

    def mark(self, path: KeyPath) -> Mark:
        """Place of a value, or of the nearest thing that contains it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.marks:
                return self.marks[path[:end]]
        return Mark(self.file, 0)


def dotted(path: KeyPath) -> str:
    """A key path as people write it: ``objectives.0.metric``."""
    return ".".join(map(str, path))


def read_yaml(path: Path, shown: str | None = None) -> Document:
    """Read a configuration file.

    Args:
        path: The file.
        shown: Its name in messages; by default the path as given.

    Raises:
        ConfigError: When the file cannot be read, is not YAML, or does not hold a mapping.
    """
    shown = shown or str(path)
    text = _read_text(path, shown)
    document = parse_yaml(text, shown)
    if document.data is None:
        raise ConfigError(f"{shown}: the file is empty", "write a configuration: cosearch init")
    if not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else "a single value"
        raise ConfigError(f"{shown}:1: the file holds {kind}", "write 'key: value' lines at the top level")
    return document


def parse_yaml(text: str, shown: str) -> Document:
    """Parse YAML text; the data may be of any kind.

    Args:
        text: One YAML document.
        shown: File name for messages.

    Raises:
        ConfigError: With the line, when the text is not YAML.
    """
    try:
        node = yaml.compose(text, Loader=Loader)
        builder = _Builder(shown)
        data: Any = None if node is None else builder.build(node, ())
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, shown) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        character = chr(error.character) if isinstance(error.character, int) else error.character
        raise ConfigError(f"{shown}:{line}: the character {character!r} is not allowed", "remove it") from error
    except RecursionError as error:
        raise ConfigError(f"{shown}: values nest too deeply", "flatten them") from error
    builder.marks[()] = Mark(shown, 1)
    return Document(data, builder.marks, shown, builder.problems)


def dump_yaml(data: Any, *, compact: bool = False) -> str:
    """Plain data as YAML text that YAML 1.1 and 1.2 readers read alike; keys keep their order.

    Args:
        data: Plain data.
        compact: Write the innermost collections in one line each.
    """
    flow = None if compact else False
    text = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=120)
    return str(text)


def _read_text(path: Path, shown: str) -> str:
    try:
        raw = path.read_bytes()
    except IsADirectoryError as error:
        inside = ", ".join(sorted(p.name for p in path.glob("*.yaml"))) or "none in it"
        raise ConfigError(f"{shown}: is a folder", f"give a configuration file ({inside})") from error
    except FileNotFoundError as error:
        raise ConfigError(f"{shown}: no such file", "check the path, or write one: cosearch init") from error
    except OSError as error:
        raise ConfigError(
            f"{shown}: cannot be read ({error.strerror})", "check the path and its permissions"
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{shown}:{line}: byte {raw[error.start]:#x} is not UTF-8", "save the file as UTF-8"
        ) from error


def _syntax_error(error: yaml.MarkedYAMLError, text: str, shown: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or "'\\t'" in str(error.problem):
        return ConfigError(f"{shown}:{line}: a tab cannot indent YAML", "use spaces")
    parts = [str(p) for p in (error.context, error.problem) if p]
    return ConfigError(f"{shown}:{line}: not YAML ({', '.join(parts)})", "check indentation, quotes and brackets")


class _Builder:
    """Turns nodes into plain data, noting lines and duplicate keys."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.marks: dict[KeyPath, Mark] = {}
        self.problems: list[ConfigProblem] = []
        self.count = 0
        self.open: list[yaml.Node] = []

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.count += 1
        line = node.start_mark.line + 1
        self.marks.setdefault(path, Mark(self.shown, line))
        if self.count > MAX_VALUES:
            raise ConfigError(f"{self.shown}:{line}: over {MAX_VALUES} values", "use fewer aliases")
        if any(node is parent for parent in self.open):
            raise ConfigError(f"{self.shown}:{line}: an alias contains itself", "remove the alias")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if node.tag not in (TAG + "seq", TAG + "map"):
            self.note(line, path, f"tag {node.tag!r} is not allowed; write a plain value")
            return None
        self.open.append(node)
        if isinstance(node, yaml.SequenceNode):
            value: Any = [self.build(child, (*path, i)) for i, child in enumerate(node.value)]
        else:
            value = self.mapping(node, path)
        self.open.pop()
        return value

    def mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == TAG + "merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != TAG + "str":
                self.note(line, path, f"key {str(key_node.value)!r} is not text; put it in quotes")
                continue
            key = str(key_node.value)
            if key in lines:
                self.note(line, (*path, key), f"repeats the key of line {lines[key]}; keep one of the two")
            lines[key] = line
            self.marks[(*path, key)] = Mark(self.shown, line)
            own[key] = self.build(value_node, (*path, key))
        return self.with_merged(own, merged, path)

    def with_merged(self, own: dict[str, Any], merged: list[yaml.Node], path: KeyPath) -> dict[str, Any]:
        inherited: dict[str, Any] = {}
        for node in merged:
            value = self.build(node, path)
            if not isinstance(value, dict):
                self.note(node.start_mark.line + 1, path, "'<<' needs a mapping; give an alias of one")
                continue
            inherited = value | inherited
        return inherited | own

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        kind, text = node.tag.removeprefix(TAG), str(node.value)
        if kind not in CONVERT:
            self.note(node.start_mark.line + 1, path, f"tag {node.tag!r} is not allowed; write a plain value")
            return None
        try:
            return CONVERT[kind](text)
        except ValueError:
            self.note(node.start_mark.line + 1, path, f"{text[:40]!r} is not a number; correct it")
            return None

    def note(self, line: int, path: KeyPath, message: str) -> None:
        self.problems.append(ConfigProblem(self.shown, line, dotted(path), message))
