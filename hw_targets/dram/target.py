"""Memory controllers scored by an event-driven simulation of the DRAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...spaces.design import Designs, digest_of
from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.space import Space
from ..metric import Metric
from ..target import Columns, FloatArray, HardwareTarget, Needs, Report, Seeds
from .address_mapping import address_bits
from .controller import DEFAULTS, FIELDS, IntArray, setting
from .device import Device, load_device
from .dramsys_export import export_designs
from .model_digest import digest_of_modules
from .requests import check_range
from .scores import METRICS, scores
from .simulation import LATENCIES, simulate
from .trace import Trace
from .workloads import Spec, load_traces, with_own_names

MODEL = ("kernel", "address_mapping", "controller", "energy", "requests", "scores", "simulation", "target", "timings")
"""Modules that make metrics of requests."""

FIDELITIES = (1 / 9, 1 / 3, 1.0)
"""Shares of each trace, from its start, that may be simulated."""

LONGEST_CYCLES = 10**10
"""Memory cycles that a trace may last: every refresh of idle time is simulated, and delays count in 32 bits."""

STUCK = (
    "requests wait that the controller can never serve: the strict command order with a scheduler that reorders; "
    "use cmd_mux Oldest or scheduler Fifo"
)


class Dram(HardwareTarget):
    """Time, latency, energy and power of request traces behind a memory controller.

    A compiled event-driven simulation with the behaviour of DRAMSys 4.0 (Steiner et al., SAMOS 2020): every command at
    the cycle that the timing of the device allows. Designs are simulated on each trace; times, energies and counts are
    summed over traces, mean latencies weighted by requests, percentiles taken over all requests.

    Args:
        space: Has knobs of :func:`~cosearch.spaces.memory_controller.memory_controller`; those that it lacks, and
            inactive ones, are at :data:`~cosearch.spaces.memory_controller.REFERENCE`.
        device: Name or file of the device.
        traces: What the traces are, see :func:`~.workloads.load_traces`.
        channels: Channels where that is no knob; by default the device's.
        ranks: Ranks per channel where that is no knob; by default the device's.
        threads: Threads that share a batch. One by default, since experiments run several workers.

    Raises:
        TargetError: When an option is wrong, a knob has values that the simulator cannot have, or an address of a trace
            lies outside the smallest memory of the space.
    """

    def __init__(
        self,
        space: Space,
        *,
        device: str | Path | Device = "ddr3_1600",
        traces: Spec | Sequence[Spec | Trace] = "stream",
        channels: int | None = None,
        ranks: int | None = None,
        threads: int = 1,
    ) -> None:
        if not set(FIELDS) & set(space.names):
            raise TargetError(f"space {space.name!r} has no knob of a memory controller", "use memory_controller")
        if threads < 1:
            raise TargetError(f"threads is {threads}", "use 1 or more")
        self.device = device if isinstance(device, Device) else load_device(device)
        self.traces = _traces(traces, self.device)
        self.threads = threads
        self.needs = Needs(cpus=float(threads))
        sizes: dict[str, Value] = {
            "channels": self.device.channels if channels is None else channels,
            "ranks": self.device.ranks if ranks is None else ranks,
        }
        self.fixed: Mapping[str, Value] = {**DEFAULTS, **sizes}
        self.mappings = _mappings(space, self.device)
        self._tables = {name: self._table(space, name) for name in FIELDS}
        if 2 in self._tables["refresh_policy"] and not self.device.refreshes_banks:
            raise TargetError(
                f"refresh_policy may be PerBank, which {self.device.name} cannot do", "leave it out or take lpddr4_3200"
            )
        least = {name: self._least(space, name) for name in ("channels", "ranks")}
        for trace in self.traces:
            check_range(self.device, trace, least["channels"], least["ranks"])

    def _table(self, space: Space, name: str) -> IntArray:
        """Setting of each code of a knob; the last one is that of the inactive or missing knob."""
        knob = space.knob(name) if name in space.names else None
        values = [] if knob is None else [knob.value(code) for code in range(knob.n)]
        return np.array([setting(name, value, self.mappings) for value in (*values, self.fixed[name])], dtype=np.int64)

    def _least(self, space: Space, name: str) -> int:
        table = self._tables[name]
        return int(table[:-1].min() if name in space.names else table[-1])

    def metrics(self) -> tuple[Metric, ...]:
        return METRICS

    def fidelities(self) -> tuple[float, ...]:
        return FIDELITIES

    def fingerprint(self) -> dict[str, str]:
        return {
            "model": f"event-driven DRAMSys 4.0, {digest_of_modules(*MODEL)}",
            "device": digest_of(repr(self.device)),
            "traces": ",".join(trace.digest() for trace in self.traces),
            "sizes": f"{self.fixed['channels']}x{self.fixed['ranks']}",
        }

    def prepare(self, folder: Path, report: Report) -> None:
        """Compile the simulator, once per installation."""
        report("compiling the simulator of memory controllers", 0.0)
        table = np.array([[self._tables[name][-1] for name in FIELDS]], dtype=np.int64)
        zero = np.zeros(1, dtype=np.int64)
        # Address 0 lies in every memory.
        simulate(self.device, Trace("first", zero, zero, zero > 0), table, self.mappings)
        report("compiling the simulator of memory controllers", 1.0)

    def settings(self, designs: Designs) -> IntArray:
        """Settings of designs, int64 [n, 16]; see :func:`cosearch.hw_targets.dram.controller.settings`."""
        table = np.empty((len(designs), len(FIELDS)), dtype=np.int64)
        for index, name in enumerate(FIELDS):
            known = self._tables[name]
            column = designs.space.index(name) if name in designs.space.names else None
            table[:, index] = known[-1] if column is None else known[designs.codes[:, column]]
        return table

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self._evaluate(designs, self.traces)

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        if fidelity not in FIDELITIES:
            return super().evaluate_at(designs, seeds, fidelity)
        return self._evaluate(designs, tuple(trace.head(round(fidelity * len(trace))) for trace in self.traces))

    def _evaluate(self, designs: Designs, traces: Sequence[Trace]) -> Columns:
        """Score blocks of designs, several at once with threads."""
        table = self.settings(designs)
        block = max(1, LATENCIES // sum(len(trace) for trace in traces))
        block = min(block, max(1, -(-len(table) // self.threads)))
        blocks = [table[start : start + block] for start in range(0, len(table), block)]
        if self.threads == 1 or len(blocks) == 1:
            done = [self._block(part, traces) for part in blocks]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                done = list(pool.map(lambda part: self._block(part, traces), blocks))
        names = [metric.name for metric in METRICS]
        values = {name: np.concatenate([np.empty(0), *(part[name] for part in done)]) for name in names}
        stuck = np.concatenate([np.empty(0), *(part["stuck"] for part in done)])
        return Columns(values, failures={int(row): STUCK for row in np.flatnonzero(stuck)})

    def _block(self, table: IntArray, traces: Sequence[Trace]) -> dict[str, FloatArray]:
        runs = [simulate(self.device, trace, table, self.mappings) for trace in traces]
        sizes = table[:, FIELDS.index("channels")] * table[:, FIELDS.index("ranks")]
        stuck = np.any([run.counts[:, 0] != 0 for run in runs], axis=0)
        return {**scores(self.device, traces, runs, sizes), "stuck": stuck.astype(np.float64)}

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        """Write each design as DRAMSys' own files, see :func:`~.dramsys_export.export_designs`."""
        sizes = {name: self.fixed[name] for name in ("channels", "ranks")}
        sized = [{**sizes, **design} for design in designs]
        return export_designs(sized, self.device, self.traces, folder, stems)


def _traces(given: Spec | Sequence[Spec | Trace], device: Device) -> tuple[Trace, ...]:
    """Traces as they are, or loaded by what they are called; none too long to simulate."""
    several = [given] if isinstance(given, str | Mapping) else list(given)
    traces = tuple(spec for spec in several if isinstance(spec, Trace))
    named = [spec for spec in several if not isinstance(spec, Trace)]
    if named or not traces:
        traces += load_traces(named, access_bytes=device.bytes_per_access)
    for trace in traces:
        cycles = float(trace.cycles[-1]) * device.clock_mhz / trace.clock_mhz
        if cycles > LONGEST_CYCLES:
            problem = f"trace {trace.name!r} lasts {cycles:.3g} cycles of {device.name}, above {LONGEST_CYCLES:.0e}"
            raise TargetError(problem, "cut it into parts, let its cycles start at 0, or correct its clock_mhz")
    return with_own_names(traces)


def _mappings(space: Space, device: Device) -> tuple[str, ...]:
    """Address mappings of the space, and the default."""
    known = [str(DEFAULTS["address_mapping"])]
    if "address_mapping" in space.names:
        knob = space.knob("address_mapping")
        known += [str(value) for code in range(knob.n) if (value := knob.value(code)) not in known]
    for mapping in known:
        address_bits(device, mapping)
    return tuple(known)
