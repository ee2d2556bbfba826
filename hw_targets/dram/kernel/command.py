"""Choosing one command among those that banks, refresh and power-down want, and issuing it."""

from __future__ import annotations

from .bank import plan
from .compiling import compiled, inlined
from .layout import (
    ACT,
    B_ACT,
    B_GROUP,
    B_KIND,
    B_LISTED,
    B_OPEN,
    B_RANK,
    B_READY,
    B_REQUEST,
    BANK,
    C_BEST,
    C_BEST_AT,
    C_BEST_ID,
    C_BEST_KIND,
    C_COLUMN_BUS,
    C_NEXT_AT,
    C_ROW_BUS,
    C_STRICT,
    CHANNEL,
    GROUP,
    MUX,
    NEVER,
    NO_REFRESH,
    NOTHING,
    PDEP,
    POWER_DOWN,
    PREA,
    R_ASLEEP,
    R_COMMAND,
    R_CURRENT,
    R_ENTRY,
    R_IDLE,
    R_LISTED,
    R_POWER_COMMAND,
    R_POWER_OPEN,
    R_POWER_READY,
    R_READY,
    R_REFA,
    R_SREFEN,
    R_TRIGGER,
    RANK,
    RANKS,
    RD,
    REF_PRE,
    REFA,
    REFB,
    REFRESH,
    REFX,
    SREFEN,
    STRICT,
    T_BANKS,
    T_BUSES,
    T_RPAB,
    WR,
    State,
)
from .power_down import after_extra_refresh, fall_asleep, start_power_down, wake_up
from .refresh import after_bank_refresh, after_refresh, start_refresh
from .timing import after_activate, after_precharge, later


@inlined
def start_managers(s: State, c: int, t: int) -> bool:
    """Let refresh and power-down of all ranks say what they want at ``t``; whether commands must be chosen anew."""
    if s.setting[REFRESH] == NO_REFRESH and s.setting[POWER_DOWN] == 0:
        return False
    due = s.setting[POWER_DOWN] != 0
    for r in range(c * s.setting[RANKS], (c + 1) * s.setting[RANKS]):
        due = start_refresh(s, c, r, t) or due
        if s.setting[POWER_DOWN] != 0:
            start_power_down(s, r)
    return due


@compiled
def select(s: State, c: int, t: int) -> None:
    """Find the command that can start first from ``t`` on; ties go to refresh, then to the oldest request."""
    s.channel[c * CHANNEL + C_BEST_AT] = NEVER
    s.channel[c * CHANNEL + C_BEST_ID] = NEVER
    wake = NEVER
    for r in range(c * s.setting[RANKS], (c + 1) * s.setting[RANKS]):
        if s.rank[r * RANK + R_POWER_COMMAND] != NOTHING:
            _offer_rank(s, c, r, s.rank[r * RANK + R_POWER_COMMAND], s.rank[r * RANK + R_POWER_READY], NEVER - 1, t)
        else:
            if s.rank[r * RANK + R_COMMAND] != NOTHING:
                _offer_rank(s, c, r, s.rank[r * RANK + R_COMMAND], s.rank[r * RANK + R_READY], -1, t)
            if s.rank[r * RANK + R_ASLEEP] == 0:
                _select_banks(s, c, r, t)
        if s.rank[r * RANK + R_TRIGGER] > t:
            wake = min(wake, s.rank[r * RANK + R_TRIGGER])
    s.channel[c * CHANNEL + C_NEXT_AT] = min(wake, s.channel[c * CHANNEL + C_BEST_AT])


@inlined
def _offer_rank(s: State, c: int, r: int, command: int, ready: int, identity: int, t: int) -> None:
    _offer(s, c, r, command, max(ready, t, s.channel[c * CHANNEL + C_ROW_BUS]), identity)


@inlined
def _offer(s: State, c: int, unit: int, command: int, at: int, identity: int) -> None:
    best = s.channel[c * CHANNEL + C_BEST_AT]
    if at < best or (at == best and identity < s.channel[c * CHANNEL + C_BEST_ID]):
        s.channel[c * CHANNEL + C_BEST_AT] = at
        s.channel[c * CHANNEL + C_BEST_ID] = identity
        s.channel[c * CHANNEL + C_BEST] = unit
        s.channel[c * CHANNEL + C_BEST_KIND] = command


@inlined
def _select_banks(s: State, c: int, r: int, t: int) -> None:
    first = r * s.cycles[T_BANKS]
    best, identity, unit = s.channel[c * CHANNEL + C_BEST_AT], s.channel[c * CHANNEL + C_BEST_ID], -1
    for k in range(first, first + s.rank[r * RANK + R_LISTED]):
        b = s.bank[k * BANK + B_LISTED]
        # No command starts before its own bank is ready.
        if s.bank[b * BANK + B_READY] <= best:
            at = _start(s, c, b, t)
            if at < best or (at == best and s.bank[b * BANK + B_REQUEST] < identity):
                best, identity, unit = at, s.bank[b * BANK + B_REQUEST], b
    if unit >= 0:
        _offer(s, c, unit, s.bank[unit * BANK + B_KIND], best, identity)


@inlined
def _start(s: State, c: int, b: int, t: int) -> int:
    """When what bank ``b`` wants can start, from ``t`` on; never if it would overtake under strict order."""
    kind = s.bank[b * BANK + B_KIND]
    column = kind in (RD, WR)
    if s.setting[MUX] == STRICT and column and s.bank[b * BANK + B_REQUEST] != s.channel[c * CHANNEL + C_STRICT]:
        return NEVER
    free = s.channel[c * CHANNEL + (C_COLUMN_BUS if column else C_ROW_BUS)]
    rank, group = s.bank[b * BANK + B_RANK] * RANK + kind, s.bank[b * BANK + B_GROUP] * GROUP + kind
    return max(s.bank[b * BANK + B_READY], s.rank[rank], s.group[group], free, t)


@inlined
def reconsider(s: State, c: int, b: int, t: int) -> None:
    """Take into account that bank ``b`` may want something else."""
    if s.channel[c * CHANNEL + C_BEST] == b and s.channel[c * CHANNEL + C_BEST_KIND] < PREA:
        select(s, c, t)
    elif s.bank[b * BANK + B_KIND] != NOTHING:
        _offer(s, c, b, s.bank[b * BANK + B_KIND], _start(s, c, b, t), s.bank[b * BANK + B_REQUEST])
        best = s.channel[c * CHANNEL + C_BEST_AT]
        s.channel[c * CHANNEL + C_NEXT_AT] = min(s.channel[c * CHANNEL + C_NEXT_AT], best)


@inlined
def occupy_bus(s: State, c: int, kind: int, t: int) -> None:
    """A command occupies its bus; with separate buses for rows and columns an activate takes two cycles."""
    if s.cycles[T_BUSES] == 1:
        s.channel[c * CHANNEL + C_ROW_BUS] = t + 1
        s.channel[c * CHANNEL + C_COLUMN_BUS] = t + 1
    elif kind in (RD, WR):
        s.channel[c * CHANNEL + C_COLUMN_BUS] = t + 1
    else:
        s.channel[c * CHANNEL + C_ROW_BUS] = t + (2 if kind == ACT else 1)


@inlined
def issue_row(s: State, c: int, b: int, kind: int, t: int) -> None:
    """Activate or precharge bank ``b`` at ``t``."""
    r = s.bank[b * BANK + B_RANK]
    if kind == ACT:
        after_activate(s, b, s.bank[b * BANK + B_REQUEST], t)
        s.rank[r * RANK + R_POWER_OPEN] += 1
    else:
        after_precharge(s, b, t)
        s.rank[r * RANK + R_POWER_OPEN] -= 1
    plan(s, c, b)


@compiled
def issue_rank(s: State, c: int, r: int, command: int, t: int) -> None:
    """Issue a command of refresh or power-down for rank ``r`` at ``t``."""
    if command == PREA:
        _precharge_all(s, r, t)
    elif command == REF_PRE:
        after_precharge(s, s.rank[r * RANK + R_CURRENT], t)
        s.rank[r * RANK + R_POWER_OPEN] -= 1
    elif command in (REFA, REFX):
        after_refresh(s, r, t)
        if command == REFX:
            after_extra_refresh(s, r)
        elif s.rank[r * RANK + R_IDLE] != 0:
            s.rank[r * RANK + R_ENTRY] = 1
    elif command == REFB:
        after_bank_refresh(s, r, t)
        if s.rank[r * RANK + R_IDLE] != 0:
            s.rank[r * RANK + R_ENTRY] = 1
    elif command <= PDEP or command == SREFEN:
        fall_asleep(s, r, command, t)
    else:
        wake_up(s, r, command, t)
    for b in range(r * s.cycles[T_BANKS], (r + 1) * s.cycles[T_BANKS]):
        plan(s, c, b)


@inlined
def _precharge_all(s: State, r: int, t: int) -> None:
    for b in range(r * s.cycles[T_BANKS], (r + 1) * s.cycles[T_BANKS]):
        if s.bank[b * BANK + B_OPEN] != 0:
            after_precharge(s, b, t)
        later(s.bank, b * BANK + B_ACT, t + s.cycles[T_RPAB])
    later(s.rank, r * RANK + R_REFA, t + s.cycles[T_RPAB])
    later(s.rank, r * RANK + R_SREFEN, t + s.cycles[T_RPAB])
    s.rank[r * RANK + R_POWER_OPEN] = 0
