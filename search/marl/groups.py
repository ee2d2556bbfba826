"""Groups of knobs: which agent chooses what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...spaces.errors import StrategyError
from ...spaces.space import Space


def grouped(space: Space, groups: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """Agent name to its knobs, as declared; then every knob in no group as an agent of its own, of the same name.

    Args:
        space: Has the knobs.
        groups: Agent name to the knobs that it chooses; None: one agent per knob.

    Raises:
        StrategyError: When a group is empty, no list, names an unknown knob or one of another group, or is called like
            a knob that it lacks.
    """
    if not isinstance(groups, Mapping | None):
        raise StrategyError(f"groups is {groups!r}", "give a mapping of agent names to lists of knob names")
    owner: dict[str, str] = {}
    for agent, knobs in (groups or {}).items():
        if not isinstance(agent, str):
            raise StrategyError(f"groups: {agent!r} is no name of an agent", "use texts")
        if isinstance(knobs, str) or not isinstance(knobs, Sequence) or not knobs:
            raise StrategyError(f"groups: agent {agent!r} has the knobs {knobs!r}", "give a list of knob names")
        for name in knobs:
            if name not in space.names:
                raise StrategyError(f"groups: unknown knob {name!r}", "known knobs: " + ", ".join(space.names))
            if name in owner:
                raise StrategyError(f"groups: knob {name!r} belongs to {owner[name]!r} and {agent!r}", "keep one")
            owner[name] = agent
    alone = [name for name in space.names if name not in owner]
    clash = [name for name in alone if name in (groups or {})]
    if clash:
        raise StrategyError(f"groups: agent {clash[0]!r} bears the name of another agent's knob", "rename the agent")
    return {agent: tuple(knobs) for agent, knobs in (groups or {}).items()} | {name: (name,) for name in alone}
