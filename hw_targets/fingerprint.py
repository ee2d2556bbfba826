"""What a measurement on this machine's CPU depends on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cpu_fingerprint() -> dict[str, str]:
    """Model, usable cores, frequency governor, load and system of this machine; ``unknown`` where it does not say.

    ``load_average_1min`` describes the moment, everything else the machine: compare runs by the rest.
    """
    return {
        "cpu": cpu_model(),
        "cpu_cores_usable": str(usable_cores()),
        "cpu_governor": _first_line(GOVERNOR),
        "load_average_1min": load_average(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_model() -> str:
    """Name of the CPU as the kernel gives it."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def load_average() -> str:
    """Processes that wanted to run during the last minute, on average."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):
        return "unknown"


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"
