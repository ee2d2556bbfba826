"""A controller: takes in requests, issues commands, hands out responses."""

from __future__ import annotations

from .arbiter import accepted, next_response
from .bank import plan
from .command import issue_rank, issue_row, occupy_bus, reconsider, select, start_managers
from .compiling import compiled, inlined
from .layout import (
    A_ORDER,
    A_READY,
    B_AUTO,
    B_QUEUED,
    B_RANK,
    B_REQUEST,
    BANK,
    BANKWISE,
    BUFFER,
    BUFFER_SIZE,
    C_ADMITTED,
    C_BEST,
    C_BEST_AT,
    C_BEST_KIND,
    C_BLOCKED,
    C_DIRECTION,
    C_LAST_BANK,
    C_NEXT_AT,
    C_PENDING,
    C_PENDING_AT,
    C_READS,
    C_SEEN,
    C_STRICT,
    C_TAIL,
    C_WRITES,
    CHANNEL,
    FR_FCFS_GRP,
    N_RD,
    N_WR,
    POWER_DOWN,
    PREA,
    Q_BANK,
    Q_NEXT_CHANNEL,
    Q_WRITE,
    R_QUEUED,
    RANK,
    RANKS,
    RD,
    READ_WRITE,
    REQUEST,
    S_PROGRESS_AT,
    S_QUEUED,
    SCHEDULER,
    SERVED,
    T_BANKS,
    T_RD_DATA,
    T_WR_DATA,
    WR,
    State,
)
from .power_down import enter, leave
from .scheduler import leave_queue
from .timing import after_read, after_write


@inlined
def run_controller(s: State, c: int, t: int) -> None:
    """All that controller ``c`` does at ``t``: admit a request, start refreshes, issue a command, look ahead."""
    s.channel[c * CHANNEL + C_SEEN] = s.channel[c * CHANNEL + C_PENDING]
    admitted = admit(s, c, t)
    idle = s.channel[c * CHANNEL + C_NEXT_AT] <= t < s.channel[c * CHANNEL + C_BEST_AT]
    if start_managers(s, c, t) or idle:
        select(s, c, t)
    elif admitted:
        reconsider(s, c, s.channel[c * CHANNEL + C_LAST_BANK], t)
    if s.channel[c * CHANNEL + C_BEST_AT] <= t:
        _issue(s, c, t)
        start_managers(s, c, t)
        _plan_blocked(s, c)
        select(s, c, t)
    elif s.channel[c * CHANNEL + C_BLOCKED] != 0:
        _plan_blocked(s, c)
        select(s, c, t)


@inlined
def _plan_blocked(s: State, c: int) -> None:
    """Banks learn that they are blocked when the command of the cycle is out."""
    if s.channel[c * CHANNEL + C_BLOCKED] != 0:
        s.channel[c * CHANNEL + C_BLOCKED] = 0
        _plan_all(s, c)


@compiled
def _plan_all(s: State, c: int) -> None:
    count = s.cycles[T_BANKS] * s.setting[RANKS]
    for b in range(c * count, (c + 1) * count):
        plan(s, c, b)


@inlined
def _has_space(s: State, c: int) -> bool:
    """Whether the buffer takes another request; the bankwise one looks at the bank of the last admitted request."""
    size, kind = s.setting[BUFFER_SIZE], s.setting[BUFFER]
    if kind == BANKWISE:
        return bool(s.bank[s.channel[c * CHANNEL + C_LAST_BANK] * BANK + B_QUEUED] < size)
    if kind == READ_WRITE:
        return bool(s.channel[c * CHANNEL + C_READS] < size and s.channel[c * CHANNEL + C_WRITES] < size)
    return bool(s.channel[c * CHANNEL + C_READS] + s.channel[c * CHANNEL + C_WRITES] < size)


@inlined
def admit(s: State, c: int, t: int) -> bool:
    """Take in the request that waits at controller ``c``, if one does and there is room."""
    if s.channel[c * CHANNEL + C_PENDING_AT] > t or not _has_space(s, c):
        return False
    _admit(s, c, s.channel[c * CHANNEL + C_PENDING], t)
    return True


@compiled
def _admit(s: State, c: int, i: int, t: int) -> None:
    b = s.request[i * REQUEST + Q_BANK]
    r = s.bank[b * BANK + B_RANK]
    if s.setting[POWER_DOWN] != 0 and s.rank[r * RANK + R_QUEUED] == 0:
        leave(s, r)
    s.rank[r * RANK + R_QUEUED] += 1
    s.bank[b * BANK + B_QUEUED] += 1
    s.system[S_QUEUED] += 1
    s.channel[c * CHANNEL + (C_WRITES if s.request[i * REQUEST + Q_WRITE] != 0 else C_READS)] += 1
    s.channel[c * CHANNEL + C_LAST_BANK] = b
    s.channel[c * CHANNEL + C_ADMITTED] = i
    plan(s, c, b)
    accepted(s, c, t)


@inlined
def _issue(s: State, c: int, t: int) -> None:
    """Issue the chosen command."""
    kind, unit = s.channel[c * CHANNEL + C_BEST_KIND], s.channel[c * CHANNEL + C_BEST]
    occupy_bus(s, c, kind, t)
    if kind in (RD, WR):
        _issue_column(s, c, unit, kind, t)
    elif kind < PREA:
        issue_row(s, c, unit, kind, t)
    else:
        issue_rank(s, c, unit, kind, t)
    if s.setting[POWER_DOWN] != 0:
        r = unit if kind >= PREA else s.bank[unit * BANK + B_RANK]
        if s.rank[r * RANK + R_QUEUED] == 0:
            enter(s, r)


@inlined
def _issue_column(s: State, c: int, b: int, kind: int, t: int) -> None:
    i, auto = s.bank[b * BANK + B_REQUEST], s.bank[b * BANK + B_AUTO]
    if kind == RD:
        after_read(s, b, t, auto)
        s.system[N_RD] += 1
        s.channel[c * CHANNEL + C_READS] -= 1
        s.served[i * SERVED + A_READY] = t + s.cycles[T_RD_DATA]
    else:
        after_write(s, b, t, auto)
        s.system[N_WR] += 1
        s.channel[c * CHANNEL + C_WRITES] -= 1
        s.served[i * SERVED + A_READY] = t + s.cycles[T_WR_DATA]
    s.bank[b * BANK + B_QUEUED] -= 1
    s.rank[s.bank[b * BANK + B_RANK] * RANK + R_QUEUED] -= 1
    s.system[S_QUEUED] -= 1
    s.system[S_PROGRESS_AT] = t
    leave_queue(s, b, i)
    s.served[s.channel[c * CHANNEL + C_TAIL] * SERVED + A_ORDER] = i
    s.channel[c * CHANNEL + C_TAIL] += 1
    s.channel[c * CHANNEL + C_STRICT] = s.request[s.channel[c * CHANNEL + C_STRICT] * REQUEST + Q_NEXT_CHANNEL]
    admit(s, c, t)
    next_response(s, c)
    turned = s.request[i * REQUEST + Q_WRITE] != s.channel[c * CHANNEL + C_DIRECTION]
    s.channel[c * CHANNEL + C_DIRECTION] = s.request[i * REQUEST + Q_WRITE]
    if turned and s.setting[SCHEDULER] == FR_FCFS_GRP:
        _plan_all(s, c)
    else:
        plan(s, c, b)
