"""SAC: one agent that makes whole designs, learnt off-policy from all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..objective import Problem
from ..trial import Trials
from .episodes import observed
from .policy_strategy import PolicyStrategy
from .preferences import preferences
from .rewards import Rewards
from .sac_update import SacLearner, SacSettings

REPLAYED = 256
"""Trials, under random preferences, that an update draws its rows from."""

DREAMS = 32
"""Designs per step of the actor."""


class Sac(PolicyStrategy):
    """Discrete soft actor-critic: twin critics of whole designs, an actor with as much entropy as asked for.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        batch: Completed trials per update.
        startup: Quasi-random designs at the start; none with ``initial_policy``.
        groups: Agent name to its knobs, for actors that are not ``joint``; one agent per knob when left out.
        curriculum: Trials until the constraints hold in full.
        learning: Settings that differ from :attr:`defaults`, see
            :class:`~cosearch.search.marl.sac_update.SacSettings`.
        initial_policy: Folder, or folders, of saved policies to start from.

    Raises:
        StrategyError: When an option is out of range, or a saved policy does not fit.

    Source: Christodoulou 2019, "Soft actor-critic for discrete action settings". What differs: a design is one
    episode, so critics regress the reward; the policy is a product over the knobs, each averaged over its actions.
    """

    defaults: ClassVar[SacSettings] = SacSettings()
    """Settings of the algorithm."""
    settings: SacSettings
    _learner: SacLearner

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        batch: int = 8,
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
            learning=learning,
            initial_policy=initial_policy,
        )

    def _begin(self, rng: np.random.Generator) -> None:
        self._learner = SacLearner(self.agents, self.n_preferences, self.settings, rng)

    def _learn(self, told: Trials, rewards: Rewards, rng: np.random.Generator) -> None:
        new = self.newest(told, rewards, rng)
        replay, _ = self.relabelled(told, rewards, REPLAYED, 1.0, rng)
        wanted = preferences(rng.integers(0, 2**31, DREAMS), self.problem.n_objectives)
        self._learner.update(replay.join(new), observed(wanted), rng)
