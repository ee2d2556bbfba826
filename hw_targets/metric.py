"""Metrics: names that carry their unit, and where the number comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ..spaces.errors import TargetError

Source = Literal["measured", "simulated", "modelled", "trained", "predicted"]
"""How a number was got: timed on a device, by a simulator, by a closed form, by training, by a learned model.

``modelled`` promises the same number for the same design each time. Of a cheap target, strategies with a model may then
compute it for any design instead of learning it, see :attr:`cosearch.search.objective.Problem.exact`.
"""


def counted_sources(sources: Iterable[str]) -> str:
    """How many were got in which way, in the order of :data:`Source`: ``2 measured, 1 modelled``."""
    count = Counter(sources)
    return ", ".join(f"{count[source]} {source}" for source in get_args(Source) if count[source])


UNITS: dict[str, str] = {
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "s": "seconds",
    "mj": "millijoules",
    "uj": "microjoules",
    "pj": "picojoules",
    "ujs": "microjoule-seconds",
    "w": "watts",
    "mw": "milliwatts",
    "mm2": "square millimetres",
    "um2": "square micrometres",
    "pct": "per cent",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "bytes": "bytes",
    "words": "words",
    "mhz": "megahertz",
    "gbps": "gigabytes per second",
    "cycles": "clock cycles",
    "macs": "multiply-accumulates",
    "m": "millions",
    "g": "billions",
    "pe": "processing-element equivalents",
    "count": "things",
    "ratio": "a multiple of one",
    "ppl": "perplexity",
    "ipc": "instructions per cycle",
}
"""Unit suffixes of metric names, with their meaning."""

TIMES = frozenset({"ms", "us", "ns", "s", "cycles"})
"""Units of durations."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that a target gives for a design.

    Args:
        name: Snake case, ending in a unit of :data:`UNITS`: ``latency_ms``; the unit alone is a name too: ``cycles``.
        source: How the number is got.
        description: One line for people.

    Raises:
        TargetError: When the name carries no known unit or the source is unknown.
    """

    name: str
    source: Source
    description: str

    def __post_init__(self) -> None:
        if self.name.rsplit("_", 1)[-1] not in UNITS:
            raise TargetError(f"metric {self.name!r} carries no unit", "end the name in one of: " + ", ".join(UNITS))
        if self.source not in get_args(Source):
            raise TargetError(
                f"metric {self.name!r} has unknown source {self.source!r}", f"use one of {get_args(Source)}"
            )

    @property
    def unit(self) -> str:
        """The unit suffix, for example ``ms``."""
        return self.name.rsplit("_", 1)[-1]
