"""Every design of the ten-knob memory controller space, simulated once per trace and kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ....hw_targets.catalog import TARGETS
from ....hw_targets.target import HardwareTarget
from ....search.objective import FloatArray
from ....spaces.errors import TargetError
from ....spaces.knobs import Codes
from ....spaces.memory_controller import memory_controller
from ....spaces.space import Space
from ..shown import shown
from .cache_folder import cached, digest_of_arrays

DEVICE = "ddr3_1600"
METRICS = ("total_time_ns", "mean_latency_ns", "energy_uj", "avg_power_mw", "edp_ujs")
"""What is kept of each design."""

IDLE: dict[str, tuple[str, str]] = {
    "max_active_transactions": ("arbiter", "Simple"),
    "refresh_max_postponed": ("refresh_policy", "NoRefresh"),
    "refresh_max_pulledin": ("refresh_policy", "NoRefresh"),
}
"""Knob to the choice under which the controller never reads it: a simple arbiter admits by the scheduler's buffer
alone, and without refresh there is none to shift."""

CHUNK = 1024
"""Designs per call of the simulator."""

CHECKED = 64
"""Designs whose idle knobs are changed at random before a table is made, to see that nothing else changes."""


def without_idle_knobs(space: Space, codes: Codes) -> Codes:
    """Designs with every knob at its first value where it is idle, int64 [n, n_knobs]; they behave alike.

    Behind an arbiter that admits no more requests than ``max_active_transactions``, a buffer for as many or more never
    fills, so that it counts as one for exactly as many.
    """
    result = codes.copy()
    for knob, (switch, off) in IDLE.items():
        column = space.index(switch)
        result[codes[:, column] == space.knob(switch).encode(off), space.index(knob)] = 0
    buffer, active, arbiter = (space.index(k) for k in ("request_buffer_size", "max_active_transactions", "arbiter"))
    counted = codes[:, arbiter] != space.knob("arbiter").encode("Simple")
    # Both knobs have the same values.
    result[counted, buffer] = np.minimum(codes[counted, buffer], codes[counted, active])
    return result


def table(trace: Path) -> tuple[Space, dict[str, FloatArray]]:
    """The space, and every metric of every design in the order of its listing, float64 [442,368]; cached.

    Args:
        trace: Trace file.

    Raises:
        TargetError: When a design cannot be simulated, or a knob that should be idle is not.
    """
    space = memory_controller()
    target = TARGETS.get("dram")(space, device=DEVICE, traces=[str(trace)], threads=os.cpu_count() or 1)
    sizes = tuple(space.cardinalities.tolist())
    alike = np.ravel_multi_index(tuple(without_idle_knobs(space, every_design(space)).T), sizes)
    distinct, row = np.unique(alike, return_inverse=True)
    codes = np.column_stack(np.unravel_index(distinct, sizes)).astype(np.int64)
    digest = digest_of_arrays([distinct], METRICS, sorted(target.fingerprint().items()))
    stored = cached(f"dram_{trace.name.partition('.')[0]}_{digest}", lambda: _simulated(space, target, codes))
    return space, {name: stored[name][row] for name in METRICS}


def every_design(space: Space) -> Codes:
    """All designs of a space without conditions and constraints in the order of its listing, int64 [size, n_knobs]."""
    return np.indices(space.cardinalities.tolist()).reshape(space.n_knobs, -1).T


def _simulated(space: Space, target: HardwareTarget, codes: Codes) -> dict[str, FloatArray]:
    check_idle_knobs(space, target)
    starts = range(0, len(codes), CHUNK)
    parts = list(shown((_evaluated(space, target, codes[i : i + CHUNK]) for i in starts), len(starts), "chunks"))
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def _evaluated(space: Space, target: HardwareTarget, codes: Codes) -> dict[str, FloatArray]:
    columns = target.evaluate(space.designs(codes), np.zeros(len(codes), np.uint64))
    if columns.failures:
        row, message = next(iter(columns.failures.items()))
        raise TargetError(f"design {dict(space.decode(codes[row : row + 1])[0])} failed: {message}", "mend the target")
    return {name: np.asarray(columns.values[name], dtype=np.float64) for name in METRICS}


def check_idle_knobs(space: Space, target: HardwareTarget) -> None:
    """See on random designs that idle knobs change no metric.

    Raises:
        TargetError: When one does.
    """
    designs = space.sample(np.random.default_rng(0), CHECKED)
    plain = without_idle_knobs(space, designs)
    for name, before in _evaluated(space, target, designs).items():
        if not np.array_equal(before, _evaluated(space, target, plain)[name]):
            raise TargetError(f"{name} depends on a knob that should be idle", "list it no longer under IDLE")
