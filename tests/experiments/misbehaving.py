"""A user's cost function that goes wrong in every way, for the tests of worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def score(design: Mapping[str, Any]) -> dict[str, float]:
    """1 dies once and for all, 2 hangs, 3 raises, 4 dies on its first try only."""
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
    return {"latency_ms": float(value)}
