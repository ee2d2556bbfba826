"""Simulation of memory controllers: designs and a trace in, times, counts and energy out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .controller import FIELDS
from .device import Device
from .requests import requests
from .timings import period_ps, timings
from .trace import Trace

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

LATENCIES = 1 << 22
"""Latencies held at once: designs are simulated in blocks of at most so many requests."""

COUNTS = (
    "status",
    "time_cycles",
    "end_cycles",
    "activates",
    "precharges",
    "reads",
    "writes",
    "refreshes",
    "bank_refreshes",
    "closed_cycles",
    "active_down_cycles",
    "precharged_down_cycles",
    "self_refresh_cycles",
)
"""What the kernel counts, in the order of its columns; ``status`` is 0 when all requests were served."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Results of ``n`` designs on a trace of ``m`` requests.

    Args:
        counts: int64 [n, :data:`COUNTS`].
        latencies: Cycles from a request's arrival at the arbiter to its response, int32 [n, m].
        delays: Cycles from a request's time in the trace to its response, int32 [n, m].
    """

    counts: IntArray
    latencies: NDArray[np.int32]
    delays: NDArray[np.int32]


def simulate(
    device: Device,
    trace: Trace,
    settings: IntArray,
    mappings: Sequence[str],
    changes: Mapping[str, int] | None = None,
) -> Runs:
    """Simulate designs on a trace.

    Args:
        device: Device.
        trace: Requests.
        settings: int64 [n, 16], see :func:`cosearch.hw_targets.dram.controller.settings`; those of one batch must fit
            into memory with all their latencies.
        mappings: Address mappings that the settings count in.
        changes: Timings to replace, for ablations.

    Returns:
        Counts and latencies; the same for the same design, whatever else the batch holds.

    Raises:
        TargetError: When an address of the trace lies outside the memory.
    """
    from .kernel.batch import RESULTS, simulate_batch

    counts = np.zeros((len(settings), RESULTS), dtype=np.int64)
    latencies = np.zeros((len(settings), len(trace)), dtype=np.int32)
    delays = np.zeros_like(latencies)
    cycles = timings(device, trace.clock_mhz, changes)
    for rows in alike(settings):
        _, mapping, channels, ranks = (int(v) for v in settings[rows[0], -4:])
        request = requests(device, trace, mappings[mapping], channels, ranks)
        part = np.zeros((len(rows), RESULTS), dtype=np.int64)
        waits = np.zeros((2, len(rows), len(trace)), dtype=np.int32)
        simulate_batch(np.ascontiguousarray(settings[rows]), cycles, request, part, waits[0], waits[1])
        counts[rows], latencies[rows], delays[rows] = part, waits[0], waits[1]
    # The kernel subtracts the cycles of the trace's clock; requests are due at the memory's next edge.
    due = -(-trace.cycles * period_ps(trace.clock_mhz) // period_ps(device.clock_mhz))
    delays += (trace.cycles - due).astype(np.int32)
    return Runs(counts[:, : len(COUNTS)], latencies, delays)


def alike(settings: IntArray) -> list[IntArray]:
    """Rows of designs that share address mapping, channels and ranks, int64 [n] each."""
    first = FIELDS.index("address_mapping")
    _, group = np.unique(settings[:, first:], axis=0, return_inverse=True)
    group = group.reshape(-1)
    return [np.flatnonzero(group == g) for g in range(int(group.max(initial=-1)) + 1)]
