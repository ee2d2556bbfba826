"""Systolic array accelerators scored by closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...spaces.design import Designs, digest_of
from ...spaces.errors import TargetError
from ...spaces.networks.catalog import network
from ...spaces.space import Space
from ...spaces.workload import Workload
from ..metric import Metric
from ..target import Columns, FloatArray, HardwareTarget, Needs, Seeds
from .area import area_pe
from .closed_form import BLOCK_ELEMENTS, DATAFLOWS, array_report
from .dram import buffer_words, dram_report
from .energy import energy_macs
from .lowering import lower
from .scalesim_files import write_scalesim_files

NUMBERS = ("rows", "cols", "ifmap_kib", "filter_kib", "ofmap_kib")
"""Numeric knobs that a space must have, besides ``dataflow``."""


class SystolicArray(HardwareTarget):
    """One inference at batch 1 on an R x C array with three double-buffered SRAMs.

    Cycles and SRAM traffic equal SCALE-Sim 3.0.0 without stalls; see :mod:`.closed_form`, and :mod:`.dram` for which
    part of the DRAM traffic is exact. Layers run one after the other; operators without MACs cost nothing. As in
    SCALE-Sim without stalls, the output buffer has no influence but its area.

    Args:
        space: Has the knobs :data:`NUMBERS` and ``dataflow`` (``os``, ``ws``, ``is``).
        workload: Name of a network, a workload, or the path of an ONNX or workload JSON file.
        word_bytes: Bytes of a word in SRAM and DRAM.
        dram_words_per_cycle: DRAM bandwidth; when given, a layer takes at least its traffic over this (a roofline with
            perfect overlap); None is unlimited.
        options: Options of the named network: ``resolution``, ``width``, ...

    Raises:
        TargetError: When a knob is missing or has values that no array can have, or an option is wrong.
    """

    needs = Needs(cheap=True)

    def __init__(
        self,
        space: Space,
        workload: str | Workload = "mobilenet_v2",
        *,
        word_bytes: int = 1,
        dram_words_per_cycle: float | None = None,
        **options: Any,
    ) -> None:
        if word_bytes < 1:
            raise TargetError(f"word_bytes is {word_bytes}", "use 1 for int8, 2 for float16")
        if dram_words_per_cycle is not None and not dram_words_per_cycle > 0:
            raise TargetError(
                f"dram_words_per_cycle is {dram_words_per_cycle}", "give a positive bandwidth or leave it out"
            )
        _check_knobs(space, word_bytes)
        self.workload = _workload(workload, options)
        self.layers = lower(self.workload)
        self.word_bytes = word_bytes
        self.dram_words_per_cycle = dram_words_per_cycle

    def metrics(self) -> tuple[Metric, ...]:
        limit = "with a DRAM roofline" if self.dram_words_per_cycle else "without memory stalls"
        return (
            Metric("cycles", "modelled", f"clock cycles of one inference, {limit}"),
            Metric("dram_words", "modelled", "words between DRAM and buffers"),
            Metric("sram_words", "modelled", "words between buffers and array"),
            Metric("area_pe", "modelled", "PEs plus SRAM at the exchange rate of a published floor plan"),
            Metric("utilization_pct", "modelled", "MACs per PE and cycle, over the whole inference"),
            Metric("energy_macs", "modelled", "energy in MACs' worth, Eyeriss' relative costs"),
        )

    def fingerprint(self) -> dict[str, str]:
        return {"model": "scalesim-3.0.0 closed forms", "workload": digest_of(self.workload.to_json())}

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        del seeds  # nothing here is random
        knobs = {name: designs.column(name).astype(np.float64) for name in NUMBERS}
        dataflow = designs.column("dataflow")
        totals = np.full((3, len(designs)), np.nan)
        step = max(1, BLOCK_ELEMENTS // len(self.layers))
        known = np.isfinite(np.sum(list(knobs.values()), axis=0))
        for name in DATAFLOWS:
            members = np.flatnonzero(known & (dataflow == name))
            for start in range(0, len(members), step):
                block = members[start : start + step]
                totals[:, block] = self._totals(name, {key: column[block, None] for key, column in knobs.items()})
        cycles, dram, sram = totals
        pes = knobs["rows"] * knobs["cols"]
        values = {
            "cycles": cycles,
            "dram_words": dram,
            "sram_words": sram,
            "area_pe": area_pe(
                knobs["rows"], knobs["cols"], knobs["ifmap_kib"] + knobs["filter_kib"] + knobs["ofmap_kib"]
            ),
            "utilization_pct": 100.0 * self.workload.macs / (cycles * pes),
            "energy_macs": energy_macs(self.workload.macs, sram, dram),
        }
        failures = {int(row): "a knob of the array is inactive" for row in np.flatnonzero(np.isnan(cycles))}
        return Columns(values, failures=failures)

    def _totals(self, dataflow: str, knobs: Mapping[str, FloatArray]) -> FloatArray:
        """Cycles, DRAM words and SRAM words of designs [n, 1] over all layers, float64 [3, n]."""
        layers = self.layers
        m, k, n, count = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n, layers.count))
        rows, cols = knobs["rows"], knobs["cols"]
        array = array_report(dataflow, m, k, n, rows, cols)
        ifmap, weights = (buffer_words(knobs[name], self.word_bytes) for name in ("ifmap_kib", "filter_kib"))
        memory = dram_report(dataflow, layers, rows, cols, ifmap, weights)
        traffic = memory.ifmap_reads + memory.filter_reads + memory.ofmap_writes
        cycles = array.cycles
        if self.dram_words_per_cycle is not None:
            cycles = np.maximum(cycles, np.ceil(traffic / self.dram_words_per_cycle))
        # SCALE-Sim adds R + C writes per fold for os; only the real ones count here.
        writes = memory.ofmap_writes
        sram = array.ifmap_reads + array.filter_reads + writes
        return np.stack([cycles @ count, traffic @ count, sram @ count])

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        """Write SCALE-Sim's configuration, topology and layout for each design.

        Args:
            designs: ``n`` designs.
            folder: Existing folder to write to.
            stems: File name without suffix for each design.

        Returns:
            ``<stem>.cfg``, ``<stem>_topology.csv``, ``<stem>_layout.csv`` per design.
        """
        files: list[Path] = []
        for design, stem in zip(designs, stems, strict=True):
            files += write_scalesim_files(design, self.layers, folder, stem)
        return files


def _workload(workload: str | Workload, options: Mapping[str, Any]) -> Workload:
    is_file = isinstance(workload, str) and workload.endswith((".onnx", ".json"))
    if isinstance(workload, str) and not is_file:
        return network(workload, **options)
    if options:
        raise TargetError(f"options {sorted(options)} are for named networks", "leave them out, or name a network")
    if isinstance(workload, Workload):
        return workload
    path = Path(workload)
    if not path.is_file():
        raise TargetError(f"workload file {workload} does not exist", "correct the path")
    if path.suffix == ".json":
        return Workload.from_json(path.read_text(encoding="utf-8"))
    from ...spaces.workload_onnx import workload_from_onnx

    return workload_from_onnx(path)


def _check_knobs(space: Space, word_bytes: int) -> None:
    missing = [name for name in (*NUMBERS, "dataflow") if name not in space.names]
    if missing:
        remedy = "add them, or use the space 'systolic_array'; a part of a joint space is chosen with its prefix"
        raise TargetError(f"space {space.name!r} lacks the knobs {', '.join(missing)}", remedy)
    values: dict[str, NDArray[Any]] = {
        name: space.knob(name).decode(np.arange(space.knob(name).n)) for name in space.names
    }
    unknown = [value for value in values["dataflow"].tolist() if value not in DATAFLOWS]
    if unknown:
        raise TargetError(f"knob dataflow has values {unknown}", "use " + ", ".join(DATAFLOWS))
    for name in NUMBERS:
        if values[name].dtype == object or (least := float(values[name].min())) < 1:
            raise TargetError(f"knob {name} has values that are no numbers of 1 or more", "give sizes of 1 or more")
        if name.endswith("kib") and buffer_words(np.array([least]), word_bytes)[0] < 1:
            raise TargetError(
                f"knob {name}: {least} KiB hold no line of {word_bytes}-byte words", "give larger buffers"
            )
    for name in ("rows", "cols"):
        if (values[name] % 1 != 0).any():
            raise TargetError(f"knob {name} has fractions", "give whole numbers of PEs")
