import functools

import pytest

from cosearch.search.catalog import STRATEGIES
from cosearch.search.check_strategy import check_strategy

# Small populations and starts, so that the models take part within a short budget.
VARIANTS = {
    "random": [{}],
    "nsga2": [{"population": 16}, {"population": 16, "mode": "generational"}, {"population": 4, "crossover": 0.0}],
    "moead": [{"population": 16}, {"population": 12, "neighbours": 4, "decomposition": "pbi"}],
    "nsga3": [{"population": 16}, {"population": 16, "mode": "generational"}],
    "hype": [{"population": 16, "samples": 500}, {"population": 16, "mode": "generational", "samples": 500}],
    "sms_emoa": [{"population": 16}, {"population": 16, "mode": "generational"}],
    "local_search": [{"starts": 4}, {"starts": 1, "improvement": "best"}],
    "regularized_evolution": [{"population": 16, "sample": 4}],
    "linas": [{"population": 16, "inner_evaluations": 160}],
    "surrogate_evolution": [{}, {"startup": 6, "batch": 3, "members": ["gp_rank", "ridge"]}],
    "gp": [{"startup": 8}],
    "successive_halving": [
        {"options": {"population": 16}},
        {"options": {"population": 16, "mode": "generational"}, "eta": 2.0},
        {"strategy": "regularized_evolution", "options": {"population": 16, "sample": 4}, "min_fidelity": 0.3},
        {"strategy": "local_search", "options": {"starts": 4}},
    ],
    "mappo": [{"batch": 16, "startup": 8, "learning": {"epochs": 2, "critic_steps": 4}}],
    "ippo": [{"batch": 16, "startup": 8, "learning": {"epochs": 2, "critic_steps": 4}}],
    "ppo": [{"batch": 16, "startup": 8, "learning": {"epochs": 2, "critic_steps": 4}}],
    "sac": [{"batch": 16, "startup": 8}],
    "model_based_mappo": [{"startup": 12}],
    "tpe": [{"startup": 8}],
    "optuna_gp": [{"startup": 7, "batch": 1}],
    "pymoo_nsga2": [{"population": 16}],
    "pymoo_unsga3": [{"population": 16}, {"population": 16, "mode": "steady_state"}],
    "pymoo_age_moea": [{"population": 16}, {"population": 16, "mode": "steady_state"}],
}
PYMOO = "pymoo.algorithms.moo.nsga2"
OPTIONAL = {
    "mappo": "torch",
    "ippo": "torch",
    "ppo": "torch",
    "sac": "torch",
    "model_based_mappo": "torch",
    "tpe": "optuna",
    "optuna_gp": "optuna._gp.gp",
    "pymoo_nsga2": PYMOO,
    "pymoo_unsga3": PYMOO,
    "pymoo_age_moea": PYMOO,
}
BUDGET = {"model_based_mappo": 32, "surrogate_evolution": 32, "gp": 32, "tpe": 32, "optuna_gp": 10}
BUILT_IN = [name for name, origin, _ in STRATEGIES.rows() if origin == "built-in"]
SLOW = {"optuna_gp"}
CASES = [
    pytest.param(name, options, marks=[pytest.mark.slow] if name in SLOW else [], id=f"{name}-{options}")
    for name in BUILT_IN
    for options in VARIANTS.get(name, [{}])
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_strategy_conforms(name, options):
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    factory = functools.partial(STRATEGIES.get(name), **options)
    check_strategy(factory, budget=BUDGET.get(name, 80), learns=name != "random")
