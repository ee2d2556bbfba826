"""Metrics of memory controllers, from what simulations of one or several traces counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..metric import Metric
from .device import Device
from .simulation import COUNTS, FloatArray, IntArray, Runs
from .trace import Trace

METRICS = (
    Metric("total_time_ns", "simulated", "time of the last response, summed over traces"),
    Metric("mean_latency_ns", "simulated", "arbiter to response, mean over requests"),
    Metric("p50_latency_ns", "simulated", "median latency, of the requests of all traces"),
    Metric("p99_latency_ns", "simulated", "99th percentile of latency"),
    Metric("max_latency_ns", "simulated", "largest latency"),
    Metric("mean_read_latency_ns", "simulated", "mean latency of reads; of all requests where there are no reads"),
    Metric("mean_sched_latency_ns", "simulated", "time in the trace to response, mean over requests"),
    Metric("bandwidth_gbps", "simulated", "bytes over time"),
    Metric("energy_uj", "simulated", "energy of the memory, summed over traces"),
    Metric("energy_activate_uj", "simulated", "of activates"),
    Metric("energy_precharge_uj", "simulated", "of precharges"),
    Metric("energy_read_uj", "simulated", "of read bursts"),
    Metric("energy_write_uj", "simulated", "of write bursts"),
    Metric("energy_refresh_uj", "simulated", "of refreshes"),
    Metric("energy_standby_uj", "simulated", "of waiting with open and closed banks, awake and asleep"),
    Metric("avg_power_mw", "simulated", "energy over time"),
    Metric("edp_ujs", "simulated", "energy times total time"),
    Metric("activates_count", "simulated", "activates"),
    Metric("precharges_count", "simulated", "precharges, those of column commands too"),
    Metric("reads_count", "simulated", "read bursts"),
    Metric("writes_count", "simulated", "write bursts"),
    Metric("refreshes_count", "simulated", "refreshes, of all banks or of one"),
)
"""What the target ``dram`` gives."""


def energy_parts(device: Device, counts: IntArray, ranks: IntArray) -> dict[str, FloatArray]:
    """Energy by cause, microjoules.

    Args:
        device: Gives the energy of commands and cycles.
        counts: int64 [n, :data:`~cosearch.hw_targets.dram.simulation.COUNTS`].
        ranks: Ranks of all channels, int64 [n]; each waits all the time.

    Returns:
        ``activate``, ``precharge``, ``read``, ``write``, ``refresh``, ``standby``: float64 [n].
    """
    pj = device.energy_pj()
    count = {name: counts[:, index].astype(np.float64) for index, name in enumerate(COUNTS)}
    asleep = count["active_down_cycles"] + count["precharged_down_cycles"] + count["self_refresh_cycles"]
    opened = ranks * count["end_cycles"] - count["closed_cycles"] - asleep
    refresh_bank = pj.refresh_bank if device.refreshes_banks else 0.0
    parts = {
        "activate": count["activates"] * pj.activate,
        "precharge": count["precharges"] * pj.precharge,
        "read": count["reads"] * pj.read,
        "write": count["writes"] * pj.write,
        "refresh": count["refreshes"] * pj.refresh + count["bank_refreshes"] * refresh_bank,
        "standby": opened * pj.active_standby
        + count["closed_cycles"] * pj.precharge_standby
        + count["active_down_cycles"] * pj.active_power_down
        + count["precharged_down_cycles"] * pj.precharge_power_down
        + count["self_refresh_cycles"] * pj.self_refresh,
    }
    return {name: value * 1e-6 for name, value in parts.items()}


def scores(
    device: Device, traces: Sequence[Trace], runs: Sequence[Runs], ranks: NDArray[np.int64]
) -> dict[str, FloatArray]:
    """Metrics over all traces.

    Args:
        device: Device.
        traces: Traces.
        runs: Results of the same ``n`` designs on each trace.
        ranks: Ranks of all channels, int64 [n].

    Returns:
        Every metric of :data:`METRICS`, float64 [n]. A percentile is a request, that which so many are faster than;
        average power is taken up to the end of the last command.
    """
    tck = device.tck_ns
    counts = np.sum([run.counts for run in runs], axis=0)
    column = {name: counts[:, index].astype(np.float64) for index, name in enumerate(COUNTS)}
    time = column["time_cycles"] * tck
    parts = energy_parts(device, counts, ranks)
    energy = np.sum(list(parts.values()), axis=0)
    accesses = sum(len(trace) for trace in traces)
    values: dict[str, FloatArray] = {
        "total_time_ns": time,
        **_latencies(traces, runs, tck),
        "bandwidth_gbps": _ratio(np.full(len(time), float(accesses * device.bytes_per_access)), time),
        "energy_uj": energy,
        **{f"energy_{name}_uj": part for name, part in parts.items()},
        "avg_power_mw": _ratio(energy * 1e6, column["end_cycles"] * tck),
        "edp_ujs": energy * time * 1e-9,
        **{f"{name}_count": column[name] for name in ("activates", "precharges", "reads", "writes")},
        "refreshes_count": column["refreshes"] + column["bank_refreshes"],
    }
    return {metric.name: values[metric.name] for metric in METRICS}


def _latencies(traces: Sequence[Trace], runs: Sequence[Runs], tck_ns: float) -> Mapping[str, FloatArray]:
    latencies = np.concatenate([run.latencies for run in runs], axis=1)
    reads = ~np.concatenate([trace.writes for trace in traces])
    delays = np.concatenate([run.delays for run in runs], axis=1)
    m = latencies.shape[1]
    places = [m // 2, int(0.99 * m), m - 1]
    middle, late, last = np.partition(latencies, places, axis=1)[:, places].T
    columns = {
        "mean_latency_ns": latencies.mean(axis=1),
        "p50_latency_ns": middle,
        "p99_latency_ns": late,
        "max_latency_ns": last,
        "mean_read_latency_ns": latencies[:, reads if reads.any() else slice(None)].mean(axis=1),
        "mean_sched_latency_ns": delays.mean(axis=1),
    }
    return {name: np.asarray(value, dtype=np.float64) * tck_ns for name, value in columns.items()}


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient, 0 where nothing was simulated."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
