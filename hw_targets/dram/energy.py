"""Energy of DRAM commands and states, from the currents of the data sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Supply:
    """One supply rail of a device.

    Args:
        volts: Voltage, V.
        currents_ma: ``IDD0``, ``IDD2N``, ... of JEDEC's measurement loops on this rail, mA per device. Power-down is
            the fast exit; ``IDD5`` is the burst refresh, ``IDD5PB`` the per-bank refresh averaged over its interval.
    """

    volts: float
    currents_ma: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Energies:
    """Energy of all devices of one rank, pJ: per command above the standby, and per clock cycle of a state.

    Energy of a rank is the counts of commands and cycles times these. A rank is always in exactly one state.

    Args:
        activate: One activate.
        precharge: One precharge of one bank, explicit or automatic.
        read: One read burst.
        write: One write burst.
        refresh: One refresh of all banks.
        refresh_bank: One refresh of one bank; NaN where the device has none.
        active_standby: A cycle with a bank open.
        precharge_standby: A cycle with all banks closed.
        active_power_down: A cycle of power-down with a bank open.
        precharge_power_down: A cycle of power-down with all banks closed.
        self_refresh: A cycle of self refresh.
    """

    activate: float
    precharge: float
    read: float
    write: float
    refresh: float
    refresh_bank: float
    active_standby: float
    precharge_standby: float
    active_power_down: float
    precharge_power_down: float
    self_refresh: float


def rank_energies(
    supplies: Mapping[str, Supply], timing: Mapping[str, int], tck_ns: float, devices_per_rank: int, banks: int
) -> Energies:
    """Energy per command and cycle of a rank, pJ.

    Micron's power model (TN-41-01), in DRAMPower's form (Chandrasekar et al., DATE 2012): current above the standby of
    the state that the command happens in, over the command's time, summed over the rails.

    Args:
        supplies: Rails by name.
        timing: Timings of :data:`~cosearch.hw_targets.dram.device.TIMINGS`, clock cycles.
        tck_ns: Clock period, ns.
        devices_per_rank: Devices that work together.
        banks: Banks per rank.
    """

    def total(cycles: int, name: str, standby: str | None = None) -> float:
        charge = (
            rail.volts * (rail.currents_ma[name] - (rail.currents_ma[standby] if standby else 0.0))
            for rail in supplies.values()
        )
        return devices_per_rank * tck_ns * cycles * sum(charge)

    refresh = total(timing["RFC"], "IDD5", "IDD3N")
    refresh_bank = float("nan")
    if "REFIPB" in timing:
        listed = all("IDD5PB" in rail.currents_ma for rail in supplies.values())
        refresh_bank = total(timing["REFIPB"], "IDD5PB", "IDD2N") if listed else refresh / banks
    return Energies(
        activate=total(timing["RAS"], "IDD0", "IDD3N"),
        precharge=total(timing["RC"] - timing["RAS"], "IDD0", "IDD2N"),
        read=total(timing["BURST"], "IDD4R", "IDD3N"),
        write=total(timing["BURST"], "IDD4W", "IDD3N"),
        refresh=refresh,
        refresh_bank=refresh_bank,
        active_standby=total(1, "IDD3N"),
        precharge_standby=total(1, "IDD2N"),
        active_power_down=total(1, "IDD3P"),
        precharge_power_down=total(1, "IDD2P"),
        self_refresh=total(1, "IDD6"),
    )
