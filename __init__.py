"""cosearch: hardware-aware architecture and design-space search.

The names below are imported on first use, so that ``import cosearch`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .experiments.api import experiment, load, resume, run
    from .experiments.outputs.results import Results
    from .experiments.study import Study, Summary
    from .hw_targets.function import FunctionTarget
    from .hw_targets.metric import Metric
    from .hw_targets.target import Columns, HardwareTarget, Needs
    from .search.front import ParetoFront
    from .search.objective import Constraint, Objective, Problem
    from .search.strategy import Strategy
    from .search.trial import Trials
    from .spaces.design import Design, Designs
    from .spaces.errors import CosearchError
    from .spaces.joint import JointSpace
    from .spaces.knobs import Categorical, Integer, Ordinal, Real
    from .spaces.space import Space
    from .spaces.workload import Operator, Workload

__version__ = "0.1.0"

_HOMES = {
    "Categorical": "spaces.knobs",
    "Columns": "hw_targets.target",
    "Constraint": "search.objective",
    "CosearchError": "spaces.errors",
    "Design": "spaces.design",
    "Designs": "spaces.design",
    "FunctionTarget": "hw_targets.function",
    "HardwareTarget": "hw_targets.target",
    "Integer": "spaces.knobs",
    "JointSpace": "spaces.joint",
    "Metric": "hw_targets.metric",
    "Needs": "hw_targets.target",
    "Objective": "search.objective",
    "Operator": "spaces.workload",
    "Ordinal": "spaces.knobs",
    "ParetoFront": "search.front",
    "Problem": "search.objective",
    "Real": "spaces.knobs",
    "Results": "experiments.outputs.results",
    "Space": "spaces.space",
    "Strategy": "search.strategy",
    "Study": "experiments.study",
    "Summary": "experiments.study",
    "Trials": "search.trial",
    "Workload": "spaces.workload",
    "experiment": "experiments.api",
    "load": "experiments.api",
    "resume": "experiments.api",
    "run": "experiments.api",
}

__all__ = [
    "Categorical",
    "Columns",
    "Constraint",
    "CosearchError",
    "Design",
    "Designs",
    "FunctionTarget",
    "HardwareTarget",
    "Integer",
    "JointSpace",
    "Metric",
    "Needs",
    "Objective",
    "Operator",
    "Ordinal",
    "ParetoFront",
    "Problem",
    "Real",
    "Results",
    "Space",
    "Strategy",
    "Study",
    "Summary",
    "Trials",
    "Workload",
    "experiment",
    "load",
    "resume",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cosearch' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
