"""Optuna's samplers on Optuna's own loop, one suggestion at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ....hw_targets.torch_threads import torch_threads
from .metered import Metered

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial


def search_tpe(evaluate: Metered, seed: int) -> None:
    """TPE at Optuna's defaults. Source: Bergstra et al. 2011; Ozaki et al. 2022 (several objectives)."""
    from optuna.samplers import TPESampler

    _optimize(evaluate, lambda: TPESampler(seed=seed))


def search_nsga2(evaluate: Metered, seed: int, *, population: int = 20) -> None:
    """NSGA-II as Optuna has it. Source: Deb et al. 2002."""
    from optuna.samplers import NSGAIISampler

    _optimize(evaluate, lambda: NSGAIISampler(seed=seed, population_size=population))


def search_gp(evaluate: Metered, seed: int) -> None:
    """Optuna's Gaussian processes with expected hypervolume improvement, told that there is no noise."""
    from optuna.samplers import GPSampler

    with torch_threads(1):
        _optimize(evaluate, lambda: GPSampler(seed=seed, deterministic_objective=True))


def _optimize(evaluate: Metered, sampler: Callable[[], BaseSampler]) -> None:
    import optuna

    space = evaluate.space
    knobs = list(zip(space.names, space.cardinalities.tolist(), space.ordered.tolist(), strict=True))

    def objective(trial: Trial) -> list[float]:
        code = [
            trial.suggest_int(name, 0, n - 1) if ordered else trial.suggest_categorical(name, range(n))
            for name, n, ordered in knobs
        ]
        values: list[float] = evaluate(np.array([code], dtype=np.int64))[0].tolist()
        return values

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Parts of Optuna are marked experimental.
            warnings.simplefilter("ignore")
            study = optuna.create_study(directions=["minimize"] * evaluate.n_objectives, sampler=sampler())
            study.optimize(objective, n_trials=evaluate.budget)
    finally:
        optuna.logging.set_verbosity(before)
