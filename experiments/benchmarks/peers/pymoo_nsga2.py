"""NSGA-II as pymoo runs it on integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .metered import Metered


def search_nsga2(evaluate: Metered, seed: int, *, population: int = 20) -> None:
    """The loop of pymoo, generation by generation, with the operators that its guide gives for integers.

    Simulated binary crossover and polynomial mutation (both eta 3) on rounded codes; unordered knobs are integers too,
    which does better on our problems than pymoo's choice variables. A generation holds no repeats, but later ones may
    repeat earlier designs.

    Args:
        evaluate: The problem and the budget.
        seed: Of pymoo.
        population: Members that survive, and children per generation.

    Source: Blank and Deb 2020, "pymoo: multi-objective optimization in Python".
    """
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    def answer(x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
        out["F"] = evaluate(np.rint(x).astype(np.int64))

    space = evaluate.space
    integers = Problem(n_var=space.n_knobs, n_obj=evaluate.n_objectives, xl=0, xu=space.cardinalities - 1, vtype=int)
    integers._evaluate = answer
    algorithm = NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
    )
    minimize(integers, algorithm, ("n_eval", evaluate.budget), seed=seed, verbose=False)
