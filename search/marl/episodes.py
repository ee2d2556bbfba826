"""Episodes: the agents choose in turn, and the design that comes of it gets one reward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...spaces.feasibility.masks import UNSET
from ...spaces.knobs import INACTIVE, Codes
from ..objective import FloatArray
from .agents import Agents, Bools, Floats
from .networks import TurnNetwork

CONTRAST = 3.0
"""Range of an observed weight: -3 .. 3, so that hidden units can tell near preferences apart."""


@dataclass(frozen=True)
class Episodes:
    """A batch of ``n`` episodes.

    Attributes:
        choices: int64 [n, n_turns]; -1 where the knob is inactive, -2 where the episode stopped before.
        legal: Legal actions, bool [n, n_turns, most_actions].
        preferences: What the agents were told to want, float32 [n, n_preferences].
        rewards: float32 [n], larger is better.
    """

    choices: Codes
    legal: Bools
    preferences: Floats
    rewards: Floats

    def __len__(self) -> int:
        return len(self.choices)

    def __getitem__(self, rows: np.ndarray | slice) -> Episodes:
        return Episodes(self.choices[rows], self.legal[rows], self.preferences[rows], self.rewards[rows])

    def join(self, other: Episodes) -> Episodes:
        """These episodes and then the others."""
        return Episodes(
            np.concatenate([self.choices, other.choices]),
            np.concatenate([self.legal, other.legal]),
            np.concatenate([self.preferences, other.preferences]),
            np.concatenate([self.rewards, other.rewards]),
        )


def observed(preferences: FloatArray) -> Floats:
    """Preferences as networks see them, float32 [n, n_preferences]: none where there is one objective."""
    width = preferences.shape[1] if preferences.shape[1] > 1 else 0
    return np.asarray(CONTRAST * (2.0 * preferences[:, :width] - 1.0), dtype=np.float32)


def roll_out(agents: Agents, actor: TurnNetwork, preferences: Floats, rng: np.random.Generator) -> Episodes:
    """Let the agents choose, by their probabilities.

    An episode stops at a turn without a legal action; its later choices are -2.

    Args:
        agents: The turns.
        actor: Logits of each turn.
        preferences: float32 [n, n_preferences], one row per episode.
        rng: Draws the actions.

    Returns:
        Episodes with rewards 0.
    """
    n = len(preferences)
    choices = np.full((n, agents.n_turns), UNSET, dtype=np.int64)
    every_legal = np.zeros((n, agents.n_turns, agents.most_actions), dtype=bool)
    hot = np.zeros((n, agents.width), dtype=np.float32)
    going = np.ones(n, dtype=bool)
    draws = rng.random((agents.n_turns, n))
    for turn in range(agents.n_turns):
        legal, active = agents.legal(choices, turn)
        every_legal[:, turn] = legal
        stuck = active & ~legal.any(axis=1)
        going &= ~stuck
        logits = np.where(legal, actor.step(turn, hot, preferences), -np.inf)
        actions = drawn(logits, draws[turn])
        acting = going & active
        choices[acting, turn] = actions[acting]
        choices[going & ~active, turn] = INACTIVE
        hot[np.flatnonzero(acting), agents.offsets[turn] + actions[acting]] = 1.0
    return Episodes(choices, every_legal, preferences, np.zeros(n, dtype=np.float32))


def drawn(logits: Floats, uniform: FloatArray) -> Codes:
    """Actions drawn by inverse transform from masked logits [n, n_actions] (-inf is illegal), int64 [n]."""
    peak = logits.max(axis=1, keepdims=True)
    weights = np.exp(logits - np.where(np.isfinite(peak), peak, 0.0), dtype=np.float64)
    total = np.cumsum(weights, axis=1)
    # The first action whose cumulated weight exceeds the draw; illegal ones add nothing, so they are never first.
    mark = np.minimum(uniform[:, None], 1.0 - 1e-12) * total[:, -1:]
    return np.asarray(np.minimum((total <= mark).sum(axis=1), logits.shape[1] - 1), dtype=np.int64)
