"""A PettingZoo environment around a design problem: one agent per knob, or per group of knobs, with a shared reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from ...hw_targets.target import HardwareTarget
from ...spaces.errors import InfeasibleError, StrategyError
from ...spaces.feasibility.masks import UNSET, ActionMasks
from ...spaces.knobs import Codes
from ..marl.groups import grouped
from ..marl.preferences import check_preference
from ..objective import FloatArray, Problem
from .actions import check_agents, checked_values
from .reward import Reward, draw_preference
from .task import DesignTask, Scores

Observation = dict[str, Any]


class DesignParallelEnv(ParallelEnv[str, Observation, Any]):
    """Agents that choose the knobs of a design at the same time and share its reward.

    An agent's action is ``Discrete(values)`` of its knob, or ``MultiDiscrete`` of its group's knobs. Knobs that turn
    out inactive are ignored; a joint action that breaks constraints of the space is repaired to the nearest design, and
    ``info["repaired"]`` tells each agent whether its own choice was changed by that. A design that breaks a constraint
    on an exact metric is not evaluated: it earns what its violation says. An episode has ``steps`` designs and is
    truncated with the last evaluation of the budget.

    Observations are dictionaries:

    * ``preference``, float32 [n_objectives]: the weights by which this episode is paid, redrawn at each reset;
    * ``outcome``, float32 [n_objectives + 1]: the last design of this episode, see
      :meth:`~cosearch.search.environments.task.DesignTask.outcome`; 0 before the first;
    * ``action_mask``, int8 [n_values], or a tuple of these for a group: values that some design of the space has.

    ``reset(seed=...)`` starts anew: generator and running scale of the reward. ``reset(options={"preference": [...]})``
    sets the preference of an episode.

    Args:
        problem: Space, objectives, constraints.
        target: Scores designs.
        groups: Agent name to its knobs; knobs in no group have an agent each, of the same name.
        steps: Designs per episode.
        preference: Fixed weights of the objectives; None draws them.
        budget: Most designs to evaluate, see :class:`~cosearch.search.environments.task.DesignTask`.
        reward: See :class:`~cosearch.search.environments.reward.Reward`; None takes its defaults.

    Attributes:
        task: Scores whole batches of designs: ``task.score(codes, preferences)``.

    Raises:
        StrategyError: When an argument does not suit the problem.
        InfeasibleError: When the space holds no design.
    """

    # An instance attribute by type, as pettingzoo declares it.
    metadata: dict[str, Any] = {"name": "cosearch_design_v0", "render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        problem: Problem,
        target: HardwareTarget,
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        steps: int = 1,
        preference: FloatArray | None = None,
        budget: int | None = None,
        reward: Reward | None = None,
    ) -> None:
        if steps < 1:
            raise StrategyError(f"steps is {steps}", "use 1 or more")
        self.render_mode = None
        self.task = DesignTask(problem, target, budget=budget, reward=reward)
        self.steps = steps
        m = problem.n_objectives
        self._columns: dict[str, Codes] = {
            agent: np.array([problem.space.index(knob) for knob in knobs], np.int64)
            for agent, knobs in grouped(problem.space, groups).items()
        }
        self.possible_agents = list(self._columns)
        self.agents: list[str] = []
        self._fixed = None if preference is None else check_preference(preference, m)
        self._preference = np.full(m, 1.0 / m)
        self._outcome: NDArray[np.float32] = np.zeros(m + 1, np.float32)
        self._made = 0
        self._rng = np_random(None)[0]
        self._action_masks = {agent: _mask(problem, columns) for agent, columns in self._columns.items()}
        self.action_spaces = {agent: _action_space(problem, columns) for agent, columns in self._columns.items()}
        self.observation_spaces = {
            agent: spaces.Dict(
                {
                    "preference": spaces.Box(0.0, 1.0, (m,), np.float32),
                    "outcome": spaces.Box(-10.0, 2.0, (m + 1,), np.float32),
                    "action_mask": _mask_space(problem, columns),
                }
            )
            for agent, columns in self._columns.items()
        }

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The space of an agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The space of an agent's actions."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        if seed is not None:
            self._rng = np_random(seed)[0]
            self.task.reward.reset()
        m = self.task.problem.n_objectives
        given = (options or {}).get("preference", self._fixed)
        self._preference = draw_preference(self._rng, m) if given is None else check_preference(given, m)
        self._outcome = np.zeros(m + 1, np.float32)
        self._made = 0
        self.agents = list(self.possible_agents)
        return self._observations(), {agent: {"budget_left": self.task.budget_left} for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        space = self.task.problem.space
        wanted: Codes = np.zeros((1, space.n_knobs), dtype=np.int64)
        check_agents(actions, self.agents)
        for agent in self.agents:
            columns = self._columns[agent]
            wanted[0, columns] = checked_values(actions[agent], space.cardinalities[columns], agent)
        wanted = space.canonical(wanted)
        codes = space.repair(wanted)
        scores = self.task.score(codes, self._preference)
        self._outcome = self.task.outcome(scores, 0)
        self._made += 1
        info = self.task.info(scores, codes, 0)
        changed = codes[0] != wanted[0]
        infos = {agent: info | {"repaired": bool(changed[self._columns[agent]].any())} for agent in self.agents}
        rewards = dict.fromkeys(self.agents, float(scores.rewards[0]))
        terminated, truncated = self._made >= self.steps, self.task.spent
        over = dict.fromkeys(self.agents, terminated), dict.fromkeys(self.agents, truncated)
        observations = self._observations()
        if terminated or truncated:
            self.agents = []
        return observations, rewards, *over, infos

    def state(self) -> NDArray[np.float32]:
        """What a centralised critic may see, float32 [2 * n_objectives + 1]: preference, then outcome."""
        return np.concatenate([self._preference.astype(np.float32), self._outcome])

    def evaluate_many(self, codes: Codes, preferences: FloatArray | None = None) -> Scores:
        """Score a batch of valid designs at once, by the same rewards, memory and budget.

        Args:
            codes: int64 [n, n_knobs].
            preferences: float64 [n, n_objectives] or [n_objectives]; None is the preference of this episode.
        """
        return self.task.score(codes, self._preference if preferences is None else preferences)

    def _observations(self) -> dict[str, Observation]:
        # Copies: agents may change what they are given.
        return {
            agent: {
                "preference": self._preference.astype(np.float32),
                "outcome": self._outcome.copy(),
                "action_mask": deepcopy(self._action_masks[agent]),
            }
            for agent in self.agents
        }


def _action_space(problem: Problem, columns: Codes) -> spaces.Space[Any]:
    n_values = problem.space.cardinalities[columns]
    return spaces.Discrete(int(n_values[0])) if len(columns) == 1 else spaces.MultiDiscrete(n_values)


def _mask_space(problem: Problem, columns: Codes) -> spaces.Space[Any]:
    parts = [spaces.MultiBinary(int(n)) for n in problem.space.cardinalities[columns]]
    return parts[0] if len(parts) == 1 else spaces.Tuple(parts)


def _mask(problem: Problem, columns: Codes) -> Any:
    """Values that any design has: int8 [n_values], a tuple of these for several knobs."""
    masks = ActionMasks(problem.space)
    nothing: Codes = np.full((1, problem.space.n_knobs), UNSET)
    parts = tuple(masks.legal(nothing, c)[0].astype(np.int8) for c in columns.tolist())
    if not all(part.any() for part in parts):
        raise InfeasibleError(f"space {problem.space.name!r} holds no design", "relax its constraints")
    return parts[0] if len(parts) == 1 else parts
