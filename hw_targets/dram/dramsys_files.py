"""Designs as the files that DRAMSys 4.0 reads: controller, address mapping, simulator and simulation, JSON each.

Keys and values are those of the files in DRAMSys' own ``resources/configs`` (Steiner et al., "DRAMSys4.0: A Fast and
Cycle-Accurate SystemC/TLM-Based DRAM Simulator", SAMOS 2020).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.memory_controller import REFERENCE
from .address_mapping import address_bits
from .device import Device

KEYS: Mapping[str, str] = {
    "page_policy": "PagePolicy",
    "scheduler": "Scheduler",
    "scheduler_buffer": "SchedulerBuffer",
    "request_buffer_size": "RequestBufferSize",
    "cmd_mux": "CmdMux",
    "resp_queue": "RespQueue",
    "refresh_policy": "RefreshPolicy",
    "refresh_max_postponed": "RefreshMaxPostponed",
    "refresh_max_pulledin": "RefreshMaxPulledin",
    "power_down_policy": "PowerDownPolicy",
    "arbiter": "Arbiter",
    "max_active_transactions": "MaxActiveTransactions",
}
"""Knob to key of a controller file, in the order of DRAMSys' own files."""

MEMSPECS: Mapping[str, str] = {
    "ddr3_1600": "MICRON_1Gb_DDR3-1600_8bit_G",
    "ddr4_2400": "JEDEC_4Gb_DDR4-2400_8bit_A",
    "lpddr4_3200": "JEDEC_8Gb_LPDDR4-3200_16bit",
    "hbm2": "HBM2",
}
"""Shipped device to the memory specification of DRAMSys that it describes."""

FIELDS: Mapping[str, str] = {
    "byte": "BYTE_BIT",
    "column": "COLUMN_BIT",
    "bank": "BANK_BIT",
    "group": "BANKGROUP_BIT",
    "row": "ROW_BIT",
    "rank": "RANK_BIT",
    "channel": "CHANNEL_BIT",
}

POWERED = ("DDR3", "DDR4")
"""Standards whose power DRAMSys 4.0 analyses, of those shipped here; it aborts when asked for the others'."""


def controller(design: Mapping[str, Value]) -> dict[str, Any]:
    """Content of a controller file ("mcconfig").

    Args:
        design: Knobs of a memory controller; those that it lacks have the values of
            :data:`~cosearch.spaces.memory_controller.REFERENCE`.

    Raises:
        TargetError: When the design has a page timeout, which DRAMSys does not know.
    """
    if timeout := design.get("page_timeout_cycles"):
        raise TargetError(f"page_timeout_cycles is {timeout}: DRAMSys has no page timeout", "search without that knob")
    return {"mcconfig": {key: design.get(knob, REFERENCE[knob]) for knob, key in KEYS.items()}}


def sizes(design: Mapping[str, Value], device: Device) -> tuple[int, int]:
    """Channels, and ranks per channel: the design's, else the device's."""
    return int(design.get("channels", device.channels)), int(design.get("ranks", device.ranks))


def mapping(design: Mapping[str, Value], device: Device) -> dict[str, Any]:
    """Content of an address mapping file ("CONGEN")."""
    channels, ranks = sizes(design, device)
    order = str(design.get("address_mapping", REFERENCE["address_mapping"]))
    bits = address_bits(device, order, channels, ranks)
    return {"CONGEN": {key: list(bits[field]) for field, key in FIELDS.items() if bits[field]}}


def simulator(name: str, power: bool) -> dict[str, Any]:
    """Content of a simulator file ("simconfig"): nothing recorded but what is printed at the end.

    Args:
        name: Name of the simulation.
        power: Whether to analyse power.
    """
    off = ("CheckTLM2Protocol", "DatabaseRecording", "Debug", "EnableWindowing", "SimulationProgressBar")
    return {
        "simconfig": {
            "SimulationName": name,
            "PowerAnalysis": power,
            "AddressOffset": 0,
            "ECCControllerMode": "Disabled",
            "ErrorCSVFile": "",
            "ErrorChipSeed": 42,
            "StoreMode": "NoStorage",
            "ThermalSimulation": False,
            "UseMalloc": False,
            "WindowSize": 1000,
            **dict.fromkeys(off, False),
        }
    }


def simulation(name: str, memspec: str, trace: str, clock_mhz: float) -> dict[str, Any]:
    """Content of a simulation file; the files that it names are called after it.

    Args:
        name: Name of the simulation, and of its files without ``.json``.
        memspec: Name of the memory specification without ``.json``.
        trace: File name in ``traces``.
        clock_mhz: Clock of the trace, MHz.

    Raises:
        TargetError: When the clock is no whole number.
    """
    return {
        "simulation": {
            "simulationid": name,
            "memspec": f"{memspec}.json",
            "mcconfig": f"{name}.json",
            "addressmapping": f"{name}.json",
            "simconfig": f"{name}.json",
            "thermalconfig": "config.json",
            "tracesetup": [{"clkMhz": _whole(clock_mhz), "name": trace}],
        }
    }


def memspec_name(design: Mapping[str, Value], device: Device, known_as: str | None = None) -> str:
    """Name of the memory specification; ``_<channels>ch_<ranks>ra`` is added where DRAMSys' own has other sizes.

    Args:
        design: Knobs of a memory controller.
        device: The device.
        known_as: Name of its memory specification; by default that of :data:`MEMSPECS`.

    Raises:
        TargetError: When the device has no known memory specification.
    """
    name = known_as or MEMSPECS.get(device.name)
    if name is None:
        raise TargetError(f"device {device.name!r} has no known DRAMSys memspec", "use one of " + ", ".join(MEMSPECS))
    channels, ranks = sizes(design, device)
    same = (channels, ranks) == (device.channels, device.ranks)
    return name + ("" if same else f"_{channels}ch_{ranks}ra")


def write_dramsys_files(
    design: Mapping[str, Value],
    device: Device,
    folder: Path,
    stem: str,
    traces: Sequence[tuple[str, float]],
    memspec: str | None = None,
) -> list[Path]:
    """Write a design as a part of a DRAMSys resource folder, ``<folder>/<stem>``, and simulations that use it.

    A simulation is ``simulation.json``, or with several traces ``simulation-<trace>.json`` for each. Run with
    ``cp -r <stem>/configs RESOURCES`` and ``DRAMSys <stem>/simulation.json RESOURCES/``, where RESOURCES is DRAMSys'
    ``resources`` folder with the traces in ``traces``. With other channels or ranks than DRAMSys' own memory
    specification has, the simulation names a copy of it that you make, see :func:`memspec_name`: set ``nbrOfChannels``
    and ``nbrOfRanks`` in it.

    Args:
        design: Knobs of a memory controller.
        device: The device.
        folder: Existing folder.
        stem: Name of the design's folder, and of its files without suffix.
        traces: File name and clock in MHz of each trace, at least one; file names differ.
        memspec: Name of the memory specification; by default that of a shipped device.

    Returns:
        The simulations, then the controller, address mapping and simulator files.

    Raises:
        TargetError: When DRAMSys cannot have such a design or device.
    """
    root = folder / stem
    power = device.standard in POWERED
    known_as = memspec_name(design, device, memspec)
    parts = [f"-{file.removesuffix('.stl')}" if len(traces) > 1 else "" for file, _ in traces]
    contents = {
        root / f"simulation{part}.json": simulation(stem, known_as, *trace)
        for part, trace in zip(parts, traces, strict=True)
    } | {
        root / "configs" / "mcconfigs" / f"{stem}.json": controller(design),
        root / "configs" / "amconfigs" / f"{stem}.json": mapping(design, device),
        root / "configs" / "simulator" / f"{stem}.json": simulator(stem, power),
    }
    for path, content in contents.items():
        write_json(path, content)
    return list(contents)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")


def _whole(mhz: float) -> int:
    if mhz != int(mhz):
        raise TargetError(f"a trace has a clock of {mhz:g} MHz", "DRAMSys takes whole MHz; give the trace such a clock")
    return int(mhz)
