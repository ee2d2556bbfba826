"""Recorded results per strategy; run with ``COSEARCH_UPDATE_GOLDEN=1`` to rewrite them."""

import functools
import json
import os
from pathlib import Path

import pytest

from cosearch.search.catalog import STRATEGIES
from cosearch.search.check_problems import conditional
from cosearch.search.check_simulation import Simulation
from cosearch.search.front import ParetoFront

GOLDEN = Path(__file__).with_name("golden.json")
OPTIONS = {
    "random": {},
    "nsga2": {"population": 20},
    "moead": {"population": 20},
    "nsga3": {"population": 20},
    "hype": {"population": 20},
    "sms_emoa": {"population": 20},
    "local_search": {},
    "regularized_evolution": {"population": 20, "sample": 5},
    "linas": {"population": 20, "inner_evaluations": 400},
    "surrogate_evolution": {"members": ["gp", "gp_rank", "ridge"]},
    "gp": {},
    "successive_halving": {"options": {"population": 20}},
    "mappo": {},
    "ippo": {},
    "ppo": {},
    "sac": {},
    "model_based_mappo": {},
    "tpe": {"startup": 10},
    "optuna_gp": {"startup": 55, "batch": 1},
    "pymoo_nsga2": {"population": 20},
    "pymoo_unsga3": {"population": 20},
    "pymoo_age_moea": {"population": 20},
}
OPTIONAL = {
    "mappo": "torch",
    "ippo": "torch",
    "ppo": "torch",
    "sac": "torch",
    "model_based_mappo": "torch",
    "tpe": "optuna",
    "optuna_gp": "torch",
    "pymoo_nsga2": "pymoo",
    "pymoo_unsga3": "pymoo",
    "pymoo_age_moea": "numba",
}
# Wrapped libraries and linear algebra may change their arithmetic between versions; our own code may not.
TOLERANCE = dict.fromkeys([*OPTIONAL, "linas", "surrogate_evolution", "gp"], 0.02)


def result(name):
    factory = functools.partial(STRATEGIES.get(name), **OPTIONS[name])
    problem = conditional()
    run = Simulation(factory, problem, 3).run(60)
    front = ParetoFront(problem.problem)
    front.add(run.told)
    return {
        "hypervolume": front.hypervolume(),
        "feasible": int(run.told.feasible.sum()),
        "first_designs": run.moments[0].answer.tolist(),
    }


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_results_are_the_recorded_ones(name):
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    got = result(name)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("COSEARCH_UPDATE_GOLDEN") == "1":
        golden[name] = got
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    tolerance = TOLERANCE.get(name, 1e-9)
    assert got["first_designs"] == golden[name]["first_designs"]
    assert got["hypervolume"] == pytest.approx(golden[name]["hypervolume"], rel=tolerance)
    if name not in TOLERANCE:
        assert got["feasible"] == golden[name]["feasible"]


def test_every_built_in_strategy_has_a_recorded_result():
    built_in = {name for name, origin, _ in STRATEGIES.rows() if origin == "built-in"}
    assert built_in == set(OPTIONS) == set(json.loads(GOLDEN.read_text()))
