"""What a benchmark calls a method: a strategy or a peer, with options."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import yaml

from ...search.catalog import STRATEGIES
from ...search.objective import Problem
from ...search.strategy import Strategy
from ...spaces.errors import CosearchError

DEFAULT = "surrogate_evolution"
"""Our default strategy for costly evaluations."""


@dataclass(frozen=True)
class Method:
    """A named strategy or peer.

    Args:
        name: As in the catalog of strategies or of peers.
        options: Names and values of options, the values as YAML scalars or lists; a strategy's class attributes can be
            set too, and ``exact: false`` hides closed forms from it.
    """

    name: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """How rows and plots call it: ``nsga2:population=50``; our default has ``ours:`` in front."""
        words = [self.name, *(f"{key}={value}" for key, value in self.options)]
        return ":".join(["ours", *words] if self.name == DEFAULT else words)

    @property
    def exact(self) -> bool:
        """Whether closed forms are made known."""
        return bool(yaml.safe_load(dict(self.options).get("exact", "true")))

    @property
    def arguments(self) -> dict[str, Any]:
        """What is handed to the strategy."""
        return {key: yaml.safe_load(value) for key, value in self.options if key != "exact"}

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
            options.append((key, value))
        return cls(name, tuple(options))

    def strategy(self, problem: Problem, seed: int) -> Strategy:
        """The strategy of this name.

        Raises:
            CosearchError: When the name or an option is unknown.
        """
        factory = STRATEGIES.get(self.name)
        accepted = inspect.signature(factory).parameters
        options: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for key, value in self.arguments.items():
            if key not in accepted and not hasattr(factory, key):
                raise CosearchError(f"{self.name} has no option {key!r}", "known: " + ", ".join(list(accepted)[2:]))
            (options if key in accepted else attributes)[key] = value
        if attributes:
            factory = type(factory.__name__, (factory,), attributes)
        strategy: Strategy = factory(problem, seed, **options)
        return strategy
