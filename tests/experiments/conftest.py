"""A small array problem and an experiment around it, for the tests of the study loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.experiments.experiment import Experiment
from cosearch.experiments.settings import Budget, Execution, Output, Stop, Tracking
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Needs, Seeds
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.spaces.design import Designs
from cosearch.spaces.space import Space


class Quadratics(HardwareTarget):
    """Two opposed quadratics; ``spoil`` maps a value of knob ``a`` to what goes wrong there."""

    needs = Needs(cheap=True)

    def __init__(self, spoil: dict[int, str] | None = None) -> None:
        self.spoil = spoil or {}

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "modelled", "falls with a"), Metric("energy_mj", "modelled", "grows with a"))

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        a, b = designs.column("a"), designs.column("b")
        failures: dict[int, str] = {}
        latency = (1 - a / 40) ** 2 + (b / 40) ** 2
        for row, value in enumerate(a.tolist()):
            trouble = self.spoil.get(value)
            if trouble == "raise":
                raise ValueError(f"no number for a = {value}")
            if trouble == "nan":
                latency[row] = np.nan
            if trouble == "refuse":
                failures[row] = f"refused a = {value}"
        return Columns({"latency_ms": latency, "energy_mj": (a / 40) ** 2 + (1 - b / 40) ** 2}, failures=failures)


MakeExperiment = Callable[..., Experiment]


@pytest.fixture
def make_experiment(tmp_path: Path) -> MakeExperiment:
    def make(**changes: Any) -> Experiment:
        space = Space({"a": {"type": "integer", "low": 0, "high": 40}, "b": {"type": "integer", "low": 0, "high": 40}})
        target = changes.pop("target", None) or Quadratics(changes.pop("spoil", None))
        problem = Problem(
            space,
            (Objective("latency_ms", "minimize", 2.0), Objective("energy_mj", "minimize", 2.0)),
            changes.pop("constraints", (Constraint("energy_mj", at_most=1.5),)),
        )
        settings: dict[str, Any] = {
            "name": "toy",
            "seed": 3,
            "problem": problem,
            "targets": {"toy": target},
            "parts": {"toy": None},
            "sources": {"latency_ms": "toy", "energy_mj": "toy"},
            "strategy": lambda problem, seed: Nsga2(problem, seed, population=20),
            "budget": Budget(trials=120),
            "stop": Stop(),
            "execution": Execution(chunk=8),
            "tracking": Tracking(name="none"),
            "output": Output(folder=str(tmp_path / "studies"), formats=("json",), report=False),
            "config": {},
        }
        return Experiment(**(settings | changes))

    return make
