"""Loading configurations: YAML with ``extends`` and overrides to checked models."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .build import build_parts
from .config import Config
from .explain import check
from .extends import override, read_document
from .problems import Problems
from .yaml_source import Document

DEFAULT_SEARCH = {"name": "nsga2"}

NAMING = ("space", "targets", "search")
"""Sections that may hold ``module:attribute`` names."""

_OBJECT = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")


def load(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Load a configuration file.

    Args:
        path: The YAML file.
        overrides: ``key.path=value`` each, applied in order; values are YAML.

    Returns:
        The checked configuration.

    Raises:
        ConfigError: With every problem, its file and line.
    """
    return from_document(locate_modules(read_document(Path(path), overrides), Path(path)))


def from_dict(data: Mapping[str, Any], overrides: Sequence[str] = (), name: str = "config") -> Config:
    """Load a configuration from plain data.

    Args:
        data: As a YAML file would hold it.
        overrides: As for :func:`load`.
        name: Stands for the file in messages.

    Raises:
        ConfigError: With every problem.
    """
    return from_document(override(Document(dict(data), {}, name), overrides))


def from_document(document: Document) -> Config:
    """Check a document.

    Raises:
        ConfigError: With every problem.
    """
    problems = Problems(document)
    config = parse(document, problems)
    if config is None or problems:
        # What can be built shows what else is wrong.
        build_parts(document.data, problems)
        raise problems.error()
    return config


def parse(document: Document, problems: Problems) -> Config | None:
    """The settings of a document, or None after noting what is wrong; names and options are not looked at."""
    document.data.setdefault("search", dict(DEFAULT_SEARCH))
    look_in_python_path(document)
    config = check(Config, document.data, (), problems)
    if config is not None:
        config.bind(document)
    return config


def look_in_python_path(document: Document) -> None:
    """Let ``module:attribute`` names be found in the document's ``python_path``."""
    folders = document.data.get("python_path")
    for folder in folders if isinstance(folders, list) else ():
        if isinstance(folder, str) and folder not in sys.path:
            # Behind everything else, so that no file beside a configuration hides an installed package.
            sys.path.append(folder)


def locate_modules(document: Document, path: Path, naming: Sequence[str] = NAMING) -> Document:
    """Make ``python_path`` absolute; where something is ``module:attribute``, the file's own folder is the default."""
    here = path.resolve().parent
    folders = document.data.get("python_path")
    if isinstance(folders, list):
        document.data["python_path"] = [str(here / f) if isinstance(f, str) else f for f in folders]
    elif folders is None and any(_OBJECT.match(t) for key in naming for t in _texts(document.data.get(key))):
        document.data["python_path"] = [str(here)]
    return document


def _texts(value: Any) -> Iterator[str]:
    """Every text inside plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for child in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(child)
