"""The strategies that a configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

STRATEGIES = Registry(
    "strategies",
    {
        "random": ("search.random_search:RandomSearch", "uniform over the space, without repeats"),
        "nsga2": ("search.nsga2:Nsga2", "NSGA-II, steady state or generational (Deb et al. 2002)"),
        "regularized_evolution": (
            "search.regularized_evolution:RegularizedEvolution",
            "ageing evolution (Real et al. 2019)",
        ),
        "tpe": ("search.optuna_tpe:Tpe", "multi-objective tree-structured Parzen estimator, by Optuna"),
        "pymoo_age_moea": ("search.pymoo_age_moea:PymooAgeMoea", "AGE-MOEA (Panichella 2019), by pymoo"),
    },
)
"""Name to strategy factory: ``factory(problem, seed, **options)`` gives a ``search.strategy.Strategy``."""
