"""Updates of actors by clipped ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .agents import Agents, Bools, Floats
from .critics import Critic, LocalCritic, StateCritic
from .episodes import Episodes
from .networks import Form, TurnNetwork
from .ppo_settings import PpoSettings

if TYPE_CHECKING:
    from torch import Tensor

FORBIDDEN = -1e9
"""Logit of an illegal action (Huang and Ontanon 2022, "A closer look at invalid action masking")."""


class PpoLearner:
    """Actors, critic and how they learn.

    Args:
        agents: The turns.
        n_preferences: Weights that the networks see; 0 for none.
        settings: How they learn.
        rng: Draws the first weights.

    Source: Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7; Oh et al. 2018,
    "Self-imitation learning", equations 1-2. The policy that the ratio compares with is the one before the update.
    """

    def __init__(self, agents: Agents, n_preferences: int, settings: PpoSettings, rng: np.random.Generator) -> None:
        self.agents = agents
        self.settings = settings
        form = Form(settings.sharing, settings.observe, settings.width, settings.learning_rate)
        self.actor = TurnNetwork(agents, n_preferences, agents.most_actions, form, rng)
        kind: type[LocalCritic | StateCritic] = LocalCritic if settings.credit == "local" else StateCritic
        self.critic: Critic = kind(agents, n_preferences, settings, rng)

    def update(self, batch: Episodes, replay: Episodes, best: Episodes, rng: np.random.Generator) -> None:
        """Learn.

        Args:
            batch: New episodes, for the clipped ratios.
            replay: Episodes of any age, for the critic: a regression.
            best: Episodes to imitate as far as they beat the critic.
            rng: Draws rows.
        """
        self.critic.fit(replay, rng)
        everything = batch.join(best)
        credit = self.critic.credit(everything)
        gain = standardised(credit[: len(batch)], batch.choices >= 0)
        self._fit_actor(everything, gain, np.maximum(credit[len(batch) :], 0.0))
        self.actor.refresh()

    def imitate(self, episodes: Episodes) -> None:
        """One step towards the choices of these episodes."""
        self.actor.parameters.descend(-log_chances(self.actor, episodes)[1].mean())

    def _fit_actor(self, episodes: Episodes, gain: Floats, surplus: Floats) -> None:
        """Take the epochs: ``gain`` float32 [n_new, n_turns] of the first episodes, ``surplus`` of the others."""
        import torch

        s, n_new = self.settings, len(gain)
        joint = s.credit == "joint"
        # One ratio for a whole design has one gain.
        wanted = torch.from_numpy(gain[:, :1] if joint else gain)
        weights = torch.from_numpy(surplus)
        scale = torch.from_numpy(_entropy_scale(episodes, n_new))
        old: Tensor | None = None
        for _ in range(s.epochs):
            log_probs, taken = log_chances(self.actor, episodes)
            new = taken[:n_new]
            old = new.detach() if old is None else old
            ratio = (new - old).sum(dim=1, keepdim=True).exp() if joint else (new - old).exp()
            loss = -torch.minimum(ratio * wanted, ratio.clamp(1.0 - s.clip, 1.0 + s.clip) * wanted).mean()
            entropy = -(log_probs[:n_new].exp() * log_probs[:n_new]).sum(dim=-1) * scale
            loss = loss / (self.agents.n_turns if joint else 1) - s.entropy * entropy.mean()
            if len(weights) and s.imitation:
                loss = loss - s.imitation * (weights * taken[n_new:]).mean()
            self.actor.parameters.descend(loss)


def log_chances(actor: TurnNetwork, episodes: Episodes) -> tuple[Tensor, Tensor]:
    """Log-probabilities of all actions, float32 [n, n_turns, most_actions], and of those taken, float32 [n, n_turns].

    Illegal actions have none to speak of; turns without an action count 0.
    """
    import torch

    logits = actor.forward(actor.agents.one_hot(episodes.choices), episodes.preferences)
    log_probs = torch.log_softmax(logits.masked_fill(~torch.from_numpy(episodes.legal), FORBIDDEN), dim=-1)
    actions = torch.from_numpy(np.maximum(episodes.choices, 0))[:, :, None]
    return log_probs, log_probs.gather(-1, actions)[:, :, 0] * torch.from_numpy(episodes.choices >= 0)


def standardised(advantages: Floats, acting: Bools) -> Floats:
    """Advantages over their standard deviation, centred over the batch; 0 where there was no action."""
    if not acting.any():
        return np.zeros_like(advantages)
    chosen = advantages[acting]
    centred = np.where(acting, advantages - chosen.mean(), 0.0)
    return np.asarray(centred / max(float(chosen.std()), 1e-6), dtype=np.float32)


def _entropy_scale(episodes: Episodes, n: int) -> Floats:
    """One over the largest entropy of each turn, float32 [n, n_turns]; 0 where there is no choice."""
    options = episodes.legal[:n].sum(axis=2)
    choice = (options > 1) & (episodes.choices[:n] >= 0)
    return np.asarray(np.where(choice, 1.0 / np.log(np.maximum(options, 2)), 0.0), dtype=np.float32)
