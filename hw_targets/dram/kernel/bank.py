"""What a bank wants to do next, by its page policy."""

from __future__ import annotations

from .compiling import compiled, inlined
from .layout import (
    ACT,
    B_ACT,
    B_AUTO,
    B_BLOCKED,
    B_KIND,
    B_LAST_USE,
    B_LISTED,
    B_OPEN,
    B_PLACE,
    B_PRE,
    B_QUEUED,
    B_RANK,
    B_RD,
    B_RDA,
    B_READY,
    B_REQUEST,
    B_ROW,
    B_WR,
    BANK,
    CLOSED,
    NOTHING,
    OPEN,
    OPEN_ADAPTIVE,
    PAGE_POLICY,
    PAGE_TIMEOUT,
    PRE,
    Q_ROW,
    Q_WRITE,
    R_LISTED,
    RANK,
    RD,
    REQUEST,
    T_BANKS,
    UNHURRIED,
    WR,
    State,
)
from .scheduler import further_hit, pick


@compiled
def plan(s: State, c: int, b: int) -> None:
    """Set the command that bank ``b`` wants and when the bank itself allows it; list the bank when it wants one."""
    s.bank[b * BANK + B_KIND] = NOTHING
    s.bank[b * BANK + B_AUTO] = 0
    if s.bank[b * BANK + B_BLOCKED] == 0:
        if s.bank[b * BANK + B_QUEUED] == 0:
            _plan_timeout(s, b)
        else:
            _plan_request(s, c, b)
    if (s.bank[b * BANK + B_KIND] == NOTHING) != (s.bank[b * BANK + B_PLACE] < 0):
        _list(s, b)


@inlined
def _list(s: State, b: int) -> None:
    """Add a bank to the list of its rank, or take it out: the last one gets its place."""
    r = s.bank[b * BANK + B_RANK]
    first, place = r * s.cycles[T_BANKS], s.bank[b * BANK + B_PLACE]
    count = s.rank[r * RANK + R_LISTED]
    if place < 0:
        s.bank[(first + count) * BANK + B_LISTED] = b
        s.bank[b * BANK + B_PLACE] = count
        s.rank[r * RANK + R_LISTED] = count + 1
        return
    last = s.bank[(first + count - 1) * BANK + B_LISTED]
    s.bank[(first + place) * BANK + B_LISTED] = last
    s.bank[last * BANK + B_PLACE] = place
    s.bank[b * BANK + B_PLACE] = -1
    s.rank[r * RANK + R_LISTED] = count - 1


@inlined
def _plan_request(s: State, c: int, b: int) -> None:
    i = pick(s, c, b)
    s.bank[b * BANK + B_REQUEST] = i
    if s.bank[b * BANK + B_OPEN] == 0:
        s.bank[b * BANK + B_KIND] = ACT
        s.bank[b * BANK + B_READY] = s.bank[b * BANK + B_ACT]
    elif s.setting[PAGE_POLICY] != CLOSED and s.request[i * REQUEST + Q_ROW] != s.bank[b * BANK + B_ROW]:
        s.bank[b * BANK + B_KIND] = PRE
        s.bank[b * BANK + B_READY] = s.bank[b * BANK + B_PRE]
    else:
        _plan_column(s, c, b, i)


@inlined
def _plan_column(s: State, c: int, b: int, i: int) -> None:
    auto = _closes(s, c, b)
    s.bank[b * BANK + B_AUTO] = auto
    if s.request[i * REQUEST + Q_WRITE] != 0:
        s.bank[b * BANK + B_KIND] = WR
        s.bank[b * BANK + B_READY] = s.bank[b * BANK + B_WR]
    else:
        s.bank[b * BANK + B_KIND] = RD
        s.bank[b * BANK + B_READY] = (
            max(s.bank[b * BANK + B_RD], s.bank[b * BANK + B_RDA]) if auto != 0 else s.bank[b * BANK + B_RD]
        )


@inlined
def _closes(s: State, c: int, b: int) -> int:
    """1 when a column command now is to precharge its row."""
    policy = s.setting[PAGE_POLICY]
    if policy == OPEN:
        return 0
    if policy == CLOSED:
        return 1
    if policy == OPEN_ADAPTIVE and s.bank[b * BANK + B_QUEUED] < 2:
        return 0
    return 0 if further_hit(s, c, b) else 1


@compiled
def _plan_timeout(s: State, b: int) -> None:
    """Close an open row that nothing used for long."""
    wait = s.setting[PAGE_TIMEOUT]
    if wait > 0 and s.bank[b * BANK + B_OPEN] != 0:
        s.bank[b * BANK + B_KIND] = PRE
        s.bank[b * BANK + B_REQUEST] = UNHURRIED + b
        s.bank[b * BANK + B_READY] = max(s.bank[b * BANK + B_PRE], s.bank[b * BANK + B_LAST_USE] + wait)
