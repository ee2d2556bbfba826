"""DRAMSys itself beside our simulator of memory controllers: agreement and CPU time on the same configurations."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...hw_targets.dram.device import Device
from ...hw_targets.dram.dramsys import DramSys
from ...hw_targets.dram.target import Dram
from ...hw_targets.dram.trace import Trace
from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.memory_controller import CONTROLLER, memory_controller
from .harness import Row, row

PEER = "dramsys-4.0"
DESIGNS = 12


def peer_rows(
    environment: Mapping[str, str], device: Device, trace: Trace, designs: Mapping[str, Sequence[Value]]
) -> Iterator[Row]:
    """Run DRAMSys and ours on some configurations of a trace.

    Args:
        environment: ``COSEARCH_DRAMSYS`` is the program, ``COSEARCH_DRAMSYS_RESOURCES`` its resource folder.
        device: Device.
        trace: Requests.
        designs: Knob to values of the configurations; those within ArchGym's ten knobs are used.

    Raises:
        TargetError: When the environment does not say where DRAMSys is.
    """
    program, resources = environment.get("COSEARCH_DRAMSYS"), environment.get("COSEARCH_DRAMSYS_RESOURCES")
    if program is None or resources is None:
        raise TargetError(
            "COSEARCH_DRAMSYS or COSEARCH_DRAMSYS_RESOURCES is not set", "set them to the program and its resources"
        )
    space = memory_controller()
    count = len(next(iter(designs.values())))
    chosen = range(0, min(count, 512), max(1, min(count, 512) // DESIGNS))
    batch = space.designs(space.encode([{knob: designs[knob][i] for knob in CONTROLLER} for i in chosen]))
    seeds = np.zeros(len(batch), dtype=np.uint64)
    peer = DramSys(space, resources, program=program, traces="stream")
    peer.traces = (trace,)
    ours = Dram(space, device=device, traces=[trace])
    before = _children_s()
    theirs = peer.evaluate(batch, seeds)
    spent = _children_s() - before
    began = time.process_time()
    mine = ours.evaluate(batch, seeds)
    own = time.process_time() - began
    requests = len(trace) * len(batch)
    yield row(PEER, trace.name, "requests_per_s", requests / spent)
    yield row("ours:event_driven", trace.name, "speedup_ratio", spent / own)
    for name in ("total_time_ns", "energy_uj", "avg_power_mw"):
        error = np.abs(mine.values[name] / theirs.values[name] - 1)
        yield row("ours:event_driven", f"{trace.name} beside {PEER}", f"mre_{name.rsplit('_', 1)[0]}", error.tolist())


def _children_s() -> float:
    """CPU seconds of ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
