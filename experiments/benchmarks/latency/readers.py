"""The tables that the benchmarks of latency predictors can name."""

from __future__ import annotations

from collections.abc import Callable

from ....spaces.errors import CosearchError
from ..problems.data_roots import Roots
from .cells import hw360, hwnasbench, nb201
from .networks import fbnet, once_for_all
from .tables import Tables
from .transformers import hat

LATENCIES: dict[str, Callable[[Roots], Tables]] = {
    "nb201": nb201,
    "fbnet": fbnet,
    "ofa": once_for_all,
    "hat": hat,
}
ENERGIES_TOO: dict[str, Callable[[Roots, str], Tables]] = {"hw360": hw360, "hwnasbench": hwnasbench}
READERS = (*LATENCIES, *ENERGIES_TOO)
"""What can be named."""


def read_tables(name: str, roots: Roots, metric: str = "latency") -> Tables:
    """Read the tables of one space.

    Args:
        name: One of :data:`READERS`.
        roots: The folder of data and, perhaps, one of held-out devices in files of the same names; these devices are
            targets and never sources.
        metric: ``latency`` or ``energy``.

    Raises:
        CosearchError: When a file is missing, there are no such tables, or they have no such metric.
    """
    if name not in READERS:
        raise CosearchError(f"there are no tables {name!r}", "known: " + ", ".join(READERS))
    if name in ENERGIES_TOO:
        return ENERGIES_TOO[name](roots, metric)
    if metric != "latency":
        raise CosearchError(f"{name} has no {metric}", "use " + " or ".join(ENERGIES_TOO))
    return LATENCIES[name](roots)
