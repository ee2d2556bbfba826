"""IPPO: agents that learn on their own, each by PPO."""

from __future__ import annotations

from typing import ClassVar

from .ppo_settings import PpoSettings
from .ppo_strategy import PpoStrategy


class Ippo(PpoStrategy):
    """Independent PPO: an agent per knob, each with its own policy and its own critic of what it observes.

    Agents share nothing but the reward.

    Source: de Witt et al. 2020, "Is independent learning all you need in the StarCraft multi-agent challenge?". What
    differs is as in :class:`~cosearch.search.marl.mappo.Mappo`.
    """

    defaults: ClassVar[PpoSettings] = PpoSettings(credit="local")
