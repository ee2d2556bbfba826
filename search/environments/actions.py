"""Actions as environments read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...spaces.errors import StrategyError
from ...spaces.knobs import Codes


def checked_values(action: Any, n_values: Codes, who: str = "") -> Codes:
    """An action as the positions of values.

    Args:
        action: A whole number per knob, or one alone.
        n_values: int64 [n_knobs], values of each knob.
        who: Names the agent in messages.

    Returns:
        int64 [n_knobs].

    Raises:
        StrategyError: When it is of another shape or type, or a value is not among 0 .. ``n_values - 1``.
    """
    values = np.atleast_1d(_numbers(action))
    of = f" of agent {who!r}" if who else ""
    if values.shape != n_values.shape or values.dtype.kind not in "iu":
        raise StrategyError(f"action {action!r}{of}", f"give {len(n_values)} whole numbers, one for each knob")
    if (values < 0).any() or (values >= n_values).any():
        raise StrategyError(
            f"action {action!r}{of} is out of range", f"use 0 .. {(n_values - 1).tolist()}, also for inactive knobs"
        )
    return values.astype(np.int64)


def checked_number(action: Any) -> int:
    """An action of one knob, in or out of its range.

    Raises:
        StrategyError: When it is no whole number.
    """
    value = _numbers(action)
    if value.shape not in ((), (1,)) or value.dtype.kind not in "iu":
        raise StrategyError(f"action {action!r}", "give one whole number")
    return int(value.reshape(()))


def check_agents(actions: Mapping[str, Any], agents: Iterable[str]) -> None:
    """Check that every agent acts, and nobody else.

    Raises:
        StrategyError: When an agent is missing or unknown.
    """
    known = list(agents)
    if not known:
        raise no_episode()
    missing = [agent for agent in known if agent not in actions]
    if missing:
        raise StrategyError(f"no action of {', '.join(map(repr, missing))}", "give one of every agent")
    unknown = [agent for agent in actions if agent not in known]
    if unknown:
        raise StrategyError(f"unknown agent {unknown[0]!r}", "agents: " + ", ".join(known))


def no_episode() -> StrategyError:
    """What to raise at a step before the first reset, or after the end of an episode."""
    return StrategyError("a step without an episode: it has ended, or none was begun", "call reset() first")


def _numbers(action: Any) -> np.ndarray:
    try:
        return np.asarray(action)
    except ValueError:
        return np.empty(0)
