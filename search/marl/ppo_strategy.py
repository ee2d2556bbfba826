"""Base of the strategies that update their actors by clipped ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..objective import Problem
from ..trial import Trials
from .networks import TurnNetwork
from .policy_strategy import PolicyStrategy
from .ppo_settings import REPLAYED, PpoSettings
from .ppo_update import PpoLearner
from .rewards import Rewards
from .settings import overridden


class PpoStrategy(PolicyStrategy):
    """Learns from every ``batch`` trials by clipped ratios, and imitates the best trials.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        batch: Completed trials per update.
        startup: Quasi-random designs at the start; none with ``initial_policy``.
        groups: Agent name to its knobs; one agent per knob when left out.
        curriculum: Trials until the constraints hold in full.
        learning: Settings that differ from :attr:`defaults`, see
            :class:`~cosearch.search.marl.ppo_settings.PpoSettings`.
        initial_policy: Folder, or folders, of saved policies to start from.

    Raises:
        StrategyError: When an option is out of range, or a saved policy does not fit.
    """

    defaults: ClassVar[PpoSettings]
    """Settings of the algorithm."""

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        batch: int = 16,
        startup: int = 32,
        groups: Mapping[str, Sequence[str]] | None = None,
        curriculum: int = 0,
        learning: Mapping[str, Any] | None = None,
        initial_policy: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            problem,
            seed,
            batch=batch,
            startup=startup,
            groups=groups,
            curriculum=curriculum,
            initial_policy=initial_policy,
        )
        self.settings = overridden(self.defaults, learning)

    def _begin(self, rng: np.random.Generator) -> None:
        self._learner = PpoLearner(self.agents, self.n_preferences, self.settings, rng)

    @property
    def actor(self) -> TurnNetwork:
        return self._learner.actor

    def _learn(self, told: Trials, rewards: Rewards, rng: np.random.Generator) -> None:
        new = self.newest(told, rewards, rng)
        replay, best = self.relabelled(told, rewards, REPLAYED, self.settings.elite_share, rng)
        self._learner.update(new, replay.join(new), best[: self.settings.imitated], rng)
