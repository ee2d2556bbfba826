"""One generation of every method that ``emo_kernels`` compares, and the process that measures one of them.

The problem is DTLZ2 (Deb et al. 2002) with three objectives and twelve variables. Ours works on codes of 65,536 levels
per variable with uniform crossover and code mutation; the others on real numbers with their own default operators.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...search.catalog import STRATEGIES
from ...search.check_problems import CheckProblem
from ...search.emo.array_namespace import Array, like, namespace
from ...search.emo.code_variation import CodeVariation
from ...search.emo.generation import Population, Survive, next_generation, select
from ...search.emo.nondominated_sorting import blocked_ranks, nondominated_ranks
from ...search.emo.reference_directions import reference_directions
from ...search.hype import hype_selection
from ...search.nsga2 import nsga2_survivors
from ...search.nsga3 import nsga3_survivors
from ...search.objective import Objective, Problem
from ...search.trial import Trials
from ...spaces.space import Space

VARIABLES, OBJECTIVES, LEVELS = 12, 3, 65_536

MODULES = {
    "cosearch_torch": ("torch", "array_api_compat.torch"),
    "cosearch_blocked": ("torch", "array_api_compat.torch"),
    "pymoo": ("pymoo.algorithms.moo.nsga3",),
    "pymoo_no_duplicate_check": ("pymoo.algorithms.moo.nsga3",),
    "evomo": ("torch", "evomo.algorithms", "evox.workflows"),
}
"""What methods load before they are measured."""

Step = Callable[[], object]
"""Runs one generation."""


def dtlz2(codes: Array) -> tuple[Array, Array]:
    """Objectives float64 [n, 3] and violations float64 [n], all 0, of codes int64 [n, 12]."""
    xp = namespace(codes)
    x = xp.astype(codes, xp.float64) / (LEVELS - 1)
    radius = 1 + xp.sum((x[:, 2:] - 0.5) ** 2, axis=1)
    a, b = x[:, 0] * np.pi / 2, x[:, 1] * np.pi / 2
    f = [radius * xp.cos(a) * xp.cos(b), radius * xp.cos(a) * xp.sin(b), radius * xp.sin(a)]
    return xp.stack(f, axis=1), xp.zeros_like(radius)


def array_step(algorithm: str, population: int, seed: int, device: str | None) -> Step:
    """Our generations on arrays: of NumPy without a device, else of PyTorch."""
    rng: Any = np.random.default_rng(seed)
    codes: Array = rng.integers(0, LEVELS, (population, VARIABLES))
    if device is not None:
        import torch

        codes = torch.as_tensor(codes, device=device)
        rng = rng if device == "cpu" else torch.Generator(device).manual_seed(seed)
    directions = like(reference_directions(OBJECTIVES, population), codes)
    survivals: dict[str, Survive] = {
        "nsga2": nsga2_survivors,
        "nsga3": functools.partial(nsga3_survivors, directions=directions, rng=rng),
        "hype": functools.partial(hype_selection, rng=rng),
    }
    survive = survivals[algorithm]
    top, ordered = like(np.full(VARIABLES, LEVELS), codes), like(np.ones(VARIABLES, dtype=bool), codes)
    make = CodeVariation(top, ordered, rng, tournament=1 if algorithm == "nsga3" else 2)
    state = [select(Population(codes, *dtlz2(codes)), survive, population)]

    def step() -> None:
        state[0] = next_generation(state[0], dtlz2, make, survive)

    return step


def strategy_step(algorithm: str, population: int, seed: int) -> Step:
    """A whole ask, evaluation and tell of a population by a strategy, for those without array generations."""
    knob = {"type": "integer", "low": 0, "high": LEVELS - 1}
    space = Space({f"x{i}": knob for i in range(VARIABLES)})
    problem = CheckProblem(
        Problem(space, tuple(Objective(f"f{i}") for i in range(OBJECTIVES))),
        lambda codes: {f"f{i}": column for i, column in enumerate(dtlz2(codes)[0].T)},
    )
    strategy = STRATEGIES.get(algorithm)(problem.problem, seed, population=population)
    nothing = Trials.empty(VARIABLES, OBJECTIVES)

    def step() -> None:
        codes = strategy.ask(population)
        first = strategy.archive.n_known
        strategy.tell(problem.trials(np.arange(first, first + len(codes)), codes), nothing)

    step()
    return step


def pymoo_step(algorithm: str, population: int, seed: int, check_duplicates: bool) -> Step:
    """Generations of pymoo."""
    from pymoo.algorithms.moo import moead, nsga2, nsga3, sms
    from pymoo.problems import get_problem

    directions = reference_directions(OBJECTIVES, population)
    options: dict[str, Any] = {} if algorithm == "moead" else {"eliminate_duplicates": check_duplicates}
    searches: dict[str, Callable[..., Any]] = {
        "nsga2": lambda: nsga2.NSGA2(pop_size=population, **options),
        "nsga3": lambda: nsga3.NSGA3(directions, pop_size=population, **options),
        "sms_emoa": lambda: sms.SMSEMOA(pop_size=population, **options),
        "moead": lambda: moead.MOEAD(directions),
    }
    search = searches[algorithm]()
    search.setup(get_problem("dtlz2", n_var=VARIABLES, n_obj=OBJECTIVES), termination=("n_gen", 10**9), seed=seed)
    search.next()
    # Its MOEA/D makes one child per call.
    calls = len(directions) if algorithm == "moead" else 1

    def step() -> None:
        for _ in range(calls):
            search.next()

    return step


def evomo_step(algorithm: str, population: int, seed: int, device: str) -> Step:
    """Generations of EvoMO, as its documentation runs them."""
    import torch

    algorithms = importlib.import_module("evomo.algorithms")
    problems = importlib.import_module("evox.problems.numerical")
    workflows = importlib.import_module("evox.workflows")
    torch.set_default_device(device)
    torch.manual_seed(seed)
    names = {"nsga2": "NSGA2", "nsga3": "NSGA3", "hype": "HypE", "moead": "TensorMOEAD"}
    search = getattr(algorithms, names[algorithm])(
        pop_size=population, n_objs=OBJECTIVES, lb=torch.zeros(VARIABLES), ub=torch.ones(VARIABLES)
    )
    workflow = workflows.StdWorkflow(search, problems.DTLZ2(m=OBJECTIVES))
    workflow.init_step()
    step: Step = workflow.step
    return step


def ranks_step(method: str, population: int, seed: int, device: str) -> Step:
    """Sorting of two populations' random points alone."""
    points = np.random.default_rng(seed).random((2 * population, OBJECTIVES))
    if method == "pymoo":
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        return lambda: NonDominatedSorting().do(points, n_stop_if_ranked=population)
    if method == "ours:cosearch":
        return lambda: nondominated_ranks(points)
    import torch

    tensor = torch.as_tensor(points, device=device)
    return lambda: blocked_ranks(tensor)


def make_step(method: str, algorithm: str, population: int, seed: int, device: str) -> Step:
    """A method's generation, primed.

    Args:
        method: ``ours:cosearch``, ``cosearch_torch``, ``cosearch_blocked`` (for ``ranks``), ``pymoo``,
            ``pymoo_no_duplicate_check`` or ``evomo``.
        algorithm: ``nsga2``, ``nsga3``, ``hype``, ``moead``, ``sms_emoa`` or ``ranks``.
        population: Its size.
        seed: Of everything random.
        device: For tensors.

    Raises:
        KeyError: When the method has no such algorithm.
    """
    if algorithm == "ranks":
        return ranks_step(method, population, seed, device)
    if method.startswith("pymoo"):
        return pymoo_step(algorithm, population, seed, check_duplicates=method == "pymoo")
    if method == "evomo":
        return evomo_step(algorithm, population, seed, device)
    if algorithm in ("moead", "sms_emoa"):
        return strategy_step(algorithm, population, seed)
    return array_step(algorithm, population, seed, device if method == "cosearch_torch" else None)


def main(argv: list[str] | None = None) -> None:
    """Measure one method in this process and print ``{"ms": [...], "peak_mib": ...}``."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("method", "algorithm", "device"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("population", "generations", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True, help="start no generation after so many seconds")
    given = parser.parse_args(argv)
    _load(given.method, given.device)
    before = _resident_mib("VmRSS")
    # Linux forgets the highest use so far, which importing may have set.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    step = make_step(given.method, given.algorithm, given.population, given.seed, given.device)
    clock = time.process_time if given.device == "cpu" else _device_clock
    costs: list[float] = []
    deadline = time.perf_counter() + given.limit
    while len(costs) < given.generations and (not costs or time.perf_counter() < deadline):
        start = clock()
        step()
        costs.append(1e3 * (clock() - start))
    sys.stdout.write(json.dumps({"ms": costs, "peak_mib": _resident_mib("VmHWM") - before}) + "\n")


def _load(method: str, device: str) -> None:
    """Import what a method needs before memory is counted; one thread."""
    for module in MODULES.get(method, ()):
        importlib.import_module(module)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
        torch.zeros(1, device=device)


def _device_clock() -> float:
    """Wall time with the device idle: CPU time says nothing of an accelerator."""
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def _resident_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


if __name__ == "__main__":
    main()
