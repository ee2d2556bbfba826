"""The strategies that a configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

STRATEGIES = Registry(
    "strategies",
    {
        "random": ("search.random_search:RandomSearch", "uniform over the space, without repeats"),
        "nsga2": ("search.nsga2:Nsga2", "NSGA-II, steady state or generational (Deb et al. 2002)"),
        "moead": ("search.moead:Moead", "MOEA/D, one sub-problem per weight vector, steady state (Zhang and Li 2007)"),
        "nsga3": ("search.nsga3:Nsga3", "NSGA-III, survival by reference directions (Deb and Jain 2014)"),
        "hype": ("search.hype:Hype", "HypE, survival by estimated hypervolume (Bader and Zitzler 2011)"),
        "sms_emoa": ("search.sms_emoa:SmsEmoa", "SMS-EMOA, survival by hypervolume contribution (Beume et al. 2007)"),
        "local_search": ("search.local_search:LocalSearch", "Pareto local search with restarts (Paquete et al. 2004)"),
        "regularized_evolution": (
            "search.regularized_evolution:RegularizedEvolution",
            "ageing evolution (Real et al. 2019)",
        ),
        "surrogate_evolution": (
            "search.surrogate_evolution:SurrogateEvolution",
            "evolution on a bank of predictors, batches by hypervolume gain",
        ),
        "gp": ("search.gp:Gp", "Gaussian processes on mixed knobs, batches by hypervolume gain"),
        "linas": ("search.linas:Linas", "iterated search on predictors, as in DyNAS-T (Cummings et al. 2022)"),
        "successive_halving": (
            "search.successive_halving:SuccessiveHalving",
            "any strategy, at low fidelity first: asynchronous successive halving (Li et al. 2020)",
        ),
        "mappo": ("search.marl.mappo:Mappo", "multi-agent PPO, one agent per knob, central critic (Yu et al. 2022)"),
        "ippo": ("search.marl.ippo:Ippo", "independent PPO, one agent and critic per knob (de Witt et al. 2020)"),
        "ppo": ("search.marl.ppo:Ppo", "PPO, one agent for the whole design (Schulman et al. 2017)"),
        "sac": ("search.marl.sac:Sac", "discrete soft actor-critic on replayed trials (Christodoulou 2019)"),
        "model_based_mappo": (
            "search.marl.model_based_mappo:ModelBasedMappo",
            "MAPPO on imagined designs of a bank of predictors, batches by hypervolume gain",
        ),
        "tpe": ("search.optuna_tpe:Tpe", "multi-objective tree-structured Parzen estimator, by Optuna"),
        "optuna_gp": (
            "search.optuna_gp:OptunaGp",
            "Gaussian processes and expected hypervolume improvement, by Optuna",
        ),
        "pymoo_nsga2": ("search.pymoo_nsga2:PymooNsga2", "NSGA-II with pymoo's survival"),
        "pymoo_unsga3": ("search.pymoo_unsga3:PymooUnsga3", "U-NSGA-III (Seada and Deb 2016), by pymoo"),
        "pymoo_age_moea": ("search.pymoo_age_moea:PymooAgeMoea", "AGE-MOEA (Panichella 2019), by pymoo"),
    },
)
"""Name to strategy factory: ``factory(problem, seed, **options)`` gives a ``search.strategy.Strategy``."""
