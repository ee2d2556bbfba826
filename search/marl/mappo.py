"""MAPPO: agents with policies of their own, and one critic that knows what all of them do."""

from __future__ import annotations

from typing import ClassVar

from .ppo_settings import PpoSettings
from .ppo_strategy import PpoStrategy


class Mappo(PpoStrategy):
    """Multi-agent PPO: an agent per knob, acting in turn, with a centralised critic.

    Every agent has its own clipped ratio. The critic values partial designs, so that generalised advantage estimation
    along the turns gives each agent the credit of its own choice.

    Source: Yu et al. 2022, "The surprising effectiveness of PPO in cooperative multi-agent games". What differs: an
    episode is one design, in which agents act one after the other under the masks of the space; the critic also learns
    from replayed trials, of which it predicts the reward; the best trials are imitated (Oh et al. 2018).
    """

    defaults: ClassVar[PpoSettings] = PpoSettings(credit="central", observe="earlier")
