"""Latency and energy of networks on a device, by the roofline model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import TargetError
from ..spaces.network_space import WorkloadSpace
from ..spaces.operators import PRODUCTS, Operator
from ..spaces.space import Space
from .metric import Metric
from .operator_table import needs_workloads, operator_table, sum_over_operators
from .roofline_device import read_device
from .target import Columns, FloatArray, HardwareTarget, Seeds

LANES = 32
"""Lanes that add up one element of a matrix product together: a warp, or a few vectors."""


class Roofline(HardwareTarget):
    """Sum over a network's operators of the roofline (Williams et al., CACM 2009) and a launch overhead.

    An operator takes the longest of its MACs over the peak that its kind and size reach, its DRAM traffic over the
    bandwidth, and its on-chip traffic likewise. Tensors of an operator move on chip when they fit there together;
    weights come from DRAM, unless the weights of the whole network fit on chip as well. Few outputs keep part of the
    units busy; matrix products split each sum over up to 32 lanes. Energy is that of MACs, of bytes and of the static
    power over the latency, as Horowitz (ISSCC 2014) counts it. Nothing overlaps between operators.

    Numbers are good for telling which designs suit which kind of device, and as devices to transfer from; do not take
    them for measurements.

    Args:
        space: A space with ``workload(design) -> Workload``.
        device: A shipped device (``server_gpu``, ``mobile_cpu``, ...) or the path of a JSON file like theirs.
        batch: Inputs at once; the latency is that of the whole batch.
        **changes: Fields of :class:`~cosearch.hw_targets.roofline_device.RooflineDevice` to replace.

    Raises:
        TargetError: When the space gives no workloads, or the device or an option is wrong.
    """

    def __init__(self, space: Space, device: str = "server_gpu", *, batch: int = 1, **changes: Any) -> None:
        if not isinstance(space, WorkloadSpace):
            raise needs_workloads("roofline", space)
        if batch < 1:
            raise TargetError(f"roofline: batch is {batch}", "give 1 or more")
        self.space = space
        self.batch = batch
        self.name = device
        self.device = read_device(device, changes)

    def metrics(self) -> tuple[Metric, ...]:
        what = f"of a batch of {self.batch} on {self.name}, roofline model"
        return (Metric("latency_ms", "modelled", f"latency {what}"), Metric("energy_mj", "modelled", f"energy {what}"))

    def fingerprint(self) -> dict[str, str]:
        return {"model": "roofline 1", "device": f"{self.name} {self.device.digest}", "batch": str(self.batch)}

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        del seeds  # nothing here is random
        n = len(designs)
        table = operator_table(self.space)
        rows, index, count = table.occurrences(self.space, designs.codes)
        used, place = np.unique(index, return_inverse=True)
        operators = [table.operators[i] for i in used]
        weights = self.device.element_bytes * np.array([_weights(o) for o in operators], np.float64)
        resident = sum_over_operators(n, rows, weights[place] * count) <= 1024.0 * self.device.on_chip_kib
        cost = np.where(resident[rows], self._costs(operators, weights, True)[:, place], 0.0)
        cost += np.where(resident[rows], 0.0, self._costs(operators, weights, False)[:, place])
        latency = sum_over_operators(n, rows, cost[0] * count)
        dynamic = sum_over_operators(n, rows, cost[1] * count)
        return Columns({"latency_ms": latency, "energy_mj": dynamic + self.device.static_w * latency})

    def _costs(self, operators: list[Operator], weights: FloatArray, resident: bool) -> FloatArray:
        """Milliseconds and millijoules of each operator, without static power; float64 [2, len(operators)].

        Args:
            operators: What is run.
            weights: Bytes of their weights, float64.
            resident: Whether the weights are on chip.
        """
        d = self.device
        macs = self.batch * np.array([o.macs for o in operators], np.float64)
        outputs = self.batch * np.array([o.output_elements for o in operators], np.float64)
        moved = d.element_bytes * (self.batch * np.array([o.input_elements for o in operators], np.float64) + outputs)
        share = np.array([d.efficiency.get(o.kind, 1.0) for o in operators])
        fits = moved + (0.0 if resident else weights) <= 1024.0 * d.on_chip_kib
        dram = np.where(fits, 0.0, moved) + (0.0 if resident else weights)
        on_chip = np.where(fits, moved, 0.0) + (weights if resident else 0.0)
        lanes = np.array([min(LANES, o.depth) if o.kind in PRODUCTS else 1 for o in operators], np.float64)
        busy = np.minimum(1.0, outputs * lanes / d.saturating_outputs)
        seconds = macs / (1e9 * d.peak_gmacs * share * busy)
        seconds = np.maximum(seconds, dram / (1e9 * d.bandwidth_gbps))
        seconds = np.maximum(seconds, on_chip / (1e9 * d.on_chip_gbps)) + 1e-6 * d.launch_us
        picojoules = macs * d.pj_per_mac + dram * d.pj_per_dram_byte + on_chip * d.pj_per_on_chip_byte
        cost: FloatArray = np.stack([1e3 * seconds, 1e-9 * picojoules])
        free: NDArray[np.bool_] = np.array([o.kind in d.fused for o in operators], dtype=bool)
        cost[:, free] = 0.0
        return cost


def _weights(operator: Operator) -> int:
    """Parameters that are read; a look-up reads the rows that it writes, which counts as an input."""
    return 0 if operator.kind == "embedding" else operator.repeat * operator.params
