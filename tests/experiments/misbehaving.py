"""A user's cost function that goes wrong in every way, for the tests of worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def score(design: Mapping[str, Any]) -> dict[str, float]:
    """1 dies once and for all, 2 hangs, 3 raises, 4 dies on its first try only,
    5 waits for a simulator that hangs, whose process id it leaves behind."""
    value = int(design["a"])
    if value == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if value == 2:
        time.sleep(60)
    if value == 3:
        raise ValueError("three is not allowed")
    if value == 4:
        flag = Path(os.environ["COSEARCH_TEST_FLAG"])
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if value == 5:
        simulator = subprocess.Popen(["sleep", "60"])
        Path(os.environ["COSEARCH_TEST_FLAG"]).write_text(str(simulator.pid), encoding="utf-8")
        simulator.wait()
    return {"latency_ms": float(value)}


def occupy(design: Mapping[str, Any]) -> dict[str, float]:
    """Uses a device for a moment; fails when it is in use already."""
    device = Path(os.environ["COSEARCH_TEST_FLAG"])
    device.touch(exist_ok=False)
    time.sleep(0.05)
    device.unlink()
    return {"latency_ms": float(design["a"])}
