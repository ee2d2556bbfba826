"""Metrics that a program prints: a board behind ssh, a phone behind adb, somebody's simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..spaces.design import Design
from ..spaces.errors import TargetError
from ..spaces.network_space import ModuleSpace, WorkloadSpace
from ..spaces.space import Space
from .fingerprint import cpu_fingerprint
from .measured_target import Measure, MeasuredTarget
from .measuring import robust_std
from .metric import Metric, Source
from .onnx_model import write_onnx
from .program_output import Samples, read_samples, run_program
from .reading import Reading, Readings
from .target import Needs

_NAMES = {"onnx": "model.onnx", "design_json": "design.json", "workload_json": "workload.json"}
PLACES = tuple(_NAMES)
"""Placeholders that stand for files."""

# Not ${NAME}, which is the shell's where the program is one.
_PLACE = re.compile(r"(?<!\$)\{(\w+)\}")


class ExternalCommand(MeasuredTarget):
    """Runs a program for each design and reads the metrics that it prints.

    The program gets files by the placeholders ``{onnx}`` (the network, float32, of the example's shape),
    ``{design_json}`` (knob values) and ``{workload_json}`` (the operators), and prints, as its last line or as all of
    its output, a JSON object ``{"latency_ms": 1.2}`` or ``{"latency_ms": [1.2, 1.3, 1.2]}``; where there is one metric,
    a bare number or list will do. It is run without a shell. A design fails when the program ends with another exit
    code than 0, takes too long, or prints what cannot be: no JSON, a metric missing, negative or not finite, a time
    of 0.

    Args:
        space: The design space; ``{onnx}`` and ``{workload_json}`` need one of networks.
        command: Program and arguments.
        metrics: Names of the metrics that it prints.
        repeats: The program is run until it has given this many values of every metric; a list counts as many.
        timeout_s: Longest run, seconds; then the program and what it started are killed.
        device: Name of the lock; commands with the same name never run at once.
        lock_wait_s: Longest wait for another measurement, seconds.
        source: What the numbers are, ``measured`` by default; see :data:`~cosearch.hw_targets.metric.Source`.

    Raises:
        TargetError: When an option is out of range, or a placeholder unknown or not on offer.
    """

    def __init__(
        self,
        space: Space,
        command: Sequence[str],
        metrics: Sequence[str],
        *,
        repeats: int = 3,
        timeout_s: float = 600.0,
        device: str = "external",
        lock_wait_s: float = 3600.0,
        source: Source = "measured",
    ) -> None:
        super().__init__(device=device, lock_wait_s=lock_wait_s)
        if not command or not metrics or repeats < 1 or not timeout_s > 0:
            problem = f"external_command: command {list(command)}, metrics {list(metrics)}, repeats {repeats}"
            remedy = "give a program, at least one metric, repeats >= 1 and timeout_s above 0"
            raise TargetError(f"{problem}, timeout_s {timeout_s}", remedy)
        self._metrics = tuple(Metric(name, source, f"printed by {Path(command[0]).name}") for name in metrics)
        self.command = tuple(command)
        self.wanted = frozenset(name for word in command for name in _PLACE.findall(word)) & frozenset(PLACES)
        _check_places(space, self.command, self.wanted)
        self.space = space
        self.repeats = repeats
        self.timeout_s = timeout_s
        self.needs = Needs(device=device, program=command[0])

    def metrics(self) -> tuple[Metric, ...]:
        return self._metrics

    def fingerprint(self) -> dict[str, str]:
        return cpu_fingerprint() | {"command": json.dumps(self.command), "repeats": str(self.repeats)}

    def make_ready(self, design: Design, folder: Path) -> Measure:
        # The folder lasts as long as the batch.
        files = {name: folder / _NAMES[name] for name in self.wanted}
        for name, path in files.items():
            _write(name, self.space, design, path)
        words = [_PLACE.sub(lambda m: str(files.get(m[1], m[0])), word) for word in self.command]
        return partial(self._measure, words)

    def _measure(self, words: list[str]) -> Readings:
        names = [metric.name for metric in self._metrics]
        samples: Samples = {name: [] for name in names}
        while min(len(values) for values in samples.values()) < self.repeats:
            found = read_samples(run_program(words, self.timeout_s), names)
            for name in names:
                samples[name] += found[name]
        return {name: _reading(np.array(values)) for name, values in samples.items()}


def _check_places(space: Space, command: Sequence[str], wanted: frozenset[str]) -> None:
    unknown = sorted({name for word in command for name in _PLACE.findall(word)} - set(PLACES))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACES)
        raise TargetError(f"external_command: placeholder {{{unknown[0]}}} in command is unknown", f"use {known}")
    for name, kind in (("onnx", ModuleSpace), ("workload_json", WorkloadSpace)):
        if name in wanted and not isinstance(space, kind):
            problem = f"external_command: space {space.name!r} has nothing to write for {{{name}}} in command"
            raise TargetError(problem, "use {design_json}, or a space of networks such as elastic_cnn")


def _write(name: str, space: Any, design: Design, path: Path) -> None:
    """Write the file that a placeholder stands for."""
    if name == "onnx":
        module, example = space.module(design)
        write_onnx(module, example, path)
    elif name == "workload_json":
        path.write_text(json.dumps(asdict(space.workload(design))) + "\n", encoding="utf-8")
    else:
        path.write_text(design.to_json() + "\n", encoding="utf-8")


def _reading(values: np.ndarray) -> Reading:
    std = robust_std(values) if len(values) > 1 else float("nan")
    return Reading(float(np.median(values)), std, len(values))
