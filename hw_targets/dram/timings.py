"""Timings of a device as the simulator reads them: gaps between the starts of commands, in clock cycles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .device import Device


def timings(device: Device, trace_mhz: float, changes: Mapping[str, int] | None = None) -> NDArray[np.int64]:
    """Gaps between commands, derived from the timings of a device as JEDEC's command tables do.

    Args:
        device: Device.
        trace_mhz: Clock of the trace, MHz.
        changes: Timings of :data:`~cosearch.hw_targets.dram.device.TIMINGS` to replace.

    Returns:
        int64 [:data:`~cosearch.hw_targets.dram.kernel.layout.TIMINGS`], in the order of the ``T_`` indices there.
    """
    d = {**device.timing, **(changes or {})}
    read, write = d["RL"] + d["DQSCK"] + d["BURST"], d["WL"] + d["BURST"]
    recovery = write + d["WR"]
    gaps = (
        *(d[name] for name in ("RCD", "RCDWR", "RP", "RPAB", "RAS", "RC", "RRD_S", "RRD_L", "FAW", "CCD_S", "CCD_L")),
        *(d[name] for name in ("RTP", "RTW")),
        *(d["CCD_R"], d["RTW_R"]),
        write + d["WTR_S"],
        write + d["WTR_L"],
        d["WTR_R"],
        recovery,
        read,
        write,
        *(d["REFI"], d["RFC"], d.get("REFIPB", d["REFI"]), d.get("RFCPB", d["RFC"]), d.get("RREFD", d["RRD_S"])),
        *(d["XP"], d["XS"], d.get("XSDLL", d["XS"]), d["CKE"], d["CKESR"], d["ACTPDEN"], d["PRPDEN"], d["REFPDEN"]),
        read + 1,
        recovery,
        recovery + 1,
        *(device.command_buses, device.banks, device.bank_groups),
        *(period_ps(device.clock_mhz), period_ps(trace_mhz)),
        read + 1,
        recovery,
    )
    return np.array(gaps, dtype=np.int64)


def period_ps(clock_mhz: float) -> int:
    """Clock period in whole picoseconds, the resolution of the simulator's time."""
    return max(1, round(1e6 / clock_mhz))
