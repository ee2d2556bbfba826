"""Peak activation memory of a network, from its operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..spaces.design import Designs
from ..spaces.errors import TargetError
from ..spaces.network_space import WorkloadSpace
from ..spaces.space import Space
from ..spaces.workload import Workload
from .metric import Metric
from .target import Columns, HardwareTarget, Seeds

DTYPES: Mapping[int, str] = {1: "int8", 2: "float16", 4: "float32", 8: "float64"}
"""An element type of each size in bytes."""


class ActivationMemory(HardwareTarget):
    """Largest sum of live activation tensors over a network's operators, in the order in which they run.

    What an arena allocator needs at least, by the live-variable analysis of compilers (Aho et al., "Compilers", 2nd
    edition 2006, section 9.2.5); weights and scratch buffers are not counted. Activation functions may overwrite their
    input.

    Args:
        space: A space with ``workload(design) -> Workload``.
        dtype_bytes: Bytes of an activation element: 1, 2, 4 or 8.
        batch: Images at once.

    Raises:
        TargetError: When the space gives no workloads or an option is out of range.
    """

    def __init__(self, space: Space, *, dtype_bytes: int = 4, batch: int = 1) -> None:
        if not isinstance(space, WorkloadSpace):
            remedy = "use a space with workload(design), such as elastic_cnn"
            raise TargetError(f"activation_memory: space {space.name!r} gives no workloads", remedy)
        if dtype_bytes not in DTYPES or batch < 1:
            problem = f"activation_memory: dtype_bytes {dtype_bytes}, batch {batch}"
            raise TargetError(problem, f"give dtype_bytes out of {list(DTYPES)} and batch >= 1")
        self.space: WorkloadSpace = space
        self.dtype_bytes = dtype_bytes
        self.batch = batch

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("peak_memory_kib", "modelled", "largest sum of activation tensors alive at once"),)

    def fingerprint(self) -> dict[str, str]:
        return {"dtype_bytes": str(self.dtype_bytes), "batch": str(self.batch), "method": "liveness"}

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        peaks = [self.batch * self._peak_bytes(self.space.workload(design)) for design in designs]
        return Columns({"peak_memory_kib": np.array(peaks, dtype=np.float64) / 1024.0})

    def _peak_bytes(self, workload: Workload) -> int:
        dtype = DTYPES[self.dtype_bytes]
        return replace(
            workload, operators=tuple(replace(operator, dtype=dtype) for operator in workload.operators)
        ).peak_activation_bytes()
