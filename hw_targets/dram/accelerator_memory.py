"""A systolic array and the memory controller in front of its DRAM, scored together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...spaces.design import Designs
from ...spaces.errors import SpaceError, TargetError
from ...spaces.knobs import Value
from ...spaces.space import Space
from ...spaces.workload import Workload
from ..metric import Metric
from ..systolic.energy import energy_macs
from ..systolic.target import SystolicArray
from ..target import Columns, HardwareTarget, Needs, Report, Seeds
from .accelerator_stream import CLOCK_MHZ, AccessStream, access_stream
from .controller import CHOICES, FIELDS
from .dramsys_export import write_or_note
from .model_digest import digest_of_modules
from .scores import energy_parts
from .simulation import COUNTS, simulate
from .stalls import stalls
from .stl_files import write_stl
from .target import STUCK, Dram

MODEL = ("accelerator_memory", "accelerator_stream", "accelerator_traffic", "fold_sampling", "stalls")
"""Modules that make metrics of an accelerator and its requests."""

PARTS = ("accelerator", "memory")
"""Parts that a joint space must have."""

MAC_PJ = 0.3
"""Energy of an int8 multiplication (0.2 pJ) and a 32-bit integer addition (0.1 pJ), 45 nm, 0.9 V.

Source: M. Horowitz, "Computing's Energy Problem (and What We Can Do About It)", ISSCC 2014, Figure 1.1.9.
"""

KEPT_STREAMS = 64
"""Streams that a target remembers, of the arrays that it saw last; 20,000 requests are 0.4 MB."""

LEAST_REQUESTS = 20
"""Requests that a sample must have for each different layer, so that none is left without."""

COMMANDS = ("activate", "precharge", "read", "write")
"""Causes of energy that grow with requests; the others grow with time."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Key = tuple[str | float, ...]


class AcceleratorMemory(HardwareTarget):
    """One inference at batch 1 on an array whose DRAM traffic goes through a simulated memory controller.

    The array's requests (:mod:`.accelerator_stream`) are what it asks for if it never waits, with moving and computing
    overlapped by double buffers. They are simulated as they are; where the controller cannot keep up, the lag grows,
    and by so much the array would have stalled (:mod:`.stalls`). Latency is the compute time of the whole inference,
    stretched as the simulated sample is: compute bound where memory keeps up, memory bound where it does not, part by
    part. Refreshes that a controller has put off until after the sample are charged as if they had been
    made: all of their energy, and their time where memory is the bottleneck.

    DRAM energy is that of the simulated commands, scaled from the sampled requests to all of them, plus standby and
    refresh over the latency. The array's is Eyeriss' relative costs without DRAM (:mod:`..systolic.energy`) times
    :data:`MAC_PJ`: an order of magnitude, to keep arrays from growing without a price.

    Args:
        space: A joint space with the parts ``accelerator`` (the knobs of the space ``systolic_array``) and ``memory``
            (those of ``memory_controller``).
        workload: Name of a network, a workload, or the path of an ONNX or workload JSON file.
        device: Name of a DRAM device, or the path of its JSON file.
        word_bytes: Bytes of a word.
        clock_mhz: Clock of the array.
        max_requests: Requests to simulate for each design, about; a larger stream is sampled. At least
            :data:`LEAST_REQUESTS` for each different layer.
        options: Options of the named network: ``resolution``, ``width``, ...

    Raises:
        CosearchError: When a part or a knob is missing, or an option is wrong.
    """

    needs = Needs()

    def __init__(
        self,
        space: Space,
        workload: str | Workload = "mobilenet_v2",
        *,
        device: str = "ddr3_1600",
        word_bytes: int = 1,
        clock_mhz: float = CLOCK_MHZ,
        max_requests: int = 20_000,
        **options: Any,
    ) -> None:
        if not clock_mhz > 0 or max_requests < 1:
            remedy = "give a positive clock and at least one request"
            raise TargetError(f"clock_mhz is {clock_mhz}, max_requests is {max_requests}", remedy)
        accelerator, memory = (_part(space, name) for name in PARTS)
        self.array = SystolicArray(accelerator, workload, word_bytes=word_bytes, **options)
        least = LEAST_REQUESTS * len(self.array.layers)
        if max_requests < least:
            problem = f"max_requests is {max_requests}, too few for {len(self.array.layers)} different layers"
            raise TargetError(problem, f"allow {least} or more: {LEAST_REQUESTS} for each")
        self.controllers = Dram(memory, device=device, traces=[{"name": "stream", "requests": 1}])
        self.device = self.controllers.device
        self.word_bytes, self.clock_mhz, self.max_requests = word_bytes, clock_mhz, max_requests
        self._streams: OrderedDict[Key, AccessStream] = OrderedDict()

    def metrics(self) -> tuple[Metric, ...]:
        return (
            Metric("latency_ms", "simulated", "time of one inference, computing and moving overlapped"),
            Metric("stall_pct", "simulated", "share of the time in which the array waits for memory"),
            Metric("bandwidth_gbps", "simulated", "bytes between DRAM and buffers over the latency"),
            Metric("energy_uj", "simulated", "energy of DRAM and array"),
            Metric("dram_energy_uj", "simulated", "energy of the DRAM"),
            Metric(
                "array_energy_uj", "modelled", "energy of array and buffers, Eyeriss' relative costs at 0.3 pJ per MAC"
            ),
            Metric("area_pe", "modelled", "PEs plus SRAM at the exchange rate of a published floor plan"),
        )

    def fingerprint(self) -> dict[str, str]:
        return self.array.fingerprint() | {
            "traffic": digest_of_modules(*MODEL),
            "memory": self.controllers.fingerprint()["model"],
            "device": self.controllers.fingerprint()["device"],
            "stream": f"{self.max_requests} requests, {self.clock_mhz:g} MHz",
        }

    def prepare(self, folder: Path, report: Report) -> None:
        """Compile the simulator, once per installation."""
        self.controllers.prepare(folder, report)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        arrays, memories = (designs.part(name) for name in PARTS)
        base = self.array.evaluate(arrays, seeds)
        table = self.controllers.settings(memories)
        values = {metric.name: np.full(len(designs), np.nan) for metric in self.metrics()}
        values["area_pe"] = base.values["area_pe"]
        macs = energy_macs(self.array.workload.macs, base.values["sram_words"], np.zeros(len(designs)))
        values["array_energy_uj"] = 1e-6 * MAC_PJ * macs
        failures = dict(base.failures)
        _, owner = np.unique(arrays.codes, axis=0, return_inverse=True)
        for group in range(int(owner.max(initial=-1)) + 1):
            rows = np.flatnonzero(owner.reshape(-1) == group)
            if int(rows[0]) in failures:
                continue
            try:
                scores, stuck = self._scored(arrays[int(rows[0])], table[rows])
            except TargetError as error:
                failures |= dict.fromkeys(rows.tolist(), str(error))
                continue
            for name, column in scores.items():
                values[name][rows] = column
            failures |= {int(row): STUCK for row in rows[stuck]}
        values["energy_uj"] = values["dram_energy_uj"] + values["array_energy_uj"]
        return Columns(values, failures=failures)

    def _scored(self, array: Mapping[str, Value], table: IntArray) -> tuple[dict[str, FloatArray], NDArray[np.bool_]]:
        """Metrics of one array with ``n`` controllers, [n] each, and which of these never finished."""
        stream, device = self._stream(array), self.device
        runs = simulate(device, stream.trace, table, self.controllers.mappings)
        column = {name: runs.counts[:, index].astype(np.float64) for index, name in enumerate(COUNTS)}
        ranks = table[:, FIELDS.index("channels")] * table[:, FIELDS.index("ranks")]
        owed_cycles, owed_uj = self._owed_refreshes(table, column, ranks)
        stall, bound = stalls(runs.delays)
        waiting_ns = (stall + bound * owed_cycles) * device.tck_ns
        never_waiting_ns = stream.cycles * (1e3 / self.clock_mhz)
        stretch = 1.0 + waiting_ns / never_waiting_ns
        latency_ns = stream.compute_cycles * (1e3 / self.clock_mhz) * stretch
        energy = energy_parts(device, runs.counts, ranks)
        commands = np.sum([energy[name] for name in COMMANDS], axis=0)
        background = energy["refresh"] + energy["standby"] + owed_uj
        simulated_ns = column["end_cycles"] * device.tck_ns
        scores = {
            "latency_ms": 1e-6 * latency_ns,
            "stall_pct": 100.0 * (1.0 - 1.0 / stretch),
            "bandwidth_gbps": stream.requests * device.bytes_per_access / latency_ns,
            "dram_energy_uj": commands * (stream.requests / len(stream.trace)) + background * latency_ns / simulated_ns,
        }
        return scores, column["status"] != 0

    def _owed_refreshes(
        self, table: IntArray, column: Mapping[str, FloatArray], ranks: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Cycles and microjoules of refreshes that fell due in the simulation and were put off until after it, [n]."""
        timing, energy = self.device.timing, self.device.energy_pj()
        policy = table[:, FIELDS.index("refresh_policy")]
        cycles, picojoules = np.zeros((2, len(table)))
        kinds = [("AllBank", "refreshes", timing["REFI"], timing["RFC"], energy.refresh)]
        if self.device.refreshes_banks:
            # The other banks work while one is refreshed.
            kinds.append(("PerBank", "bank_refreshes", timing["REFIPB"], 0, energy.refresh_bank))
        for name, count, interval, duration, picojoules_each in kinds:
            due = column["end_cycles"] / interval - column[count] / ranks
            owed = np.where(policy == CHOICES["refresh_policy"].index(name), np.maximum(due, 0.0), 0.0)
            cycles += owed * duration
            picojoules += owed * ranks * picojoules_each
        return cycles, 1e-6 * picojoules

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        """Write each design for SCALE-Sim and DRAMSys: the array, the controller, and the array's requests.

        Args:
            designs: ``n`` designs.
            folder: Existing folder to write to.
            stems: File name without suffix for each design.

        Returns:
            The files of :func:`~..systolic.scalesim_files.write_scalesim_files` and
            :func:`~.dramsys_export.write_or_note`, and ``<stem>/traces/<stem>.stl``.
        """
        arrays, memories = (designs.part(name) for name in PARTS)
        files = self.array.export(arrays, folder, stems)
        for array, memory, stem in zip(arrays, memories, stems, strict=True):
            trace = self._stream(array).trace
            traces = folder / stem / "traces"
            traces.mkdir(parents=True, exist_ok=True)
            files.append(write_stl(trace, traces / f"{stem}.stl"))
            files += write_or_note(memory, self.device, folder, stem, [(f"{stem}.stl", trace.clock_mhz)])
        return files

    def _stream(self, array: Mapping[str, Value]) -> AccessStream:
        """The stream of an array, remembered."""
        sizes = (float(array[name]) for name in ("rows", "cols", "ifmap_kib", "filter_kib"))
        key: Key = (str(array["dataflow"]), *sizes)
        if key not in self._streams:
            self._streams[key] = access_stream(
                self.array.layers,
                array,
                name=self.array.workload.name,
                word_bytes=self.word_bytes,
                clock_mhz=self.clock_mhz,
                max_requests=self.max_requests,
                access_bytes=self.device.bytes_per_access,
            )
            while len(self._streams) > KEPT_STREAMS:
                self._streams.popitem(last=False)
        self._streams.move_to_end(key)
        return self._streams[key]


def _part(space: Space, name: str) -> Space:
    try:
        return space.part(name)[0]
    except SpaceError as error:
        parts = "name: joint, accelerator: {name: systolic_array}, memory: {name: memory_controller}"
        raise TargetError(f"space {space.name!r} has no part {name!r}", f"use a joint space: {{{parts}}}") from error
