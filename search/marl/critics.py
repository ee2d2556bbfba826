"""Critics: what they value, how they learn it, and the credit that turns get from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from .agents import Agents, Bools, Floats
from .episodes import Episodes
from .networks import Form, StateNetwork, TurnNetwork
from .ppo_settings import PpoSettings

ROWS = 256
"""States per step of a critic."""


class Critic(ABC):
    """A regression of the reward, and the credit of every turn that follows from it."""

    @abstractmethod
    def fit(self, replay: Episodes, rng: np.random.Generator) -> None:
        """Regress the reward of episodes of any age."""

    @abstractmethod
    def credit(self, episodes: Episodes) -> Floats:
        """Advantage of every turn's action, float32 [n, n_turns]."""


class LocalCritic(Critic):
    """One critic per agent, which values what its agent observes.

    Args:
        agents: The turns.
        n_preferences: Weights that it sees; 0 for none.
        settings: How it learns.
        rng: Draws the first weights.

    Source: de Witt et al. 2020, "Is independent learning all you need in the StarCraft multi-agent challenge?".
    """

    def __init__(self, agents: Agents, n_preferences: int, settings: PpoSettings, rng: np.random.Generator) -> None:
        self._agents = agents
        self._steps = settings.critic_steps
        form = Form("separate", settings.observe, settings.width, settings.critic_learning_rate)
        self._network = TurnNetwork(agents, n_preferences, 1, form, rng)

    def fit(self, replay: Episodes, rng: np.random.Generator) -> None:
        import torch

        for _ in range(self._steps):
            rows = replay[rng.integers(0, len(replay), min(len(replay), ROWS // 4))]
            values = self._network.forward(self._agents.one_hot(rows.choices), rows.preferences)[:, :, 0]
            error = (values - torch.from_numpy(rows.rewards)[:, None]) * torch.from_numpy(rows.choices >= 0)
            self._network.parameters.descend((error**2).mean())

    def credit(self, episodes: Episodes) -> Floats:
        import torch

        with torch.no_grad():
            values = self._network.forward(self._agents.one_hot(episodes.choices), episodes.preferences)[:, :, 0]
        return np.asarray(episodes.rewards[:, None] - values.numpy())


class StateCritic(Critic):
    """One critic of partial designs, whose differences along the turns are the credit of each.

    Args:
        agents: The turns.
        n_preferences: Weights that it sees; 0 for none.
        settings: How it learns; with the credit ``joint`` every turn gets the advantage of the whole design.
        rng: Draws the first weights.

    Source: Yu et al. 2022, "The surprising effectiveness of PPO in cooperative multi-agent games" (centralised critic).
    """

    def __init__(self, agents: Agents, n_preferences: int, settings: PpoSettings, rng: np.random.Generator) -> None:
        self._agents = agents
        self._settings = settings
        self._network = StateNetwork(agents, n_preferences, 1, settings.width, rng, settings.critic_learning_rate)

    def fit(self, replay: Episodes, rng: np.random.Generator) -> None:
        import torch

        n_states = 1 if self._settings.credit == "joint" else self._agents.n_turns + 1
        for _ in range(self._settings.critic_steps):
            rows = replay[rng.integers(0, len(replay), ROWS)]
            lengths = rng.integers(0, n_states, ROWS)
            values = self._network.forward(self._network.states(rows.choices, rows.preferences, lengths))[0]
            self._network.parameters.descend(((values - torch.from_numpy(rows.rewards)) ** 2).mean())

    def credit(self, episodes: Episodes) -> Floats:
        n_turns = self._agents.n_turns
        if self._settings.credit == "joint":
            return np.repeat(episodes.rewards[:, None] - self.values(episodes, np.zeros(1, np.int64)), n_turns, axis=1)
        values = self.values(episodes, np.arange(n_turns))
        return credit_along(values, episodes.choices >= 0, episodes.rewards, self._settings.gae_lambda)

    def values(self, episodes: Episodes, lengths: np.ndarray) -> Floats:
        """Values after some numbers of turns, int64 ``lengths`` [k]; float32 [n, k]."""
        import torch

        n = len(episodes)
        states = self._network.states(
            np.repeat(episodes.choices, len(lengths), axis=0),
            np.repeat(episodes.preferences, len(lengths), axis=0),
            np.tile(lengths, n),
        )
        with torch.no_grad():
            return np.asarray(self._network.forward(states)[0].view(n, -1).numpy())


def credit_along(values: Floats, acting: Bools, rewards: Floats, gae_lambda: float) -> Floats:
    """Generalised advantages along the turns of episodes whose only reward comes at the end, without discount.

    Args:
        values: Of the state before each turn, float32 [n, n_turns].
        acting: Turns with an action, bool [n, n_turns]; the others pass credit on.
        rewards: float32 [n].
        gae_lambda: Weight of later differences.

    Returns:
        float32 [n, n_turns]; 0 where there was no action.

    Source: Schulman et al. 2016, "High-dimensional continuous control using generalized advantage estimation",
    equation 16.
    """
    result = np.zeros_like(values)
    after, credit = rewards.copy(), np.zeros_like(rewards)
    for turn in range(values.shape[1] - 1, -1, -1):
        on = acting[:, turn]
        credit = np.where(on, after - values[:, turn] + gae_lambda * credit, credit)
        after = np.where(on, values[:, turn], after)
        result[:, turn] = np.where(on, credit, 0.0)
    return result
