"""What DRAMSys prints at the end of a simulation, in units that do not depend on the run."""

from __future__ import annotations

import re

from ...spaces.errors import TargetError

TIME_NS = {"fs": 1e-6, "ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
ENERGY_UJ = {"pJ": 1e-6, "nJ": 1e-3, "uJ": 1.0, "mJ": 1e3, "J": 1e6}
POWER_MW = {"uW": 1e-3, "mW": 1.0, "W": 1e3}
BANDWIDTH_GBPS = {"Gb/s": 0.125}

_NUMBER = r"\s+(-?nan|[-+.\deE]+)\s*"
_LINES = {
    "total_time_ns": (re.compile(r"Total Time:" + _NUMBER + r"([a-zA-Z]+)"), TIME_NS),
    "bandwidth_gbps": (re.compile(r"AVG BW:" + _NUMBER + r"([a-zA-Z/]+)"), BANDWIDTH_GBPS),
    "energy_uj": (re.compile(r"Total Energy:" + _NUMBER + r"([a-zA-Z]+)"), ENERGY_UJ),
    "avg_power_mw": (re.compile(r"Average Power:" + _NUMBER + r"([a-zA-Z]+)"), POWER_MW),
}


def read_output(text: str, power: bool) -> dict[str, float]:
    """Metrics of one simulation.

    DRAMSys prints the time in the largest unit that keeps it whole, ``51595 ns`` or ``51597500 ps``, one line per
    channel; the time is the longest, the others are sums over channels. A channel that got no command at all has an
    energy of 0 and a power that is no number; it counts as 0.

    Args:
        text: Everything that was printed.
        power: Whether power was analysed.

    Returns:
        ``total_time_ns``, ``bandwidth_gbps``, and with power ``energy_uj`` and ``avg_power_mw``.

    Raises:
        TargetError: When a number is missing, or its unit or value is not understood.
    """
    names = _LINES if power else ("total_time_ns", "bandwidth_gbps")
    values: dict[str, float] = {}
    for name in names:
        pattern, units = _LINES[name]
        found = pattern.findall(text)
        label = pattern.pattern.partition(":")[0]
        if not found:
            raise TargetError(f"DRAMSys printed no {label!r}; its last words: {last_words(text)}", "run it by hand")
        idle = name == "avg_power_mw"
        unknown = [f"{number} {unit}" for number, unit in found if unit not in units or ("nan" in number and not idle)]
        if unknown:
            remedy = "this version prints other units than " + ", ".join(units)
            raise TargetError(f"DRAMSys printed {label!r} as {unknown[0]!r}", remedy)
        numbers = [0.0 if "nan" in number else float(number) * units[unit] for number, unit in found]
        values[name] = max(numbers) if name == "total_time_ns" else sum(numbers)
    return values


def last_words(text: str, lines: int = 4) -> str:
    """The last lines of an output that say something, in one line without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    kept = [line.strip() for line in plain.splitlines() if re.search(r"\w", line)]
    return " | ".join(kept[-lines:])[-600:] or "none"
