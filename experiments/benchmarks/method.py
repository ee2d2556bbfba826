"""What a benchmark calls a method: a strategy or a peer, with options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from ...spaces.errors import CosearchError

DEFAULT = "surrogate_evolution"
"""Our default strategy for costly evaluations."""


@dataclass(frozen=True)
class Method:
    """A named strategy or peer.

    Args:
        name: As in the catalog of strategies or of peers.
        options: Its options, name and value.
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def label(self) -> str:
        """How rows and plots call it: ``nsga2:population=50``; our default has ``ours:`` in front."""
        words = [self.name, *(f"{key}={value}" for key, value in self.options)]
        return ":".join(["ours", *words] if self.name == DEFAULT else words)

    @property
    def exact(self) -> bool:
        """Whether closed forms are made known; ``exact=false`` hides them from this method."""
        return bool(dict(self.options).get("exact", True))

    @property
    def arguments(self) -> dict[str, Any]:
        """What is handed to the strategy."""
        return {key: value for key, value in self.options if key != "exact"}

    @classmethod
    def parse(cls, text: str) -> Method:
        """Read ``name`` or ``name:option=value:option=value``.

        Raises:
            CosearchError: When an option has no value.
        """
        name, *pairs = text.strip().removeprefix("ours:").split(":")
        options = []
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals or not key:
                raise CosearchError(f"{text!r}: {pair!r} is no option", "write name:option=value")
            options.append((key, yaml.safe_load(value)))
        return cls(name, tuple(options))
