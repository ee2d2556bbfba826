"""The event loop: from one cycle in which something can happen to the next."""

from __future__ import annotations

from .arbiter import arrive, deliver, issue_next, take_response
from .compiling import compiled, inlined
from .controller import run_controller
from .layout import (
    C_NEXT_AT,
    C_PENDING,
    C_PENDING_AT,
    C_RESPONSE_AT,
    C_SEEN,
    CHANNEL,
    CHANNELS,
    NEVER,
    S_ARRIVAL_AT,
    S_COUNT,
    S_DELIVER_AT,
    S_DONE,
    S_PROGRESS_AT,
    S_QUEUED,
    S_TIME,
    T_BUSES,
    T_REFI,
    State,
)

DONE, STUCK = range(2)


@compiled
def run(s: State) -> int:
    """Simulate from the first request to the last response.

    Args:
        s: State after :func:`reset`.

    Returns:
        ``DONE``, or ``STUCK`` when requests wait that no event will ever serve.
    """
    patience = 100 * max(s.cycles[T_REFI], 1000)
    n = s.system[S_COUNT]
    issue_next(s, -1)
    while s.system[S_DONE] < n:
        t = _next_event(s)
        waits = s.system[S_QUEUED] > 0 and t - s.system[S_PROGRESS_AT] > patience
        if t >= NEVER or t <= s.system[S_TIME] or waits:
            return STUCK
        s.system[S_TIME] = t
        _cycle(s, t)
    return DONE


@inlined
def _next_event(s: State) -> int:
    t = min(s.system[S_ARRIVAL_AT], s.system[S_DELIVER_AT])
    for c in range(s.setting[CHANNELS]):
        t = min(t, s.channel[c * CHANNEL + C_NEXT_AT], s.channel[c * CHANNEL + C_RESPONSE_AT])
        if s.channel[c * CHANNEL + C_PENDING_AT] > s.system[S_TIME]:
            t = min(t, s.channel[c * CHANNEL + C_PENDING_AT])
    return t


@inlined
def _cycle(s: State, t: int) -> None:
    """All that happens at ``t``: controllers whose time has come, the arbiter, controllers it just passed a request."""
    _run_controllers(s, t)
    _arbitrate(s, t)
    _run_controllers(s, t)


@compiled
def _run_controllers(s: State, t: int) -> None:
    for c in range(s.setting[CHANNELS]):
        for _ in range(s.cycles[T_BUSES]):  # a command per bus
            if s.channel[c * CHANNEL + C_NEXT_AT] <= t or _unseen(s, c, t):
                run_controller(s, c, t)


@inlined
def _arbitrate(s: State, t: int) -> None:
    if s.system[S_ARRIVAL_AT] == t:
        arrive(s, t)
    for c in range(s.setting[CHANNELS]):
        if s.channel[c * CHANNEL + C_RESPONSE_AT] == t:
            take_response(s, c, t)
    if s.system[S_DELIVER_AT] == t:
        deliver(s, t)


@inlined
def _unseen(s: State, c: int, t: int) -> bool:
    """Whether a request reached controller ``c`` at ``t`` that it has not looked at."""
    return bool(
        s.channel[c * CHANNEL + C_PENDING_AT] == t
        and s.channel[c * CHANNEL + C_SEEN] != s.channel[c * CHANNEL + C_PENDING]
    )
