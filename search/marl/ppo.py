"""PPO: one agent that makes whole designs."""

from __future__ import annotations

from typing import ClassVar

from .ppo_settings import PpoSettings
from .ppo_strategy import PpoStrategy


class Ppo(PpoStrategy):
    """Proximal policy optimisation: one network chooses all knobs at once, with one ratio of the whole design.

    Source: Schulman et al. 2017, "Proximal policy optimization algorithms". What differs is as in
    :class:`~cosearch.search.marl.mappo.Mappo`; the critic knows the preference alone.
    """

    defaults: ClassVar[PpoSettings] = PpoSettings(credit="joint", sharing="joint")
