"""Policies in files: JSON and arrays, never a pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...spaces.errors import StrategyError
from ...spaces.space import Space
from ..objective import FloatArray, Problem
from .agents import Agents, Floats
from .networks import Form, TurnNetwork

VERSION = 1
"""Version of the saved form."""

DESCRIPTION, ARRAYS = "policy.json", "policy.npz"
"""Files of a saved policy."""


@runtime_checkable
class HasPolicy(Protocol):
    """A strategy with a policy."""

    problem: Problem
    agents: Agents

    def trained(self) -> TurnNetwork:
        """The policy after all trials told."""


@dataclass(frozen=True)
class Policy:
    """A saved policy, ready to act in a space with the same knobs.

    Attributes:
        agents: Turns in the order in which the policy was trained.
        actor: Logits of each turn.
        metrics: Objectives that its preferences weigh.
    """

    agents: Agents
    actor: TurnNetwork
    metrics: tuple[str, ...]

    def preferences(self, problem: Problem, weights: FloatArray) -> FloatArray:
        """What this policy is told, given weights of another problem's objectives.

        Args:
            problem: Has objectives in common with the policy's, or none.
            weights: float64 [n, n_objectives of the problem].

        Returns:
            float64 [n, n_metrics]: the weights of the objectives in common; equal ones where these have none.
        """
        names = [objective.metric for objective in problem.objectives]
        mine = np.zeros((len(weights), len(self.metrics)))
        for column, metric in enumerate(self.metrics):
            if metric in names:
                mine[:, column] = weights[:, names.index(metric)]
        total = mine.sum(axis=1, keepdims=True)
        return np.where(total > 0, mine / np.where(total > 0, total, 1.0), 1.0 / len(self.metrics))


def save_policy(strategy: HasPolicy, folder: Path | str) -> list[Path]:
    """Write what a strategy has learnt.

    Args:
        strategy: A strategy of this package, told its trials.
        folder: Made when it is missing.

    Returns:
        The files written.

    Raises:
        StrategyError: When the folder cannot be written.
    """
    where = Path(folder)
    actor, agents = strategy.trained(), strategy.agents
    description = {
        "version": VERSION,
        "strategy": type(strategy).__name__,
        "knobs": knobs(agents.space),
        "order": [agents.space.names[c] for c in agents.order],
        "groups": agents.groups,
        "objectives": [objective.metric for objective in strategy.problem.objectives],
        "form": asdict(actor.form),
    }
    arrays: dict[str, Any] = dict(actor.parameters.arrays())
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / DESCRIPTION).write_text(json.dumps(description, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        np.savez(where / ARRAYS, **arrays)
    except OSError as error:
        raise StrategyError(f"{where}: {error.strerror}", "choose another folder") from error
    return [where / DESCRIPTION, where / ARRAYS]


def load_policy(folder: Path | str, problem: Problem) -> Policy:
    """Read a saved policy for a problem with the same knobs.

    Args:
        folder: From :func:`save_policy`.
        problem: What the policy is to act in; its constraints may differ.

    Raises:
        StrategyError: When there is no readable policy, or its knobs have other names or values.
    """
    where = Path(folder)
    description, arrays = _read(where)
    space = problem.space
    theirs, ours = description["knobs"], knobs(space)
    differing = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
    if differing:
        names = ", ".join(map(repr, differing[:5]))
        raise StrategyError(
            f"the policy in {where} is for other knobs than space {space.name!r}: {names} differ in name or values",
            "use a policy that was trained on this space",
        )
    agents = Agents(space, description["groups"], description["order"])
    form = Form(**description["form"])
    metrics = tuple(description["objectives"])
    n_preferences = len(metrics) if len(metrics) > 1 else 0
    actor = TurnNetwork(agents, n_preferences, agents.most_actions, form, np.random.default_rng(0))
    shapes = {name: array.shape for name, array in actor.parameters.arrays().items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise StrategyError(f"{where / ARRAYS} does not fit {DESCRIPTION}", "save the policy again")
    actor.parameters.load(arrays)
    actor.refresh()
    return Policy(agents, actor, metrics)


def knobs(space: Space) -> dict[str, Any]:
    """Name to declaration of every knob, as JSON reads it back."""
    described: dict[str, Any] = json.loads(json.dumps({name: space.knob(name).spec() for name in space.names}))
    return described


def _read(where: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    try:
        description = json.loads((where / DESCRIPTION).read_text(encoding="utf-8"))
        with np.load(where / ARRAYS, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name], dtype=np.float32) for name in file.files}
    except (OSError, ValueError) as error:
        raise StrategyError(f"{where} holds no readable policy ({error})", "save one there first") from error
    needed = {"knobs", "order", "groups", "objectives", "form"}
    if not isinstance(description, dict) or description.get("version") != VERSION or not needed <= set(description):
        raise StrategyError(f"{where / DESCRIPTION} is no policy of version {VERSION}", "save the policy again")
    return description, arrays
