"""Memory controllers scored by DRAMSys, a SystemC simulator, as the user has installed it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...spaces.design import Designs
from ...spaces.errors import CosearchError, TargetError
from ...spaces.memory_controller import CONTROLLER, FURTHER
from ...spaces.space import Space
from ..metric import Metric
from ..target import Columns, HardwareTarget, Needs, Report, Seeds
from .device import load_device
from .dramsys_export import export_designs
from .dramsys_files import MEMSPECS, POWERED
from .dramsys_run import run_dramsys
from .stl_files import write_stl
from .trace import Trace
from .workloads import Spec, load_traces

METRICS = (
    ("total_time_ns", "time of the last response, summed over traces"),
    ("bandwidth_gbps", "bytes over time"),
    ("energy_uj", "energy of the memory, summed over traces"),
    ("avg_power_mw", "energy over time"),
)


class DramSys(HardwareTarget):
    """DRAMSys 4.0 (Steiner et al., SAMOS 2020), one process per design and trace.

    As a target of a search it gives what the target ``dram`` gives under the same names. To confirm a front that the
    fast simulator found, put it beside that one with ``confirm_only``; it is then run for the final front alone::

        targets:
          memory: {name: dram, traces: [my.stl]}
          check: {name: dramsys, program: /opt/DRAMSys/DRAMSys, resources: /opt/DRAMSys/resources,
                  traces: [my.stl], confirm_only: true}

    The members of the front then have ``dramsys_total_time_ns`` and the others as held-out metrics. Energy and power
    are given for the standards that DRAMSys 4.0 analyses, :data:`~.dramsys_files.POWERED`.

    Args:
        space: Has knobs of :func:`~cosearch.spaces.memory_controller.memory_controller`; those that it lacks are at
            :data:`~cosearch.spaces.memory_controller.REFERENCE`.
        resources: DRAMSys' folder ``resources``, for the memory specification; nothing is written there.
        program: DRAMSys, as a path or a name on the PATH.
        device: Name or file of the device.
        memspec: Name of the memory specification in ``configs/memspecs``; by default the one that a shipped device
            describes.
        traces: What the traces are, see :func:`~.workloads.load_traces`; each is a simulation of its own.
        time_limit_s: Longest time of one simulation, seconds; a design that takes longer fails.
        confirm_only: Whether to score final fronts only, as held-out metrics.

    Raises:
        TargetError: When an option is wrong, or the memory specification is missing.
    """

    def __init__(
        self,
        space: Space,
        resources: str,
        *,
        program: str = "DRAMSys",
        device: str = "ddr3_1600",
        memspec: str | None = None,
        traces: Spec | Sequence[Spec] = "stream",
        time_limit_s: float = 600.0,
        confirm_only: bool = False,
    ) -> None:
        if not {*CONTROLLER, *FURTHER} & set(space.names):
            raise TargetError(f"space {space.name!r} has no knob of a memory controller", "use memory_controller")
        if not time_limit_s > 0:
            raise TargetError(f"time_limit_s is {time_limit_s}", "give a positive number of seconds")
        self.program = str(Path(program).absolute()) if "/" in program else program
        self.needs = Needs(program=self.program)
        self.device = load_device(device)
        self.memspec_name = memspec or MEMSPECS.get(self.device.name)
        self.memspec = _memspec(Path(resources), self.memspec_name)
        self.traces = load_traces(traces, access_bytes=self.device.bytes_per_access)
        self.power = self.device.standard in POWERED
        self.time_limit_s = time_limit_s
        self.confirm_only = confirm_only
        self._folder: Path | None = None

    def _all_metrics(self) -> tuple[Metric, ...]:
        prefix = "dramsys_" if self.confirm_only else ""
        known = METRICS if self.power else METRICS[:2]
        return tuple(Metric(prefix + name, "simulated", f"{line}, by DRAMSys") for name, line in known)

    def metrics(self) -> tuple[Metric, ...]:
        return () if self.confirm_only else self._all_metrics()

    def held_out_metrics(self) -> tuple[Metric, ...]:
        return self._all_metrics() if self.confirm_only else ()

    def fingerprint(self) -> dict[str, str]:
        path = shutil.which(self.program)
        return {
            "program": hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if path else "not found",
            "device": self.device.name,
            "memspec": hashlib.sha256(json.dumps(self.memspec, sort_keys=True).encode()).hexdigest()[:16],
            "traces": ",".join(trace.digest() for trace in self.traces),
        }

    def prepare(self, folder: Path, report: Report) -> None:
        """Write the traces once, as DRAMSys reads them."""
        traces = folder / "traces"
        traces.mkdir(parents=True, exist_ok=True)
        for trace in self.traces:
            _write_once(trace, traces)
        self._folder = traces.absolute()

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return Columns({}) if self.confirm_only else self._scored(designs)

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        return self._scored(designs) if self.confirm_only else super().confirm(designs, seeds)

    def _scored(self, designs: Designs) -> Columns:
        names = [metric.name for metric in self._all_metrics()]
        values = {name: np.full(len(designs), np.nan) for name in names}
        failures: dict[int, str] = {}
        with tempfile.TemporaryDirectory(prefix="dramsys-traces-") as temporary:
            folder = self._folder or Path(temporary)
            traces = [(_write_once(trace, folder), trace.clock_mhz) for trace in self.traces]
            for row, design in enumerate(designs):
                try:
                    runs = run_dramsys(
                        self.program,
                        design,
                        self.device,
                        self.memspec,
                        traces,
                        power=self.power,
                        time_limit_s=self.time_limit_s,
                    )
                except CosearchError as error:
                    failures[row] = str(error)
                    continue
                for name in names:
                    values[name][row] = _over_traces(name.removeprefix("dramsys_"), runs)
        return Columns(values, failures=failures)

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        """Write each design as DRAMSys' own files, see :func:`~.dramsys_export.export_designs`."""
        return export_designs(designs, self.device, self.traces, folder, stems, self.memspec_name)


def _over_traces(name: str, runs: Sequence[dict[str, float]]) -> float:
    """A metric of all traces: times and energies add up, rates are weighted by time."""
    column = np.array([run[name] for run in runs])
    if name in ("total_time_ns", "energy_uj"):
        return float(column.sum())
    return float(np.average(column, weights=[run["total_time_ns"] for run in runs]))


def _write_once(trace: Trace, folder: Path) -> Path:
    """The trace's file in a folder, written when it is missing; whole or not there."""
    path = folder / f"{trace.digest()}.stl"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".stl", delete=False) as draft:
            draft.close()
            write_stl(trace, draft.name).replace(path)
    return path


def _memspec(resources: Path, name: str | None) -> dict[str, Any]:
    if name is None:
        raise TargetError("memspec is not given for a device of your own", "name a file of configs/memspecs")
    path = resources / "configs" / "memspecs" / f"{name.removesuffix('.json')}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        data["memspec"]["memarchitecturespec"]["nbrOfChannels"]
    except OSError as error:
        remedy = "give DRAMSys' folder resources, and a name in its configs/memspecs"
        raise TargetError(f"resources: {path} cannot be read ({error.strerror})", remedy) from error
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{path} is no memory specification of DRAMSys: {error}", "correct it") from error
    return dict(data)
