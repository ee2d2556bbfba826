"""Updates of soft actors on twin critics of whole designs, from replayed trials."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .agents import Agents, Floats
from .episodes import Episodes, roll_out
from .networks import Form, Sharing, StateNetwork, TurnNetwork
from .ppo_update import FORBIDDEN
from .settings import at_least, one_of, positive, share

START_TEMPERATURE = 0.2
"""First weight of the entropy; rewards have a standard deviation of about one."""


@dataclass(frozen=True, slots=True)
class SacSettings:
    """What an update does.

    Args:
        sharing: Of the actors, see :class:`~cosearch.search.marl.networks.TurnNetwork`.
        learning_rate: Of the actors, by Adam.
        critic_learning_rate: Of the critics.
        temperature_rate: Learning rate of the logarithm of the temperature.
        target_entropy: Entropy per turn that the temperature aims at, as a share of its maximum.
        steps: Gradient steps of the actors per update.
        critic_steps: Gradient steps of the critics per update.
        rows: Replayed trials per step.
        width: Hidden units of each network.

    Raises:
        StrategyError: When one is out of range.
    """

    sharing: Sharing = "joint"
    learning_rate: float = 0.02
    critic_learning_rate: float = 0.01
    temperature_rate: float = 0.05
    target_entropy: float = 0.3
    steps: int = 4
    critic_steps: int = 8
    rows: int = 128
    width: int = 64

    def __post_init__(self) -> None:
        one_of(self, "sharing", ("separate", "shared", "joint"))
        positive(self, "learning_rate", "critic_learning_rate", "temperature_rate", "target_entropy")
        share(self, "target_entropy")
        at_least(self, 1, "steps", "critic_steps", "rows", "width")


class SacLearner:
    """A soft actor, twin critics, and how they learn.

    An episode has one reward at its end and nothing after it, so the critics are regressions on the reward and need no
    target networks.

    Args:
        agents: The turns.
        n_preferences: Weights that the networks see; 0 for none.
        settings: How they learn.
        rng: Draws the first weights.

    Source: Christodoulou 2019, "Soft actor-critic for discrete action settings", equations 10-12; Haarnoja et al. 2018,
    "Soft actor-critic algorithms and applications", section 5 (temperature). The expectation over each turn's actions,
    the other turns' as drawn, is that of Foerster et al. 2018, "Counterfactual multi-agent policy gradients".
    """

    def __init__(self, agents: Agents, n_preferences: int, settings: SacSettings, rng: np.random.Generator) -> None:
        self.agents = agents
        self.settings = settings
        form = Form(settings.sharing, "own", settings.width, settings.learning_rate)
        self.actor = TurnNetwork(agents, n_preferences, agents.most_actions, form, rng)
        self.critics = StateNetwork(agents, n_preferences, 2, settings.width, rng, settings.critic_learning_rate)
        self.log_temperature = math.log(START_TEMPERATURE)

    def update(self, replay: Episodes, wanted: Floats, rng: np.random.Generator) -> None:
        """Learn.

        Args:
            replay: Episodes of any age.
            wanted: Preferences for which the actor learns, float32 [n, n_preferences].
            rng: Draws rows and actions.
        """
        import torch

        for _ in range(self.settings.critic_steps):
            rows = replay[rng.integers(0, len(replay), self.settings.rows)]
            whole = np.full(len(rows), self.agents.n_turns)
            values = self.critics.forward(self.critics.states(rows.choices, rows.preferences, whole))
            self.critics.parameters.descend(((values - torch.from_numpy(rows.rewards)) ** 2).mean(dim=1).sum())
        for _ in range(self.settings.steps):
            self._improve(roll_out(self.agents, self.actor, wanted, rng))
            self.actor.refresh()

    def _improve(self, drawn: Episodes) -> None:
        """One step of the actor and the temperature on designs that it drew."""
        import torch

        done = drawn[np.flatnonzero((drawn.choices != -2).all(axis=1))]
        if not len(done):
            return
        values = torch.from_numpy(self.alternatives(done))
        logits = self.actor.forward(self.agents.one_hot(done.choices), done.preferences)
        legal = torch.from_numpy(done.legal & (done.choices >= 0)[:, :, None])
        log_probs = torch.log_softmax(logits.masked_fill(~legal, FORBIDDEN), dim=-1)
        chances = log_probs.exp() * legal
        temperature = math.exp(self.log_temperature)
        loss = (chances * (temperature * log_probs - values)).sum(dim=-1).mean()
        self.actor.parameters.descend(loss)
        options = done.legal.sum(axis=2)
        choice = (options > 1) & (done.choices >= 0)
        entropy = -(chances * log_probs).sum(dim=-1).detach().numpy()
        most = np.log(np.maximum(options, 2))
        if choice.any():
            lack = self.settings.target_entropy - float((entropy / most)[choice].mean())
            self.log_temperature += self.settings.temperature_rate * float(np.clip(lack, -1.0, 1.0)) * 2.0
            self.log_temperature = float(np.clip(self.log_temperature, -7.0, 3.0))

    def alternatives(self, episodes: Episodes) -> Floats:
        """Value of every action of every turn, the other turns as they are: the smaller of both critics.

        Args:
            episodes: Complete ones.

        Returns:
            float32 [n, n_turns, most_actions]; 0 for actions that do not exist.
        """
        import torch

        agents, n = self.agents, len(episodes)
        whole = np.full(n, agents.n_turns)
        states = torch.from_numpy(self.critics.states(episodes.choices, episodes.preferences, whole))
        result = np.zeros((n, agents.n_turns, agents.most_actions), dtype=np.float32)
        turn_of = np.repeat(np.arange(agents.n_turns), agents.n_actions)
        action_of = np.arange(agents.width) - agents.offsets[turn_of]
        with torch.no_grad():
            weights = self.critics.parameters.views()
            # The first layer is linear in the one-hot row: an alternative swaps one of its terms.
            base = states @ weights["in"] + weights["first"]
            rows = torch.from_numpy(agents.offsets + np.maximum(episodes.choices, 0))
            held = (
                weights["in"][:, rows] * torch.from_numpy((episodes.choices >= 0).astype(np.float32))[None, :, :, None]
            )
            without = base[:, :, None] - held
            inner = torch.tanh(without[:, :, turn_of] + weights["in"][:, None, : agents.width])
            copies = len(inner)
            hidden = torch.tanh(torch.baddbmm(weights["second"], inner.flatten(1, 2), weights["hidden"]))
            values = torch.baddbmm(weights["bias"], hidden, weights["out"])[:, :, 0].view(copies, n, -1)
            result[:, turn_of, action_of] = values.min(dim=0).values.numpy()
        return result
