"""Devices of the roofline target: peaks, bandwidths, overheads and energies, from JSON files."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ..spaces.errors import TargetError
from ..spaces.operators import CONVOLUTIONS, PRODUCTS, Kind

FOLDER = Path(__file__).parent / "devices"
"""Where the shipped devices are."""

POSITIVE = ("peak_gmacs", "bandwidth_gbps", "on_chip_gbps", "saturating_outputs", "element_bytes")
NOT_NEGATIVE = (
    "on_chip_kib", "launch_us", "pj_per_mac", "pj_per_dram_byte", "pj_per_on_chip_byte", "static_w"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RooflineDevice:
    """One device.

    Args:
        peak_gmacs: Billions of multiply-accumulates per second, all units together.
        bandwidth_gbps: DRAM bandwidth, GB/s.
        on_chip_kib: Memory that keeps tensors between operators, KiB.
        on_chip_gbps: Its bandwidth, GB/s.
        launch_us: Overhead of every operator, microseconds.
        saturating_outputs: Output elements that keep all units busy; an operator with fewer gets a share of the peak.
        element_bytes: Bytes of a weight or activation.
        pj_per_mac: Energy of a multiply-accumulate with its instruction, pJ.
        pj_per_dram_byte: Energy of a byte from or to DRAM, pJ.
        pj_per_on_chip_byte: Energy of a byte from or to on-chip memory, pJ.
        static_w: Power whatever is run, watts.
        efficiency: Share of the peak that an operator of each kind reaches, 0..1; kinds without a value do no MACs.
        fused: Kinds that run inside the operator before them, for nothing.
    """

    peak_gmacs: float
    bandwidth_gbps: float
    on_chip_kib: float
    on_chip_gbps: float
    launch_us: float
    saturating_outputs: float
    element_bytes: float
    pj_per_mac: float
    pj_per_dram_byte: float
    pj_per_on_chip_byte: float
    static_w: float
    efficiency: Mapping[str, float]
    fused: tuple[str, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Digest of all numbers, for fingerprints."""
        text = json.dumps({name: getattr(self, name) for name in self.__slots__}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def shipped_devices() -> list[str]:
    """Names of the shipped devices, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_device(name: str, changes: Mapping[str, Any]) -> RooflineDevice:
    """Read a device.

    Args:
        name: A shipped device, or the path of a ``.json`` file: each field as ``{"value": ..., "source": "..."}``.
        changes: Fields to replace, by plain values.

    Raises:
        TargetError: When it is unknown or cannot be read, or a field is missing, unknown or out of range.
    """
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not path.is_file():
        remedy = f"use one of {', '.join(shipped_devices())}, or the path of a .json file"
        raise TargetError(f"roofline: device {name!r} does not exist", remedy)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(
            f"{path}: cannot be read ({error})", "give a JSON object; the shipped devices show how"
        ) from error
    fields = data.get("fields") if isinstance(data, dict) else None
    if not isinstance(fields, dict) or not all(isinstance(f, dict) and "value" in f for f in fields.values()):
        raise TargetError(f"{path}: no object 'fields' of {{value, source}}", "the shipped devices show how")
    values = {key: entry["value"] for key, entry in fields.items()} | dict(changes)
    return _device(str(path), values)


def _device(where: str, values: dict[str, Any]) -> RooflineDevice:
    known = RooflineDevice.__slots__
    for name in values:
        if name not in known:
            raise TargetError(f"{where}: unknown field {name!r}", "known: " + ", ".join(known))
    for name in known:
        if name not in values and name != "fused":
            raise TargetError(f"{where}: field {name!r} is missing", "add it; the shipped devices show how")
    for name in (*POSITIVE, *NOT_NEGATIVE):
        if not _number(values[name]) or values[name] < 0 or (name in POSITIVE and values[name] == 0):
            raise TargetError(f"{where}: {name} is {values[name]!r}", "give a positive number")
    shares, fused = _efficiency(where, values["efficiency"]), _fused(where, values.get("fused", ()))
    return RooflineDevice(**values | {"fused": fused, "efficiency": shares})


def _efficiency(where: str, shares: Any) -> dict[str, float]:
    kinds = sorted(CONVOLUTIONS | PRODUCTS)
    if not isinstance(shares, Mapping) or sorted(shares) != kinds:
        raise TargetError(f"{where}: efficiency is {shares!r}", "give a share for each of " + ", ".join(kinds))
    for kind, share in shares.items():
        if not _number(share) or not 0 < share <= 1:
            raise TargetError(f"{where}: efficiency of {kind} is {share!r}", "give a share above 0, at most 1")
    return dict(shares)


def _fused(where: str, fused: Any) -> tuple[str, ...]:
    if not isinstance(fused, list | tuple) or not all(isinstance(kind, str) for kind in fused):
        raise TargetError(f"{where}: fused is {fused!r}", "list kinds that do no MACs: activation, norm")
    unknown = sorted(set(fused) - set(get_args(Kind)) | set(fused) & (CONVOLUTIONS | PRODUCTS))
    if unknown:
        raise TargetError(f"{where}: fused holds {unknown}", "list kinds that do no MACs: activation, norm")
    return tuple(fused)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
