"""Base of the strategies that update their actors by clipped ratios."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..trial import Trials
from .policy_strategy import PolicyStrategy
from .ppo_settings import REPLAYED, PpoSettings
from .ppo_update import PpoLearner
from .rewards import Rewards


class PpoStrategy(PolicyStrategy):
    """Learns from every ``batch`` trials by clipped ratios, and imitates the best trials.

    Its options are those of :class:`PolicyStrategy`.
    """

    defaults: ClassVar[PpoSettings]
    """Settings of the algorithm."""
    settings: PpoSettings
    _learner: PpoLearner

    def _begin(self, rng: np.random.Generator) -> None:
        self._learner = PpoLearner(self.agents, self.n_preferences, self.settings, rng)

    def _learn(self, told: Trials, rewards: Rewards, rng: np.random.Generator) -> None:
        new = self.newest(told, rewards, rng)
        replay, best = self.relabelled(told, rewards, REPLAYED, self.settings.elite_share, rng)
        self._learner.update(new, replay.join(new), best[: self.settings.imitated], rng)
