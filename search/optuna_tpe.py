"""Multi-objective, constrained tree-structured Parzen estimator, by Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .objective import Problem
from .optuna_strategy import OptunaStrategy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Tpe(OptunaStrategy):
    """TPE over a design's codes: one integer or categorical distribution per knob, fixed for the whole study.

    Running trials and earlier suggestions of the same ask count as bad (constant liar). Each suggestion fits two
    density models over all completed trials, so it costs milliseconds and grows with their number.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        startup: Random designs before the model takes over.
        candidates: Points of the good density that are compared per suggestion.
        multivariate: Model knobs jointly.

    Raises:
        StrategyError: When Optuna is not installed, or ``startup`` is under 2.

    Source: Bergstra et al. 2011 (TPE); Ozaki et al. 2022 (several objectives); Watanabe and Hutter 2023 (constraints).
    """

    def __init__(
        self, problem: Problem, seed: int = 0, *, startup: int = 20, candidates: int = 24, multivariate: bool = True
    ) -> None:
        super().__init__(problem, seed, startup)
        self.candidates = candidates
        self.multivariate = multivariate

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(
            seed=seed,
            multivariate=self.multivariate,
            n_startup_trials=self.startup,
            n_ei_candidates=self.candidates,
            constant_liar=True,
        )
