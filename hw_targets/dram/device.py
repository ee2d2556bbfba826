"""DRAM devices: geometry, timing and currents, read from JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...spaces.errors import TargetError
from .device_fields import Fields
from .energy import Energies, Supply, rank_energies

FOLDER = Path(__file__).parent / "devices"
"""Where the shipped devices are."""

TIMINGS: Mapping[str, str] = {
    "RL": "read command to first data",
    "WL": "write command to first data",
    "DQSCK": "further delay of read data",
    "BURST": "cycles of data of one access",
    "RCD": "activate to read",
    "RCDWR": "activate to write",
    "RP": "precharge to activate",
    "RPAB": "precharge of all banks to activate or refresh",
    "RAS": "activate to precharge, same bank",
    "RC": "activate to activate, same bank",
    "RRD_S": "activate to activate, other bank group",
    "RRD_L": "activate to activate, same bank group",
    "FAW": "window of four activates",
    "CCD_S": "column to column command, other bank group",
    "CCD_L": "column to column command, same bank group",
    "RTP": "read to precharge",
    "RTW": "read to write command, same rank",
    "WR": "end of write data to precharge",
    "WTR_S": "end of write data to read command, other bank group",
    "WTR_L": "end of write data to read command, same bank group",
    "RTRS": "gap of data between ranks, only to document the other ranks' timings",
    "CCD_R": "column to column command of the same kind, other rank",
    "RTW_R": "read to write command, other rank",
    "WTR_R": "write to read command, other rank",
    "REFI": "average interval of refreshes",
    "RFC": "refresh of all banks to next command",
    "REFIPB": "average interval of refreshes of one bank",
    "RFCPB": "refresh of one bank to next command of it",
    "RREFD": "refresh of one bank to activate or refresh of another",
    "XP": "power-down exit to next command",
    "XS": "self refresh exit to next command",
    "XSDLL": "self refresh exit to read or write",
    "CKE": "least time in power-down",
    "CKESR": "least time in self refresh",
    "ACTPDEN": "activate to power-down entry",
    "PRPDEN": "precharge to power-down entry",
    "REFPDEN": "refresh to power-down entry",
}
"""Timings in clock cycles. Where a standard adds preambles or command lengths, a device file's value includes them."""

SAME: Mapping[str, str] = {"RCDWR": "RCD", "RPAB": "RP", "XSDLL": "XS"}
"""Timings that a file may leave out, and the ones that they then equal."""

OPTIONAL = ("RTRS", "REFIPB", "RFCPB", "RREFD")
"""Timings that a file may lack: RTRS, which is part of CCD_R, RTW_R and WTR_R, and those of refreshing single banks."""

MOST_BANKS = 32
"""Banks per rank, at most, of a device that refreshes single banks: one bit of a mask each."""

CURRENTS = ("IDD0", "IDD2N", "IDD2P", "IDD3N", "IDD3P", "IDD4R", "IDD4W", "IDD5", "IDD6")
"""Currents that every rail must list; ``IDD5PB`` is for devices that refresh single banks."""


@dataclass(frozen=True, slots=True)
class Device:
    """A DRAM device and how many of them make a rank.

    Args:
        name: Short name, ``ddr3_1600``.
        standard: ``DDR3``, ``DDR4``, ``LPDDR4`` or ``HBM2``.
        source: Where timings and currents come from.
        estimated: Fields that are estimates, not data-sheet values.
        clock_mhz: Clock of commands, MHz.
        devices_per_rank: Devices that work together.
        bus_bits: Width of the data bus, bits: devices times their width.
        burst_length: Transfers of one access, two per cycle.
        channels: Channels.
        ranks: Ranks per channel.
        bank_groups: Bank groups per rank; 1 without groups.
        banks: Banks per rank, of all groups.
        rows: Rows per bank.
        columns: Columns per row.
        command_buses: 2 when row and column commands may be issued in the same cycle, else 1.
        timing: Clock cycles of :data:`TIMINGS`.
        supplies: Rails by name.
    """

    name: str
    standard: str
    source: str
    estimated: tuple[str, ...]
    clock_mhz: float
    devices_per_rank: int
    bus_bits: int
    burst_length: int
    channels: int
    ranks: int
    bank_groups: int
    banks: int
    rows: int
    columns: int
    command_buses: int
    timing: Mapping[str, int]
    supplies: Mapping[str, Supply]

    @property
    def tck_ns(self) -> float:
        """Clock period, ns."""
        return 1e3 / self.clock_mhz

    @property
    def bytes_per_access(self) -> int:
        """Bytes of one burst."""
        return self.bus_bits * self.burst_length // 8

    @property
    def bytes_per_rank(self) -> int:
        """Capacity of a rank, bytes."""
        return self.banks * self.rows * self.columns * self.bus_bits // 8

    @property
    def peak_gbps(self) -> float:
        """Peak bandwidth of a channel, GB/s."""
        return self.bytes_per_access / (self.timing["BURST"] * self.tck_ns)

    @property
    def supplies_v(self) -> dict[str, float]:
        """Voltage of each rail, V."""
        return {name: rail.volts for name, rail in self.supplies.items()}

    @property
    def currents_ma(self) -> dict[str, Mapping[str, float]]:
        """Currents of each rail, mA per device."""
        return {name: rail.currents_ma for name, rail in self.supplies.items()}

    @property
    def refreshes_banks(self) -> bool:
        """Whether single banks can be refreshed."""
        return "RFCPB" in self.timing

    def energy_pj(self) -> Energies:
        """Energy per command and cycle of all devices of a rank, pJ."""
        return rank_energies(self.supplies, self.timing, self.tck_ns, self.devices_per_rank, self.banks)


def device_names() -> list[str]:
    """Names of the shipped devices, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load_device(name_or_path: str | Path) -> Device:
    """Read a device.

    Args:
        name_or_path: Name of a shipped device, or path of a ``.json`` file of the same layout.

    Raises:
        TargetError: When there is no such device, or the file is wrong; the message names file, field and value.
    """
    path = Path(name_or_path)
    if path.suffix != ".json":
        path = FOLDER / f"{name_or_path}.json"
        if not path.is_file():
            known = ", ".join(device_names())
            raise TargetError(f"no DRAM device is named {str(name_or_path)!r}", f"use one of {known}, or a .json file")
    if not path.is_file():
        raise TargetError(f"device file {path} does not exist", "correct the path")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise TargetError(f"device file {path} is no JSON: {error}", "correct the file") from error
    return _device(Fields(path, "", data))


def _device(fields: Fields) -> Device:
    fields.only("name", "standard", "source", "estimated", "clock_mhz", "bus", "organisation", "timing", "supplies")
    bus, sizes, source = fields.part("bus"), fields.part("organisation"), fields.part("source")
    bus.only("devices_per_rank", "device_bits", "burst_length")
    source.only("timing", "currents")
    sizes.only("channels", "ranks", "bank_groups", "banks", "rows", "columns", "command_buses")
    burst = bus.power_of_two("burst_length")
    devices = bus.power_of_two("devices_per_rank")
    device = Device(
        name=fields.text("name"),
        standard=fields.text("standard"),
        source=f"timing: {source.text('timing')}; currents: {source.text('currents')}",
        estimated=fields.texts("estimated"),
        clock_mhz=fields.positive("clock_mhz"),
        devices_per_rank=devices,
        bus_bits=devices * bus.power_of_two("device_bits"),
        burst_length=burst,
        channels=sizes.power_of_two("channels"),
        ranks=sizes.power_of_two("ranks"),
        bank_groups=sizes.power_of_two("bank_groups"),
        banks=sizes.power_of_two("banks"),
        rows=sizes.power_of_two("rows"),
        columns=sizes.power_of_two("columns"),
        command_buses=sizes.power_of_two("command_buses"),
        timing=_timing(fields.part("timing"), burst),
        supplies={name: _supply(fields.part("supplies").part(name)) for name in fields.part("supplies").names()},
    )
    if device.bank_groups > device.banks:
        sizes.refuse("bank_groups", device.bank_groups, f"give at most {device.banks}, the number of banks")
    if device.refreshes_banks and device.banks > MOST_BANKS:
        sizes.refuse("banks", device.banks, f"give at most {MOST_BANKS}, or leave out REFIPB and RFCPB")
    if device.columns < device.burst_length:
        sizes.refuse("columns", device.columns, f"give at least {device.burst_length}, the burst length")
    return device


def _timing(fields: Fields, burst_length: int) -> dict[str, int]:
    fields.only(*TIMINGS)
    needed = [name for name in TIMINGS if name in fields or name not in (*SAME, *OPTIONAL)]
    timing = {name: fields.cycles(name) for name in needed}
    for name, other in SAME.items():
        timing.setdefault(name, timing[other])
    if ("REFIPB" in timing) != ("RFCPB" in timing):
        fields.refuse("REFIPB", timing.get("REFIPB"), "give both REFIPB and RFCPB, or neither")
    for name in ("BURST", "RL", "WL", "RCD", "RP", "RAS", "REFI", "RFC"):
        if timing[name] < 1:
            fields.refuse(name, timing[name], "give at least one cycle")
    if 2 * timing["BURST"] != burst_length:
        fields.refuse("BURST", timing["BURST"], f"give half the burst length {burst_length}: two transfers per cycle")
    if timing["RC"] < timing["RAS"]:
        fields.refuse("RC", timing["RC"], f"give at least RAS, {timing['RAS']}")
    if timing["REFI"] <= timing["RFC"]:
        fields.refuse("REFI", timing["REFI"], f"give more than RFC, {timing['RFC']}")
    return timing


def _supply(fields: Fields) -> Supply:
    fields.only("volts", "currents_ma")
    currents = fields.part("currents_ma")
    currents.only(*CURRENTS, "IDD5PB")
    names = [*CURRENTS, *(["IDD5PB"] if "IDD5PB" in currents else [])]
    return Supply(fields.positive("volts"), {name: currents.number(name) for name in names})
