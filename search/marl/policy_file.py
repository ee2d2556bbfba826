"""Policies in files: JSON and arrays, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, get_args, runtime_checkable

import numpy as np

from ...spaces.errors import StrategyError
from ...spaces.space import Space
from ..objective import FloatArray, Problem
from .agents import Agents, Floats
from .networks import Form, Observe, Sharing, TurnNetwork
from .settings import count, one_of, positive

VERSION = 1
"""Version of the saved form."""

DESCRIPTION, ARRAYS = "policy.json", "policy.npz"
"""Files of a saved policy."""

KINDS = {"knobs": dict, "order": list, "groups": dict, "objectives": list, "form": dict}
"""What a description holds, and of which type."""

AGAIN = "save the policy again"
"""What to do about a damaged file."""


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
        StrategyError: When there is no readable policy, something in its files is wrong, or its knobs have other names
            or values.
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
    try:
        agents = Agents(space, description["groups"], description["order"])
        form = _form(description["form"])
    except StrategyError as error:
        raise StrategyError(f"{where / DESCRIPTION}: {error.problem}", AGAIN) from error
    metrics = tuple(description["objectives"])
    # Before networks are made, which a wrong width could let grow beyond all memory.
    if [array.shape[-1:] for name, array in arrays.items() if name == "turn"] != [(form.width,)]:
        raise StrategyError(f"{where / ARRAYS} does not fit {DESCRIPTION}", AGAIN)
    n_preferences = len(metrics) if len(metrics) > 1 else 0
    actor = TurnNetwork(agents, n_preferences, agents.most_actions, form, np.random.default_rng(0))
    shapes = {name: array.shape for name, array in actor.parameters.arrays().items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise StrategyError(f"{where / ARRAYS} does not fit {DESCRIPTION}", AGAIN)
    actor.parameters.load(arrays)
    actor.refresh()
    return Policy(agents, actor, metrics)


def _form(described: Mapping[str, Any]) -> Form:
    """The form of a network, checked."""
    names = {field.name for field in fields(Form)}
    if set(described) != names:
        raise StrategyError(f"form has {', '.join(map(str, described))}", f"it needs {', '.join(sorted(names))}")
    rate = described["learning_rate"]
    if not isinstance(rate, int | float) or isinstance(rate, bool):
        raise StrategyError(f"learning_rate is {rate!r}", "use a number")
    count("width", described["width"], 1)
    form = Form(**described)
    one_of(form, "sharing", get_args(Sharing))
    one_of(form, "observe", get_args(Observe))
    positive(form, "learning_rate")
    return form


def knobs(space: Space) -> dict[str, Any]:
    """Name to declaration of every knob, as JSON reads it back."""
    described: dict[str, Any] = json.loads(json.dumps({name: space.knob(name).spec() for name in space.names}))
    return described


def _read(where: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Both files, in the types that they must have."""
    try:
        description = json.loads((where / DESCRIPTION).read_text(encoding="utf-8"))
        with (where / ARRAYS).open("rb") as stored, np.load(stored, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:
        # Damaged archives end in a dozen kinds of errors.
        raise StrategyError(f"{where} holds no readable policy ({error})", "save one there first") from error
    if not isinstance(description, dict) or description.get("version") != VERSION:
        raise StrategyError(f"{where / DESCRIPTION} is no policy of version {VERSION}", AGAIN)
    wrong = [key for key, kind in KINDS.items() if not isinstance(description.get(key), kind)]
    if wrong:
        raise StrategyError(f"{where / DESCRIPTION} lacks {', '.join(wrong)}, or has something else there", AGAIN)
    objectives = description["objectives"]
    if not objectives or not all(isinstance(o, str) for o in objectives) or len(set(objectives)) < len(objectives):
        raise StrategyError(f"{where / DESCRIPTION}: objectives {objectives!r} are no names of metrics", AGAIN)
    if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values()):
        raise StrategyError(f"{where / ARRAYS} holds something else than finite 32-bit numbers", AGAIN)
    return description, arrays
