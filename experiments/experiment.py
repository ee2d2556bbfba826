"""An experiment: everything a study needs, built and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..hw_targets.target import HardwareTarget
from ..search.objective import Problem
from ..search.strategy import Strategy
from .settings import Budget, Execution, Output, Stop, Tracking


@dataclass(frozen=True)
class Experiment:
    """What :func:`cosearch.experiments.configuration.build.build` makes of a configuration.

    Args:
        name: Name of the study.
        seed: Study seed; every other seed derives from it.
        problem: Space, objectives and constraints.
        targets: Label to target, in configured order.
        parts: Label to the part of a joint space that the target scores; None for the whole design.
        sources: Metric to the label of the target that gives it, for every metric that a study records.
        strategy: ``strategy(problem, seed)`` gives a fresh strategy.
        budget: How much may be spent.
        stop: Reasons to stop earlier.
        execution: Where and how designs are scored.
        tracking: Where progress is reported.
        output: What a finished study writes.
        config: The resolved configuration as plain data; loading it again gives an equal experiment.
    """

    name: str
    seed: int
    problem: Problem
    targets: dict[str, HardwareTarget]
    parts: dict[str, str | None]
    sources: dict[str, str]
    strategy: Callable[[Problem, int], Strategy]
    budget: Budget
    stop: Stop
    execution: Execution
    tracking: Tracking
    output: Output
    config: dict[str, Any]
