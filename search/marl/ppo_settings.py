"""Settings of learners with clipped ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...spaces.errors import StrategyError
from .networks import Observe, Sharing
from .settings import at_least, one_of, positive, share

Credit = Literal["central", "local", "joint"]

REPLAYED = 128
"""Trials per update that the critic learns from, beside the new ones, and that the best ones are drawn as."""


@dataclass(frozen=True, slots=True)
class PpoSettings:
    """What an update does.

    Args:
        credit: ``central``: one critic values partial designs, and every agent has its own ratio and its own advantage
            along the turns (MAPPO). ``local``: one critic per agent, which values what it observes (IPPO). ``joint``:
            one ratio and one advantage of the whole design (PPO).
        sharing: Of the actors, see :class:`~cosearch.search.marl.networks.Form`.
        observe: Of the actors and local critics, likewise.
        learning_rate: Of the actors, by Adam.
        critic_learning_rate: Of the critics.
        epochs: Passes over a batch.
        clip: Largest change of a ratio that is rewarded.
        gae_lambda: Lambda of the central credit: 0 believes the critic's differences, 1 the reward alone.
        entropy: Weight of the entropy per turn, as a share of its maximum.
        imitation: Weight of the log-probability of the best trials that beat the critic (self-imitation).
        width: Hidden units of each network.
        critic_steps: Regression steps of the critic per update, on all trials.
        elite_share: Share of the trials that count as the best, with one objective; over the square of their number
            with several, each for its preference.
        imitated: Of the best trials, how many are imitated per update, :data:`REPLAYED` at most.

    Raises:
        StrategyError: When one is out of range.
    """

    credit: Credit = "central"
    sharing: Sharing = "separate"
    observe: Observe = "own"
    learning_rate: float = 0.02
    critic_learning_rate: float = 0.01
    epochs: int = 8
    clip: float = 0.2
    gae_lambda: float = 0.9
    entropy: float = 0.05
    imitation: float = 0.5
    width: int = 32
    critic_steps: int = 12
    elite_share: float = 0.1
    imitated: int = 32

    def __post_init__(self) -> None:
        one_of(self, "credit", ("central", "local", "joint"))
        one_of(self, "sharing", ("separate", "shared", "joint"))
        one_of(self, "observe", ("own", "earlier"))
        positive(self, "learning_rate", "critic_learning_rate", "clip")
        at_least(self, 0, "entropy", "imitation")
        at_least(self, 1, "epochs", "width", "critic_steps", "imitated")
        share(self, "gae_lambda", "elite_share")
        if self.imitated > REPLAYED:
            raise StrategyError(f"imitated {self.imitated} is too large", f"use {REPLAYED} or less")
