"""Targets that time a call in this process, and meter its energy where a meter can be read."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..spaces.design import Design
from ..spaces.errors import TargetError
from ..spaces.network_space import ModuleSpace
from ..spaces.space import Space
from .energy_meters import EnergyMeter, rapl
from .measured_target import Measure, MeasuredTarget
from .measuring import Measurement, MeasuringRule, involuntary_switches, measure_clocks, robust_std
from .metric import Metric
from .reading import Reading, Readings
from .reference_work import reference_work
from .target import Needs

ENERGY_WINDOWS = 5
"""Energy is read over this many windows of calls, so that it has a spread."""

ENERGY_WINDOW_S = 0.05
"""Shortest window: fifty updates of RAPL's counters, which come about every millisecond (Hähnel et al., "Measuring
Energy Consumption for Short Code Paths Using RAPL", SIGMETRICS Performance Evaluation Review 40, 2012, section 3)."""

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timing:
    """How to time: the options that all timed targets share.

    Args:
        threads: Threads of the runtime.
        batch: Inputs per call; the latency is that of the whole batch.
        lock_wait_s: Longest wait for another measurement, seconds.
        device: Name of the lock.
        energy: Whether to meter energy where that is possible.
        rule: Fields of :class:`~cosearch.hw_targets.measuring.MeasuringRule`.
    """

    threads: int
    batch: int
    lock_wait_s: float
    device: str
    energy: bool
    rule: Mapping[str, Any]


class TimedTarget(MeasuredTarget):
    """Times one call of what a design becomes.

    A subclass gives :meth:`make_call`. Metrics are ``latency_ms`` by the wall clock; where ``counts_cpu_time``, also
    ``cpu_time_ms``, what all threads of this process spent on processors during the call; with ``relative: true``,
    ``reference_ms`` of a fixed piece of work and ``latency_ratio``, the multiple of it; and ``energy_mj`` where a
    meter of the device can be read when the target is built. Values are medians of repeats after a warm-up, ``std`` the
    robust standard deviation (1.4826 MAD) of one repeat, ``count`` the repeats kept, which are those that no other work
    interrupted; see :mod:`~cosearch.hw_targets.measuring`. Energy is that of the whole device over windows of calls,
    what else runs and what it takes at rest included.

    Args:
        space: A space with ``module(design) -> (torch.nn.Module, example input)``.
        timing: How to time.

    Raises:
        TargetError: When the space builds no modules or an option is out of range.
    """

    kind = "timed_target"
    counts_cpu_time = True
    place = "cpu"
    """Where it runs, as PyTorch writes it."""

    def __init__(self, space: Space, timing: Timing) -> None:
        if not isinstance(space, ModuleSpace):
            remedy = "use a space with module(design) -> (torch.nn.Module, example input), such as elastic_cnn"
            raise TargetError(f"{self.kind}: space {space.name!r} builds no PyTorch modules", remedy)
        if timing.threads < 1 or timing.batch < 1:
            problem = f"{self.kind}: threads {timing.threads}, batch {timing.batch}"
            raise TargetError(problem, "give threads >= 1 and batch >= 1")
        super().__init__(device=timing.device, lock_wait_s=timing.lock_wait_s)
        try:
            self.rule = MeasuringRule(**timing.rule)
        except TypeError as error:
            known = ", ".join(MeasuringRule.__dataclass_fields__)
            raise TargetError(f"{self.kind}: {error}", f"further options are {known}") from error
        self.space: ModuleSpace = space
        self.threads = timing.threads
        self.batch = timing.batch
        self.meter = self.energy_meter() if timing.energy else None
        self.needs = Needs(device=timing.device, cpus=float(timing.threads))

    @abstractmethod
    def make_call(self, design: Design, folder: Path) -> Call:
        """Build a design.

        Args:
            design: What to time.
            folder: Empty folder of this design.

        Returns:
            Runs it once, and returns when it is done.
        """

    def energy_meter(self) -> EnergyMeter | None:
        """The energy meter of the device, by default of this machine's processors; None when none can be read."""
        return rapl()

    def metrics(self) -> tuple[Metric, ...]:
        what = f"of one call, batch {self.batch}, {self.threads} threads"
        found = [Metric("latency_ms", "measured", f"median time {what}")]
        if self.counts_cpu_time:
            found.append(Metric("cpu_time_ms", "measured", f"median processor time {what}"))
        if self.rule.relative:
            found.append(Metric("reference_ms", "measured", "median time of the reference work before each call"))
            found.append(Metric("latency_ratio", "measured", f"median of time {what}, over the reference's"))
        if self.meter is not None:
            found.append(Metric("energy_mj", "measured", f"energy {what}, {self.meter.name}"))
        return tuple(found)

    def held_out_metrics(self) -> tuple[Metric, ...]:
        of_the_machine = {f"remeasured_{name}" for name in ("cpu_time_ms", "reference_ms")}
        return tuple(m for m in super().held_out_metrics() if m.name not in of_the_machine)

    def options(self) -> dict[str, str]:
        """The options that numbers depend on, as text; part of the fingerprint."""
        return {
            "threads": str(self.threads),
            "batch": str(self.batch),
            "measuring_rule": repr(self.rule),
            "energy_meter": self.meter.name if self.meter else "none readable",
            **({"relative": "true"} if self.rule.relative else {}),
        }

    def make_ready(self, design: Design, folder: Path) -> Measure:
        return partial(self._measure, self.make_call(design, folder))

    def clock(self, call: Call) -> list[Measurement]:
        """Time a call by the wall clock, then by the process's own."""
        clocks = [time.perf_counter, time.process_time] if self.counts_cpu_time else [time.perf_counter]
        return list(measure_clocks(call, self.rule, clocks, involuntary_switches, self.reference()))

    def reference(self) -> Call | None:
        """The work that is timed before each repeat, None for none."""
        return reference_work(self.place) if self.rule.relative else None

    def wait(self) -> None:
        """Until the device has done what was called; for devices that only take note of calls."""

    def _measure(self, call: Call) -> Readings:
        timings = self.clock(call)
        found = {}
        timed = [metric.name for metric in self.metrics() if metric.name != "energy_mj"]
        for name, timing in zip(timed, timings, strict=True):
            unit = 1e3 if name.endswith("_ms") else 1.0
            found[name] = Reading(unit * timing.median, unit * timing.std, timing.count)
        if self.meter is not None:
            found["energy_mj"] = self._energy(call, self.meter, timings[0].median)
        return found

    def _energy(self, call: Call, meter: EnergyMeter, latency_s: float) -> Reading:
        window_s = max(ENERGY_WINDOW_S, self.rule.seconds / ENERGY_WINDOWS)
        calls = max(1, round(window_s / max(latency_s, 1e-9)))
        windows = np.empty(ENERGY_WINDOWS)
        for i in range(ENERGY_WINDOWS):
            before = meter.read()
            for _ in range(calls):
                call()
            self.wait()
            windows[i] = meter.spent_mj(before, meter.read()) / calls
        return Reading(float(np.median(windows)), robust_std(windows), ENERGY_WINDOWS)
