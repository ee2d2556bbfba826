"""LINAS: predictors fitted to all trials, searched to the end, whose whole final population is evaluated next."""

from __future__ import annotations

import numpy as np

from ..predictors.ridge_svr import Grid, RidgeSvr
from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .inner_search import inner_search
from .modelled_problem import ModelledProblem, usable
from .objective import Problem
from .strategy import Strategy

LEAST_TRIALS = 4
"""Trials with numbers that the predictors are fitted to at least; with fewer, a batch is random."""


class Linas(Strategy):
    """Lightweight iterative neural architecture search, in the control flow of DyNAS-T.

    The first batch is random. Every later one is the final population of an inner NSGA-II (a genetic algorithm with one
    objective) that starts from scratch, with the same seed each time, on one predictor per objective fitted to all
    completed trials. There is no filter, no ranking and no exploration.

    What differs from DyNAS-T: designs that were evaluated before are replaced by the next best ones that the inner
    search saw, because no strategy here proposes a design twice; closed forms are computed instead of predicted;
    violated constraints, which DyNAS-T does not know, are predicted as one number and respected by constrained
    domination; three and more objectives are searched by NSGA-II as well, not by U-NSGA-III; variation is the space's,
    which is always feasible; the grid of the predictors is coarse unless ``grid`` is ``full``.

    Generational: nothing is proposed while the last designs of a batch are running.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Designs per batch, and members of the inner population.
        inner_evaluations: Predictions per inner search, those of repeated designs included.
        grid: Hyperparameters that the predictors compare, see :class:`~cosearch.predictors.ridge_svr.RidgeSvr`.

    Raises:
        StrategyError: When the population has fewer than 4 members, or the inner search no full generation.
        PredictorError: When the grid is unknown.

    Source: Cummings et al. 2022, "A hardware-aware framework for accelerating neural architecture search across
    modalities", arXiv 2205.10358; Cummings et al. 2022, "Accelerating neural architecture exploration across modalities
    using genetic algorithms", arXiv 2202.12954; DyNAS-T 1.6.0 as released (population 50; 20,000 inner evaluations for
    MobileNetV3).
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 50,
        inner_evaluations: int = 20_000,
        grid: Grid = "coarse",
    ) -> None:
        super().__init__(problem, seed)
        if population < LEAST_TRIALS:
            raise StrategyError(f"population {population} is too small", f"use at least {LEAST_TRIALS}")
        if inner_evaluations < population:
            raise StrategyError(
                f"inner_evaluations {inner_evaluations} is under the population of {population}", "use a multiple of it"
            )
        self.population = population
        self.inner_evaluations = inner_evaluations
        self.grid: Grid = RidgeSvr(problem.space, problem.objectives[0].metric, grid=grid).grid
        self._batch: tuple[int, Codes] | None = None

    def ask(self, n: int) -> Codes:
        done = self.archive.n_completed // self.population * self.population
        room = done + self.population - self.archive.n_known
        if room <= 0:
            return self.archive.completed.codes[:0]
        if self._batch is None or self._batch[0] != done:
            self._batch = (done, self._next_batch(done))
        return self.novel(self._batch[1], min(n, room), self.rng())

    def _next_batch(self, done: int) -> Codes:
        """The designs to evaluate once the first ``done`` trials are, best first; blind to what was told since."""
        space, told = self.problem.space, self.archive.completed[:done]
        if len(usable(told)) < LEAST_TRIALS:
            draw = space.sample(self.rng(stream=1, at=done), 2 * self.population)
            return self.archive.unseen(draw, before=done)[: self.population]
        model = ModelledProblem(self.problem, told, lambda metric: RidgeSvr(space, metric, grid=self.grid))
        found = inner_search(
            space,
            model,
            np.random.default_rng(np.random.SeedSequence([self.seed, 0, 2])),
            population=self.population,
            evaluations=self.inner_evaluations,
        )
        return self.archive.unseen(found, before=done)[: self.population]
