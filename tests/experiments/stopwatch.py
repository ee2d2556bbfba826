"""Pretended devices for the tests of calibration: latency by formula, each measurement noted in a file."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def phone(design: Mapping[str, Any]) -> dict[str, float]:
    """Three times the pool's devices; cannot run width 64, and is unplugged at the call that the test says."""
    calls = Path(os.environ["COSEARCH_TEST_CALLS"])
    with calls.open("a", encoding="utf-8") as file:
        file.write(f"{dict(design)}\n")
    if os.environ.get("COSEARCH_TEST_UNPLUG") == str(len(calls.read_text(encoding="utf-8").splitlines())):
        os.kill(os.getpid(), signal.SIGINT)
    if design["width"] == 64:
        raise MemoryError("too wide")
    return {"latency_ms": 3.0 * latency(design, 1.3), "energy_mj": 2.0}


def latency(design: Mapping[str, Any], exponent: float) -> float:
    """Milliseconds on a device that is slower for wide layers by an exponent of its own."""
    kind = {"conv": 1.0, "pool": 0.3, "skip": 0.05}
    work = kind[design["first"]] + kind[design["second"]] + 0.2
    return float(work * (design["width"] / 16) ** exponent * design["depth"] ** 0.8)
