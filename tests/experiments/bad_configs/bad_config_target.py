"""A target for configurations that are meant to fail."""

from __future__ import annotations

from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Needs


class Model(HardwareTarget):
    def __init__(self, space, scale: float = 1.0, program: str | None = None) -> None:
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        self.scale = scale
        self.needs = Needs(cheap=True, program=program)

    def metrics(self):
        names = ("latency_ms", "area_mm2", "utilization_pct")
        return tuple(Metric(name, "modelled", "made up") for name in names)

    def evaluate(self, designs, seeds):
        rows, cols = designs.column("rows").astype(float), designs.column("cols").astype(float)
        values = {"latency_ms": self.scale * 100 / (rows * cols), "area_mm2": rows * cols / 100}
        return Columns(values | {"utilization_pct": 100 * cols / (rows + cols)})

    def held_out_metrics(self):
        return (Metric("test_top1_pct", "trained", "made up"),)

    def confirm(self, designs, seeds):
        return Columns({"test_top1_pct": designs.column("rows").astype(float)})


def not_a_target(space):
    return 3
