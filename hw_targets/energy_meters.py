"""Counters of energy that a machine offers to programs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ..spaces.errors import TargetError

POWERCAP = Path("/sys/class/powercap")

Counts = tuple[int, ...]
"""What the counters of a meter show, in the meter's own steps."""


class EnergyMeter(Protocol):
    """Counts the energy of a whole device since some moment."""

    @property
    def name(self) -> str:
        """What it is and what it covers."""

    def read(self) -> Counts:
        """The counters now.

        Raises:
            TargetError: When they can no longer be read.
        """

    def spent_mj(self, before: Counts, after: Counts) -> float:
        """Energy between two readings, millijoules."""


@dataclass(frozen=True)
class Rapl:
    """Running average power limit counters of Intel and AMD processors, as Linux offers them (``intel_rapl``).

    Covers whole processor packages, and memory where it has a domain of its own. Counters are in microjoules and wrap
    around at ``max_energy_range_uj`` (Linux, Documentation/power/powercap/powercap.rst), after minutes at the earliest,
    so at most once between two readings.

    Args:
        domains: Folders of the domains.
        ranges: Largest count of each, microjoules.
        labels: Their names.
    """

    domains: tuple[Path, ...]
    ranges: Counts
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"rapl ({', '.join(self.labels)})"

    def read(self) -> Counts:
        try:
            return tuple(_integer(domain / "energy_uj") for domain in self.domains)
        except (OSError, ValueError) as error:
            raise TargetError(f"the energy counters stopped ({error})", "measure without: energy: false") from error

    def spent_mj(self, before: Counts, after: Counts) -> float:
        # A counter runs from 0 to its range, both included.
        steps = (b - a if b >= a else b - a + top + 1 for a, b, top in zip(before, after, self.ranges, strict=True))
        return sum(steps) / 1e3


def rapl(folder: Path | None = None) -> Rapl | None:
    """The machine's RAPL counters; None when there are none that this user may read.

    Packages count, and memory (``dram``); cores and graphics are part of their package, and ``psys`` contains it.

    Args:
        folder: One laid out like ``/sys/class/powercap``, the default.
    """
    found: list[tuple[Path, int, str]] = []
    for domain in sorted((folder or POWERCAP).glob("intel-rapl:*")):
        try:
            label = (domain / "name").read_text(encoding="utf-8").strip()
            if not label.startswith("package") and label != "dram":
                continue
            _integer(domain / "energy_uj")
            found.append((domain, _integer(domain / "max_energy_range_uj"), label))
        except (OSError, ValueError):
            # Since Linux 5.10 only root may read them, by default.
            return None
    if not found:
        return None
    domains, ranges, labels = zip(*found, strict=True)
    return Rapl(tuple(domains), tuple(ranges), tuple(labels))


@dataclass(frozen=True)
class Nvml:
    """The energy counter of an NVIDIA GPU since its driver was loaded, in millijoules, by NVIDIA's own library.

    Args:
        index: Number of the GPU, or its UUID.
        label: Its name.
    """

    index: int | str
    label: str

    @property
    def name(self) -> str:
        return f"nvml ({self.label})"

    def read(self) -> Counts:
        import pynvml

        try:
            return (int(pynvml.nvmlDeviceGetTotalEnergyConsumption(_handle(self.index))),)
        except pynvml.NVMLError as error:
            raise TargetError(f"the energy counter stopped ({error})", "measure without: energy: false") from error

    def spent_mj(self, before: Counts, after: Counts) -> float:
        return float(after[0] - before[0])


def nvml(index: int | str) -> Nvml | None:
    """The energy counter of a GPU; None without the package nvidia-ml-py, a driver, or such a counter.

    Args:
        index: Number of the GPU, or its UUID.
    """
    if find_spec("pynvml") is None:
        return None
    import pynvml

    try:
        label = pynvml.nvmlDeviceGetName(_handle(index))
        pynvml.nvmlDeviceGetTotalEnergyConsumption(_handle(index))
    except pynvml.NVMLError:
        return None
    return Nvml(index, str(label))


def _handle(index: int | str) -> object:
    import pynvml

    # Counted by the library, and cheap after the first time.
    pynvml.nvmlInit()
    return (
        pynvml.nvmlDeviceGetHandleByIndex(index) if isinstance(index, int) else pynvml.nvmlDeviceGetHandleByUUID(index)
    )


def _integer(path: Path) -> int:
    return int(path.read_text(encoding="utf-8"))
