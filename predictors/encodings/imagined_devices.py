"""Devices that might exist: random rooflines, as a prior of how designs differ in latency or energy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...spaces.operators import Operator
from ..prediction import FloatArray
from .slots import Part

DEVICES = 300
"""Enough that the principal profiles of two draws agree to a few per cent."""

OVERHEAD = (-3.0, 2.0)
"""Launch of an operator over the compute time of a mean one, log10: from accelerators that stream whole networks to
GPUs at batch 1."""

BALANCE = (0.0, 2.0)
"""MACs per element that moves in the same time, log10: from microcontrollers to server GPUs."""

BATCH = (0.0, 2.0)
"""Inputs that share one reading of the weights, log10."""

KIND_SPREAD, MEMORY_SPREAD, LAUNCH_SPREAD = 0.5, 0.3, 0.5
"""Deviation of the logarithm of what an operator kind reaches of the peak, of the bandwidth, and of its launch."""

FUSIBLE = ("activation", "norm", "add", "mul", "other")
"""Kinds that half of the devices run inside the operator before them."""


class ImaginedDevices:
    """Costs of operators on random devices, each with a roofline per kind of operator and a launch overhead.

    Half of the devices leave dead operators out. Units cancel: a device's profile is divided by its mean.

    Args:
        operators: Operators of typical designs, to know a mean one.

    Source: the roofline model (Williams et al., CACM 2009). Devices drawn at random to cover what may come are domain
    randomisation (Tobin et al., IROS 2017), here as the prior covariance of a Gaussian process.
    """

    def __init__(self, operators: Sequence[Operator]) -> None:
        macs = [operator.macs for operator in operators if operator.macs]
        self._mean_macs = float(np.mean(macs)) if macs else 1.0
        rng = np.random.default_rng(0)
        self._balance = 10.0 ** rng.uniform(*BALANCE, DEVICES)
        self._overhead = 10.0 ** rng.uniform(*OVERHEAD, DEVICES)
        self._batch = 10.0 ** rng.uniform(*BATCH, DEVICES)
        self._eliminates = rng.random(DEVICES) < 0.5

    def cost(self, part: Part) -> FloatArray:
        """Time of a part on each device, float64 [DEVICES]."""
        total = np.zeros(DEVICES)
        for operator, count in part.operators:
            total += count * self._operator(operator)
        return np.where(self._eliminates, 0.0, total) if part.dead else total

    def _operator(self, operator: Operator) -> FloatArray:
        compute, memory, launch, fused = self._kind(_kind_of(operator))
        # Of an embedding's table only the rows that it writes are read.
        weights = 0 if operator.kind == "embedding" else operator.repeat * operator.params
        moved = operator.input_elements + operator.output_elements + weights / self._batch
        time = np.maximum(operator.macs / compute, moved * self._balance / memory) / self._mean_macs
        return np.where(fused, 0.0, time + operator.repeat * self._overhead * launch)

    def _kind(self, kind: str) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        # A generator of its own for each kind, so that the order in which kinds are met does not matter.
        rng = np.random.default_rng([int.from_bytes(kind.encode(), "little") % (1 << 62)])
        compute = np.exp(rng.normal(0.0, KIND_SPREAD, DEVICES))
        memory = np.exp(rng.normal(0.0, MEMORY_SPREAD, DEVICES))
        launch = np.exp(rng.normal(0.0, LAUNCH_SPREAD, DEVICES))
        fused = (rng.random(DEVICES) < 0.5) & (kind in FUSIBLE)
        return compute, memory, launch, fused


def _kind_of(operator: Operator) -> str:
    """Kinds that devices treat alike: dense convolutions split into 1x1 and larger ones."""
    if operator.kind == "conv" and math.prod(operator.kernel) == 1:
        return "conv 1x1"
    return operator.kind
