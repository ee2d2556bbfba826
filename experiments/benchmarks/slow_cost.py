"""A deterministic cost function that takes a set time: what the process benchmarks score."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any


def sleep_s() -> float:
    """Seconds that one evaluation takes: ``COSEARCH_BENCHMARK_SLEEP_S``, by default 0.01."""
    return float(os.environ.get("COSEARCH_BENCHMARK_SLEEP_S", "0.01"))


def score(design: Mapping[str, Any], fidelity: float = 1.0) -> dict[str, float]:
    """Two opposed quadratics of knobs ``a`` and ``b`` (0..100), after a sleep; at a lower fidelity sooner and worse."""
    time.sleep(sleep_s() * fidelity)
    a, b = design["a"] / 100, design["b"] / 100
    off = (1.0 - fidelity) * (1 + a * b)
    return {"latency_ms": (1 - a) ** 2 + b**2 + off, "energy_mj": a**2 + (1 - b) ** 2 + off}
