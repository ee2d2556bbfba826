"""Names to things: lazy registries that built-ins and other packages' entry points share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from .errors import CosearchError


class Registry:
    """Lazy name-to-object table of one family.

    A name is a built-in, an entry point of the group ``cosearch.<family>`` in any installed package, or a
    ``package.module:attribute`` path. Nothing is imported before it is asked for.

    Args:
        family: Plural, for example ``spaces``.
        builtin: Name to (``module:attribute`` path relative to the ``cosearch`` package, one line for people).
    """

    def __init__(self, family: str, builtin: Mapping[str, tuple[str, str]]) -> None:
        self.family = family
        self._builtin = dict(builtin)

    def get(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            CosearchError: When the name is unknown or its module cannot be imported.
        """
        if name in self._builtin:
            root = __name__.rsplit(".", 2)[0]
            return _load(f"{root}.{self._builtin[name][0]}", self.family)
        for point in entry_points(group=f"cosearch.{self.family}"):
            if point.name == name:
                return _load(point.value, self.family)
        if ":" in name:
            return _load(name, self.family)
        raise CosearchError(f"{name!r} is not one of the {self.family}", self.hint(name))

    def hint(self, name: str) -> str:
        """What to write instead of an unknown name."""
        known = [row[0] for row in self.rows()]
        close = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        return f"{guess}known: {', '.join(known)}; or package.module:attribute"

    def rows(self) -> list[tuple[str, str, str]]:
        """Every known (name, origin, one line), sorted by name."""
        rows = [(name, "built-in", line) for name, (_, line) in self._builtin.items()]
        for point in entry_points(group=f"cosearch.{self.family}"):
            origin = point.dist.name if point.dist else "entry point"
            rows.append((point.name, origin, point.value))
        return sorted(rows)


def _load(path: str, family: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        found = import_module(module)
    except ImportError as error:
        remedy = "install the package that provides it, or correct the path"
        raise CosearchError(f"{family}: cannot import {module!r} ({error})", remedy) from error
    try:
        return getattr(found, attribute)
    except AttributeError as error:
        raise CosearchError(f"{family}: {module!r} has no attribute {attribute!r}", "correct the path") from error
