"""Memory controllers of ArchGym's space on one request trace each: listed in full, so regret is to the true optimum."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from ....search.objective import Constraint, FloatArray, Objective, Problem
from ....spaces.errors import CosearchError
from ....spaces.knobs import Codes
from ....spaces.space import Space
from .benchmark_problem import BenchmarkProblem, front_of
from .data_roots import Roots, require
from .dram_table import table

PREFIX = "dram/"
FOLDER = "dram/traces"
SUFFIX = ".stl.gz"

SINGLE: dict[str, str] = {
    "energy": "energy_uj",
    "latency": "total_time_ns",
    "edp": "edp_ujs",
    "power_bounded": "avg_power_mw",
}
"""Objective to the metric that is minimised. What ArchGym calls latency is the time of the last response."""

FRONT = "front"
FRONT_METRICS = ("mean_latency_ns", "energy_uj")
OBJECTIVES = (*SINGLE, FRONT)

SLOWER = 1.1
"""``power_bounded``: total time at most so many times the shortest of the trace."""

MARGIN = 0.1
"""Share of the true front's range by which the reference point of ``front`` lies beyond its worst values."""

KINDS: dict[str, str] = {"cloud-2": "cloud-1"}
"""Traces that are near-copies of another, which policies to be transferred must not have seen either."""


def traces(roots: Roots) -> list[str]:
    """Names of the traces with data, sorted."""
    found = {path.name.removesuffix(SUFFIX) for root in roots for path in (root / FOLDER).glob(f"*{SUFFIX}")}
    return sorted(found)


def names(roots: Roots) -> list[str]:
    """Names of the problems: ``dram/TRACE/OBJECTIVE``."""
    return [f"{PREFIX}{trace}/{objective}" for trace in traces(roots) for objective in OBJECTIVES]


def kind(trace: str) -> str:
    """Traces of one kind have one name here."""
    return KINDS.get(trace, trace)


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """One trace and objective; the first time, the trace is simulated for every design, which takes some minutes.

    With one objective, the reference is the worst feasible value, so that a share of the hypervolume of 0 is that value
    and 1 the optimum; see :func:`regret_pct`.

    Raises:
        CosearchError: When the objective is unknown.
    """
    trace, _, objective = name.removeprefix(PREFIX).rpartition("/")
    if objective not in OBJECTIVES:
        raise CosearchError(f"{name!r} has no objective {objective!r}", "use " + ", ".join(OBJECTIVES))
    space, values = _table(require(roots, f"{FOLDER}/{trace}{SUFFIX}"))
    problem = _front(space, values) if objective == FRONT else _single(space, values, objective)
    place = np.append(np.cumprod(space.cardinalities[:0:-1])[::-1], 1)

    def measure(codes: Codes) -> dict[str, FloatArray]:
        rows = codes @ place
        return {metric: values[metric][rows] for metric in problem.metric_names()}

    minimised, violations = problem.score({metric: values[metric] for metric in problem.metric_names()})
    front = np.unique(front_of(minimised[violations == 0.0]), axis=0)
    return BenchmarkProblem(name, problem, measure, front, True)


def regret_pct(benchmark: BenchmarkProblem, shares: FloatArray) -> FloatArray:
    """``100 (best - optimum) / optimum`` of a problem with one objective; the worst feasible value stands for none.

    Args:
        benchmark: From :func:`load`.
        shares: Shares of the hypervolume, which for one objective is the gain over the reference.
    """
    optimum, worst = float(benchmark.front[0, 0]), float(benchmark.reference[0])
    return np.asarray(100.0 * (worst - optimum) / optimum * (1.0 - shares))


@lru_cache(maxsize=8)
def _table(trace: Path) -> tuple[Space, dict[str, FloatArray]]:
    return table(trace)


def _single(space: Space, values: dict[str, FloatArray], objective: str) -> Problem:
    metric = SINGLE[objective]
    limit = SLOWER * float(values["total_time_ns"].min())
    bounded = objective == "power_bounded"
    allowed = values["total_time_ns"] <= limit if bounded else np.ones(len(values[metric]), dtype=bool)
    constraints = (Constraint("total_time_ns", at_most=limit),) if bounded else ()
    return Problem(space, (Objective(metric, reference=float(values[metric][allowed].max())),), constraints)


def _front(space: Space, values: dict[str, FloatArray]) -> Problem:
    front = front_of(np.column_stack([values[metric] for metric in FRONT_METRICS]))
    worst = front.max(axis=0) + MARGIN * (front.max(axis=0) - front.min(axis=0))
    objectives = [Objective(metric, reference=float(r)) for metric, r in zip(FRONT_METRICS, worst, strict=True)]
    return Problem(space, tuple(objectives))
