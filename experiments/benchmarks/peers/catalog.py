"""The peers by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

Search = Callable[..., None]
"""``search(evaluate, seed, **options)``: evaluates until nothing is left of the budget, on the library's own loop."""


@dataclass(frozen=True)
class Peer:
    """Another library's optimiser.

    Args:
        module: Module of this package.
        function: Its search.
        needs: Import name of the library.
        options: Fixed options.
        slow: Whether a suggestion costs so much that long runs are cut.
    """

    module: str
    function: str
    needs: str
    options: dict[str, Any]
    slow: bool = False

    @property
    def installed(self) -> bool:
        """Whether the library can be imported."""
        return importlib.util.find_spec(self.needs) is not None


PEERS: dict[str, Peer] = {
    "pymoo.nsga2_pop20": Peer("pymoo_nsga2", "search_nsga2", "pymoo", {"population": 20}),
    "pymoo.nsga2_pop50": Peer("pymoo_nsga2", "search_nsga2", "pymoo", {"population": 50}),
    "optuna.nsga2": Peer("optuna_samplers", "search_nsga2", "optuna", {"population": 20}),
    "optuna.tpe": Peer("optuna_samplers", "search_tpe", "optuna", {}),
    "optuna.gp": Peer("optuna_samplers", "search_gp", "optuna", {}, slow=True),
    "botorch.qlognehvi": Peer("botorch_qlognehvi", "search_qlognehvi", "botorch", {}, slow=True),
}
"""Library and algorithm to how it is run."""


def peer(name: str) -> Search:
    """The search of a peer; its library is imported by the first call."""
    entry = PEERS[name]
    search: Search = getattr(import_module(f"{__package__}.{entry.module}"), entry.function)
    return partial(search, **entry.options)
