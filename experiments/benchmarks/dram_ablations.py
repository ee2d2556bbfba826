"""The simulator of memory controllers with one behaviour left out each, by settings and timings alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...hw_targets.dram.controller import CHOICES, FIELDS, IntArray
from ...hw_targets.dram.device import Device

Ablation = Callable[[IntArray, Device], tuple[IntArray, Mapping[str, int]]]
"""Settings [n, fields] and device to settings and timings to replace."""


def _put(table: IntArray, knob: str, old: str | None, new: str | int) -> IntArray:
    """Settings with a value of a knob, or all of them, replaced."""
    column = FIELDS.index(knob)
    changed = table.copy()
    value = CHOICES[knob].index(new) if isinstance(new, str) else new
    rows = np.ones(len(table), bool) if old is None else table[:, column] == CHOICES[knob].index(old)
    changed[rows, column] = value
    return changed


def in_flight_limit(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Every arbiter accepts all that comes."""
    table = _put(_put(table, "arbiter", "Simple", "Fifo"), "max_active_transactions", None, 1 << 30)
    return table, {}


def adaptive_pages(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Adaptive page policies are the plain ones."""
    table = _put(table, "page_policy", "OpenAdaptive", "Open")
    return _put(table, "page_policy", "ClosedAdaptive", "Closed"), {}


def turnaround(table: IntArray, device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Reads follow writes, and writes reads, as if they were of the same direction."""
    burst, write = device.timing["CCD_S"], device.timing["WL"] + device.timing["BURST"]
    return table, {"RTW": burst, "WTR_S": burst - write, "WTR_L": burst - write}


def schedulers(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Every scheduler is first come first served."""
    return _put(table, "scheduler", None, "Fifo"), {}


def refresh(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Nothing refreshes."""
    return _put(table, "refresh_policy", None, "NoRefresh"), {}


def postponement(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """A refresh that is due blocks the banks at once."""
    return _put(table, "refresh_max_postponed", None, 0), {}


def response_order(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Responses leave in the order of their column commands."""
    return _put(_put(table, "resp_queue", None, "Fifo"), "arbiter", "Reorder", "Fifo"), {}


def buffers(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Every buffer is shared."""
    return _put(table, "scheduler_buffer", None, "Shared"), {}


def activate_windows(table: IntArray, _device: Device) -> tuple[IntArray, Mapping[str, int]]:
    """Activates of different banks do not wait for each other."""
    return table, {"RRD_S": 0, "RRD_L": 0, "FAW": 0}


ABLATIONS: Mapping[str, Ablation] = {
    "in_flight_limit": in_flight_limit,
    "adaptive_pages": adaptive_pages,
    "turnaround": turnaround,
    "schedulers": schedulers,
    "refresh": refresh,
    "postponement": postponement,
    "response_order": response_order,
    "buffers": buffers,
    "activate_windows": activate_windows,
}
"""What is left out to how."""
