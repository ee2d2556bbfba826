"""Asynchronous successive halving on non-dominated rank: many designs looked at briefly, the best of them in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..spaces.errors import FidelityError, StrategyError
from ..spaces.knobs import Codes
from .archive import keys
from .catalog import STRATEGIES
from .dominance import preference_order
from .objective import FloatArray, Problem
from .strategy import Strategy
from .trial import Trials


class SuccessiveHalving(Strategy):
    """Any strategy, made to look at its designs at a low fidelity first.

    New designs come from the wrapped strategy and start at the lowest rung. Whenever a slot is free, the best design of
    the highest rung that has one to promote goes on to the next; only when none has, a new design starts. A design may
    be promoted when it is among the best 1 / ``eta`` of the results of its rung, by constrained non-dominated rank and
    then crowding distance, did not fail, and not yet 1 / ``eta`` of the rung was promoted. Nothing waits for a rung to
    fill up. Once the space is exhausted, what is left is promoted, best first, beyond these shares.

    The wrapped strategy is told the results of the lowest rung alone: there is one for every design, and they compare.
    The ids that it sees rise, with gaps where promoted trials lie between.

    Args:
        problem: Space, objectives, constraints, and the fidelities on offer.
        seed: Study seed.
        strategy: Name of the strategy that proposes new designs.
        eta: One in ``eta`` designs is promoted. Rungs are the fidelities on offer that are at least this factor apart;
            where the offered ones are much further apart, a larger value spends evenly on all rungs.
        min_fidelity: Fidelities below are not used.
        options: Options of that strategy.

    Raises:
        FidelityError: When no target offers a fidelity below 1.
        StrategyError: When ``eta`` is not above 1, ``min_fidelity`` leaves none, or the options are not the strategy's.

    Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA), algorithm 2; the order by
    non-dominated rank after Schmucker et al. 2021, "Multi-objective asynchronous successive halving"; the limit on how
    many are promoted after the delayed promotion of Li et al. 2022, "Hyper-Tune: towards efficient hyper-parameter
    tuning at scale", without which a search that still improves promotes far more than 1 / ``eta``.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        strategy: str = "nsga2",
        eta: float = 3.0,
        min_fidelity: float = 0.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(problem, seed)
        self.eta = eta
        factory: Callable[..., Strategy] = STRATEGIES.get(strategy)
        self.rungs = rungs(problem.fidelities, eta, min_fidelity)
        try:
            self._inner = factory(replace(problem, fidelities=(1.0,)), seed, **(options or {}))
        except TypeError as error:
            raise StrategyError(f"options of {strategy!r}: {error}", "correct them, or leave them out") from error
        self._reached: dict[bytes, float] = {}

    def tell(self, completed: Trials, running: Trials) -> None:
        self.archive.add(completed, running)
        for key, fidelity in zip(keys(completed.codes), completed.fidelities.tolist(), strict=True):
            self._reached[key] = max(fidelity, self._reached.get(key, 0.0))
        self._inner.tell(self._lowest(completed), self._lowest(running))

    def _lowest(self, trials: Trials) -> Trials:
        rows = trials[trials.fidelities == self.rungs[0]]
        return Trials(rows.ids, rows.codes, rows.objectives, rows.violations)

    def ask(self, n: int) -> Codes:
        return self.ask_at(n)[0]

    def ask_at(self, n: int) -> tuple[Codes, FloatArray]:
        codes, fidelities = self._promotions(n, self.eta)
        new = self._inner.ask(n - len(codes)) if len(codes) < n else codes[:0]
        if len(codes) + len(new) < n and not len(self._inner.archive.running):
            codes, fidelities = self._promotions(n - len(new), 1.0)
        return np.concatenate([codes, new]), np.concatenate([fidelities, np.full(len(new), self.rungs[0])])

    def _promotions(self, n: int, eta: float) -> tuple[Codes, FloatArray]:
        """Up to ``n`` designs to promote, from the highest rung down and best first, with their next fidelities."""
        told, running = self.archive.completed, self.archive.running
        flying = dict(zip(keys(running.codes), running.fidelities.tolist(), strict=True))
        chosen, fidelities = [told.codes[:0]], [np.empty(0)]
        for here, above in list(pairwise(self.rungs))[::-1]:
            rung = told[told.fidelities == here]
            quota = int(len(rung) // eta)
            best = preference_order(rung.objectives, rung.violations)[:quota]
            promoted = np.array([max(self._reached[k], flying.get(k, 0.0)) >= above for k in keys(rung.codes)], bool)
            best = best[np.isfinite(rung.violations[best]) & ~promoted[best]]
            take = best[: max(0, min(quota - int(promoted.sum()), n))]
            n -= len(take)
            chosen.append(rung.codes[take])
            fidelities.append(np.full(len(take), above))
        return np.concatenate(chosen), np.concatenate(fidelities)


def rungs(offered: tuple[float, ...], eta: float, min_fidelity: float = 0.0) -> tuple[float, ...]:
    """The fidelities that a study goes through.

    Args:
        offered: Shares of the full effort, rising to 1.
        eta: Neighbours are at least this factor apart; of fidelities that are all nearer to 1, the lowest stays.
        min_fidelity: Lower ones are left out.

    Returns:
        At least two fidelities, rising to 1.

    Raises:
        FidelityError: When nothing below 1 is offered.
        StrategyError: When ``eta`` is not above 1, or ``min_fidelity`` leaves nothing below 1.
    """
    if not eta > 1.0:
        raise StrategyError(f"eta {eta} promotes everything", "use a number above 1, such as 3")
    allowed = [fidelity for fidelity in offered if min_fidelity <= fidelity < 1.0]
    if len(offered) < 2:
        raise FidelityError("no target offers a fidelity below 1", "use a target that does")
    if not allowed:
        known = ", ".join(f"{fidelity:g}" for fidelity in offered)
        raise StrategyError(f"min_fidelity {min_fidelity:g} leaves only full evaluations", f"offered are {known}")
    found = [1.0]
    for fidelity in reversed(allowed):
        # A ninth times three is not quite a third.
        if fidelity * eta <= found[-1] * (1 + 1e-9):
            found.append(fidelity)
    return tuple(reversed(found)) if len(found) > 1 else (allowed[0], 1.0)
