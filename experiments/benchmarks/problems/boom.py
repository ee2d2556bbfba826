"""RISC-V BOOM cores of the ICCAD 2022 contest: a listed space of three objectives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....search.objective import FloatArray, Objective, Problem
from ....spaces.knobs import Codes
from ....spaces.space import Space
from .benchmark_problem import BenchmarkProblem, front_of
from .data_roots import Roots, arrays, require

FILE = "iccad22_boom/iccad22_boom.npz"
WIDTH = "decode_width"


def boom_space(sub_design: Codes, choice: Codes, components: list[str]) -> Space:
    """The decode width, and for every component that has any the choice within that width's list, unordered.

    Args:
        sub_design: int64 [n], 0 .. 4 for decode widths 1 .. 5.
        choice: int64 [n, n_components].
        components: Their names.

    Returns:
        A space whose designs are exactly the rows.
    """
    widths = np.unique(sub_design)
    knobs: dict[str, Any] = {WIDTH: {"type": "ordinal", "values": [int(w) + 1 for w in widths]}}
    forbid: list[dict[str, Any]] = []
    for column, component in enumerate(components):
        n = [int(choice[sub_design == w, column].max()) + 1 for w in widths]
        if max(n) == 1:
            continue
        knobs[component] = {"type": "categorical", "values": list(range(max(n)))}
        for w, few in zip(widths, n, strict=True):
            if few < max(n):
                forbid.append({WIDTH: int(w) + 1, component: list(range(few, max(n)))})
    return Space(knobs, forbid=forbid, name="boom")


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """Instructions per cycle (up), power (W, down), area (um2, down); reference: the worst of each, as in the contest.

    The table is what its authors call a dummy; no optimiser should be ranked on it.
    """
    data = arrays(require(roots, FILE))
    sub_design, choice = data["sub_design"].astype(np.int64), data["choice"].astype(np.int64)
    components = [str(c).lower().replace("/", "_").replace("-", "_") for c in data["component_names"]]
    space = boom_space(sub_design, choice, components)
    kept = [components.index(knob) for knob in space.names[1:]]
    codes = np.column_stack([sub_design, choice[:, kept]])
    row_of = np.full(tuple(space.cardinalities), -1)
    row_of[tuple(codes.T)] = np.arange(len(codes))
    values = {
        "ipc": data["ipc"].astype(np.float64),
        "power_w": data["power_w"].astype(np.float64),
        "area_um2": data["area_um2"].astype(np.float64),
    }

    def measure(asked: Codes) -> dict[str, FloatArray]:
        rows = row_of[tuple(asked.T)]
        return {key: column[rows] for key, column in values.items()}

    objectives = (
        Objective("ipc", "maximize", float(values["ipc"].min())),
        Objective("power_w", "minimize", float(values["power_w"].max())),
        Objective("area_um2", "minimize", float(values["area_um2"].max())),
    )
    problem = Problem(space, objectives)
    front = front_of(problem.score(values)[0])
    return BenchmarkProblem(name, problem, measure, front, True)
