"""Actors and critics: small networks over the choices that were made so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .agents import Agents, Floats
from .parameters import Parameters

if TYPE_CHECKING:
    from torch import Tensor

Sharing = Literal["separate", "shared", "joint"]
Observe = Literal["own", "earlier"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a network of turns looks like.

    Args:
        sharing: ``separate``: every agent has weights of its own, multiplied in one batch. ``shared``: one network that
            is told the turn as a one-hot vector. ``joint``: one network answers for all turns at once, with outputs for
            each, from the preference alone.
        observe: ``own`` shows agents no choices but their own, ``earlier`` all that were made before.
        width: Hidden units.
        learning_rate: Of Adam.
    """

    sharing: Sharing
    observe: Observe
    width: int
    learning_rate: float


class TurnNetwork:
    """A network that is applied at every turn to what the agent observes: actors and local critics.

    An agent observes which turn it is, the preference, and choices made before.

    Args:
        agents: The turns.
        n_preferences: Weights that are observed; 0 for none.
        outputs: Per turn.
        form: What it looks like.
        rng: Draws the first weights.
    """

    def __init__(self, agents: Agents, n_preferences: int, outputs: int, form: Form, rng: np.random.Generator) -> None:
        self.agents = agents
        self.n_preferences = n_preferences
        self.outputs = outputs
        self.form = form
        self.sharing: Sharing = form.sharing
        sharing, width = form.sharing, form.width
        self.visible = agents.visible(form.observe == "earlier")
        if sharing == "joint":
            self.visible = np.zeros_like(self.visible)
        self._sees_choices = bool(self.visible.any())
        copies, turns = (agents.n_agents, agents.n_turns) if sharing == "separate" else (1, agents.n_turns)
        n_seen = (agents.width if self._sees_choices else 0) + n_preferences
        out = outputs * (turns if sharing == "joint" else 1)
        shapes: dict[str, tuple[int, ...]] = {
            "turn": (1 if sharing == "joint" else turns, 1, width),
            "seen": (copies, n_seen, width),
            "out": (copies, width, out),
            "bias": (copies, 1, out),
        }
        self.parameters = Parameters(shapes, ("out", "bias"), rng, form.learning_rate)
        self._of_turn = agents.agent if sharing == "separate" else np.zeros(turns, dtype=np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Take the current weights for :meth:`step`; to be called after training."""
        self._arrays = self.parameters.arrays()

    def forward(self, hot: Floats, preferences: Floats) -> Tensor:
        """Outputs of all turns, given all choices.

        Args:
            hot: float32 [n, width], choices as one-hot rows; turns see what is visible to them.
            preferences: float32 [n, n_preferences].

        Returns:
            float32 [n, n_turns, outputs].
        """
        import torch

        weights = self.parameters.views()
        n, n_turns = len(hot), self.agents.n_turns
        if self.sharing == "joint":
            hidden = torch.tanh(weights["turn"][0] + torch.from_numpy(preferences) @ weights["seen"][0])
            return (hidden @ weights["out"][0] + weights["bias"][0]).view(n, n_turns, self.outputs)
        seen = torch.from_numpy(self._observed(hot, preferences))
        if self.sharing == "shared":
            flat = seen.reshape(n_turns * n, -1) @ weights["seen"][0]
            hidden = torch.tanh(flat.view(n_turns, n, -1) + weights["turn"])
            return (hidden @ weights["out"][0] + weights["bias"][0]).transpose(0, 1)
        alone = self.agents.n_agents == n_turns and bool((self._of_turn == np.arange(n_turns)).all())
        own = weights if alone else {k: weights[k][self._of_turn] for k in ("seen", "out", "bias")}
        hidden = torch.tanh(torch.baddbmm(weights["turn"], seen, own["seen"]))
        return torch.baddbmm(own["bias"], hidden, own["out"]).transpose(0, 1)

    def _observed(self, hot: Floats, preferences: Floats) -> Floats:
        """What every turn sees, float32 [n_turns, n, n_seen]."""
        n_turns = self.agents.n_turns
        wanted = np.broadcast_to(preferences, (n_turns, *preferences.shape))
        if not self._sees_choices:
            return wanted.copy()
        return np.concatenate([hot * self.visible[:, None, :], wanted], axis=2)

    def step(self, turn: int, hot: Floats, preferences: Floats) -> Floats:
        """Outputs of one turn, float32 [n, outputs], without gradients; arguments as in :meth:`forward`."""
        weights = self._arrays
        if self.sharing == "joint":
            out = slice(turn * self.outputs, (turn + 1) * self.outputs)
            hidden = np.tanh(weights["turn"][0] + preferences @ weights["seen"][0])
            return np.asarray(hidden @ weights["out"][0][:, out] + weights["bias"][0][:, out])
        copy = int(self._of_turn[turn])
        seen = preferences
        if self._sees_choices:
            seen = np.concatenate([hot * self.visible[turn], preferences], axis=1)
        hidden = np.tanh(weights["turn"][turn] + seen @ weights["seen"][copy])
        return np.asarray(hidden @ weights["out"][copy] + weights["bias"][copy])


class StateNetwork:
    """A value of states: which choices were made, which are still open, and the preference.

    Args:
        agents: The turns.
        n_preferences: Weights in the state; 0 for none.
        copies: Independent networks in one batch, such as twin critics.
        width: Hidden units.
        rng: Draws the first weights.
        learning_rate: Of Adam.
    """

    def __init__(
        self,
        agents: Agents,
        n_preferences: int,
        copies: int,
        width: int,
        rng: np.random.Generator,
        learning_rate: float,
    ) -> None:
        self.agents = agents
        n_inputs = agents.width + agents.n_turns + n_preferences
        shapes: dict[str, tuple[int, ...]] = {
            "in": (copies, n_inputs, width),
            "first": (copies, 1, width),
            "hidden": (copies, width, width),
            "second": (copies, 1, width),
            "out": (copies, width, 1),
            "bias": (copies, 1, 1),
        }
        self.parameters = Parameters(shapes, ("first", "second", "out", "bias"), rng, learning_rate)

    def states(self, choices: np.ndarray, preferences: Floats, lengths: np.ndarray) -> Floats:
        """States after the first ``lengths`` turns of episodes, float32 [n, n_inputs].

        Args:
            choices: int64 [n, n_turns].
            preferences: float32 [n, n_preferences].
            lengths: int64 [n], 0 .. n_turns.
        """
        open_ = np.arange(self.agents.n_turns) >= lengths[:, None]
        hot = self.agents.one_hot(np.where(open_, -1, choices))
        return np.concatenate([hot, open_.astype(np.float32), preferences], axis=1)

    def forward(self, states: Floats | Tensor) -> Tensor:
        """Values float32 [copies, n] of float32 ``states`` [n, n_inputs]."""
        import torch

        x = torch.as_tensor(states)
        weights = self.parameters.views()
        x = torch.tanh(x @ weights["in"] + weights["first"])
        x = torch.tanh(torch.baddbmm(weights["second"], x, weights["hidden"]))
        return torch.baddbmm(weights["bias"], x, weights["out"])[:, :, 0]
