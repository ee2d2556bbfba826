"""Bayesian optimisation with Gaussian processes, by Optuna."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import INACTIVE, Codes
from .dominance import effective_violations
from .objective import FloatArray, Problem
from .optuna_strategy import OptunaStrategy
from .scaling import unit_scaled
from .trial import Trials

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class OptunaGp(OptunaStrategy):
    """Optuna's GPSampler: one process per objective, expected (hypervolume) improvement, feasibility as a factor.

    Running trials and earlier suggestions of the same ask take part as fantasies (greedy batches). Constraints and
    failures are one more process, over the total violation; it is left out while all trials are alike in this. Failed
    trials have the worst values seen, so that the model leaves their surroundings. A suggestion costs a few hundred
    milliseconds, and more with every trial, every objective and running trials.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        startup: Random designs before the model takes over.
        batch: Suggestions of the model per ask at most; the rest of a larger ask are unseen mutants of them.
        noisy: Whether repeated evaluations may differ; if not, the processes interpolate.

    Raises:
        StrategyError: When Optuna, PyTorch or SciPy is not installed, ``startup`` is under 2, or ``batch`` under 1.

    Source: Optuna 5 ``GPSampler``; Ament et al. 2023, "Unexpected improvements to expected improvement for Bayesian
    optimization"; Daulton, Balandat and Bakshy 2020 (several objectives); Gardner et al. 2014 (constraints).
    """

    def __init__(
        self, problem: Problem, seed: int = 0, *, startup: int = 20, batch: int = 8, noisy: bool = True
    ) -> None:
        super().__init__(problem, seed, startup, batch)
        self.noisy = noisy
        _require_torch()

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import GPSampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return GPSampler(
                seed=seed,
                n_startup_trials=self.startup,
                deterministic_objective=not self.noisy,
                warn_independent_sampling=False,
            )

    def is_stale(self) -> bool:
        # What Optuna sees of one trial depends on the others: their range, and whether any is infeasible.
        return self._n_absorbed < self.archive.n_completed or super().is_stale()

    def outcomes(self, trials: Trials) -> tuple[FloatArray, FloatArray | None]:
        violations = effective_violations(trials.objectives, trials.violations)
        failed = np.isinf(violations)
        values = np.ones(trials.objectives.shape)
        if not failed.all():
            usable = trials.objectives[~failed]
            values[~failed] = unit_scaled(usable, usable.min(axis=0), usable.max(axis=0))
        # Bounded, and well apart from 0 where feasible, so that the process is sure there.
        levels = np.where(violations > 0, np.maximum(1.0 - 1.0 / (1.0 + violations), np.finfo(float).tiny), -1.0)
        # Levels that are all equal tell nothing.
        return values, levels if np.ptp(levels) > 0 else None

    def filled(self, trials: Trials) -> Codes:
        # One value for all: designs that differ in inactive knobs only would be the same.
        return np.where(trials.codes == INACTIVE, self.problem.space.cardinalities // 2, trials.codes)


def _require_torch() -> None:
    missing = [name for name in ("torch", "scipy") if find_spec(name) is None]
    if missing:
        remedy = "install it: pip install 'cosearch[optuna,torch]'"
        raise StrategyError(f"Optuna's Gaussian processes need {' and '.join(missing)}", remedy)
