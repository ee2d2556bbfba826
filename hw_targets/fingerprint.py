"""What a measurement on this machine's CPU depends on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
THERMAL = Path("/sys/class/thermal")

OF_THE_MOMENT = frozenset({"cpu_mhz", "temperature_c", "load_average_1min"})
"""Entries of a fingerprint that change while nothing is changed."""


def cpu_fingerprint() -> dict[str, str]:
    """Model, usable cores, frequency governor, load and system of this machine; ``unknown`` where it does not say.

    The entries of :data:`OF_THE_MOMENT` describe the moment, everything else the machine: compare runs by the rest.
    """
    return {
        "cpu": cpu_model(),
        "cpu_cores_usable": str(usable_cores()),
        "cpu_governor": _first_line(GOVERNOR),
        "cpu_mhz": clock_mhz(),
        "temperature_c": temperature_c(),
        "load_average_1min": load_average(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_model() -> str:
    """Name of the CPU as the kernel gives it."""
    return next(iter(_cpu_info("model name")), platform.processor() or "unknown")


def _cpu_info(key: str) -> list[str]:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]


def clock_mhz() -> str:
    """Clock frequency of the first core now, megahertz."""
    khz = _first_line(FREQUENCY)
    if khz.isdigit():
        return f"{int(khz) / 1e3:.0f}"
    return next((f"{float(mhz):.0f}" for mhz in _cpu_info("cpu MHz")), "unknown")


def temperature_c() -> str:
    """Hottest of the machine's thermal zones, degrees Celsius."""
    texts = [_first_line(zone / "temp") for zone in sorted(THERMAL.glob("thermal_zone*"))]
    known = [int(text) for text in texts if text.lstrip("-").isdigit()]
    return f"{max(known) / 1e3:.0f}" if known else "unknown"


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
