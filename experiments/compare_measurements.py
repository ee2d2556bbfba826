"""How far two tables of the same designs differ: repeatability, and the effect of neighbours."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..hw_targets.measurements import Measurements
from ..hw_targets.measuring import robust_std
from ..predictors.calibration import spearman
from ..spaces.errors import MeasurementsError

FEWEST = 3
"""Designs below which a rank correlation says nothing."""


@dataclass(frozen=True)
class Difference:
    """One metric on one device, in both tables.

    Attributes:
        device: Its name.
        metric: Metric name.
        designs: Designs that both tables hold.
        median_shift: Median of (second - first) / first.
        median_difference: Median of its absolute value.
        spread: Robust standard deviation of it (1.4826 MAD).
        spearman: Rank correlation (Spearman 1904); None for fewer than three designs, or values that are all alike.
    """

    device: str
    metric: str
    designs: int
    median_shift: float
    median_difference: float
    spread: float
    spearman: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def differences(first: Measurements, second: Measurements) -> list[Difference]:
    """Compare two tables device by device and metric by metric.

    Args:
        first: One table.
        second: Another of the same space; of a design that a device measured repeatedly, the median counts.

    Returns:
        One entry for each metric of each device that both hold.

    Raises:
        MeasurementsError: When they share no device with a design and a metric.
    """
    if first.space.digest != second.space.digest:
        raise MeasurementsError("the two tables are of different spaces", "compare tables of one space")
    found = []
    for device in (d for d in first.devices if d in second.devices):
        for metric in (m for m in first.metrics if m in second.metrics):
            ours, theirs = _by_design(first, device, metric), _by_design(second, device, metric)
            shared = [key for key in ours if key in theirs]
            if shared:
                a, b = (np.array([table[key] for key in shared]) for table in (ours, theirs))
                found.append(_difference(device, metric, a, b))
    if not found:
        names = f"{', '.join(first.devices) or 'none'} and {', '.join(second.devices) or 'none'}"
        raise MeasurementsError(f"nothing to compare: devices {names}", "measure the same designs on the same devices")
    return found


def _by_design(table: Measurements, device: str, metric: str) -> dict[bytes, float]:
    codes, values = table.table(device, metric)
    known: dict[bytes, list[float]] = {}
    for row, value in zip(np.ascontiguousarray(codes), values.tolist(), strict=True):
        known.setdefault(row.tobytes(), []).append(value)
    return {key: float(np.median(repeats)) for key, repeats in known.items()}


def _difference(device: str, metric: str, a: np.ndarray, b: np.ndarray) -> Difference:
    share = (b - a) / a
    varied = len(a) >= FEWEST and np.ptp(a) > 0 and np.ptp(b) > 0
    rho = spearman(a, b) if varied else None
    spread = robust_std(share) if len(a) > 1 else 0.0
    return Difference(device, metric, len(a), float(np.median(share)), float(np.median(np.abs(share))), spread, rho)
