"""When a rank without requests sleeps: power-down at once, self refresh when a refresh falls due in power-down.

Staggered power-down: Jung et al., A power-down manager for DRAM controllers, as in DRAMSys 4.0.
"""

from __future__ import annotations

from .compiling import compiled, inlined
from .layout import (
    ACT,
    NEVER,
    NOTHING,
    PDEA,
    PDEP,
    PDXA,
    PDXP,
    PRE,
    R_ACT_DOWN,
    R_ASLEEP,
    R_CLOSED_AT,
    R_DOWN_AT,
    R_ENTRY,
    R_EXIT,
    R_EXITING,
    R_IDLE,
    R_OPEN,
    R_PDEA,
    R_PDEP,
    R_POWER_COMMAND,
    R_POWER_OPEN,
    R_POWER_READY,
    R_POWER_STATE,
    R_PRE_CYCLES,
    R_PRE_DOWN,
    R_PREA,
    R_REFA,
    R_REFB,
    R_SELF_CYCLES,
    R_SELF_REFRESH,
    R_SREFEN,
    R_TRIGGER,
    RANK,
    RD,
    REFX,
    SREFEN,
    SREFEX,
    T_CKE,
    T_CKESR,
    T_XP,
    T_XS,
    T_XSDLL,
    WR,
    State,
)
from .timing import later

AWAKE, ACTIVE_DOWN, PRECHARGED_DOWN, SELF_REFRESH, EXTRA_REFRESH = range(5)


@compiled
def enter(s: State, r: int) -> None:
    """Rank ``r`` has no requests."""
    s.rank[r * RANK + R_IDLE] = 1
    if s.rank[r * RANK + R_POWER_STATE] == AWAKE:
        s.rank[r * RANK + R_ENTRY] = 1


@compiled
def leave(s: State, r: int) -> None:
    """A request came for rank ``r``, which had none."""
    s.rank[r * RANK + R_IDLE] = 0
    s.rank[r * RANK + R_SELF_REFRESH] = 0
    interrupt(s, r)


@compiled
def interrupt(s: State, r: int) -> None:
    """Rank ``r`` must wake up."""
    s.rank[r * RANK + R_ENTRY] = 0
    if s.rank[r * RANK + R_POWER_STATE] != AWAKE:
        s.rank[r * RANK + R_EXITING] = 1


@compiled
def start_power_down(s: State, r: int) -> None:
    """Set what the power-down of rank ``r`` wants."""
    command, ready = NOTHING, 0
    if s.rank[r * RANK + R_EXITING] != 0:
        state = s.rank[r * RANK + R_POWER_STATE]
        ready = s.rank[r * RANK + R_EXIT]
        if state == ACTIVE_DOWN:
            command = PDXA
        elif state == PRECHARGED_DOWN:
            command = PDXP
        elif state == SELF_REFRESH:
            command = SREFEX
        elif state == EXTRA_REFRESH:
            command, ready = REFX, s.rank[r * RANK + R_REFA]
    elif s.rank[r * RANK + R_ENTRY] != 0:
        if s.rank[r * RANK + R_POWER_OPEN] != 0:
            command, ready = PDEA, s.rank[r * RANK + R_PDEA]
        else:
            command, ready = PDEP, s.rank[r * RANK + R_PDEP]
    elif s.rank[r * RANK + R_SELF_REFRESH] != 0:
        command, ready = SREFEN, s.rank[r * RANK + R_SREFEN]
    s.rank[r * RANK + R_POWER_COMMAND] = command
    s.rank[r * RANK + R_POWER_READY] = ready


@compiled
def fall_asleep(s: State, r: int, command: int, t: int) -> None:
    """Rank ``r`` enters power-down or self refresh at ``t``."""
    s.rank[r * RANK + R_ASLEEP] = 1
    s.rank[r * RANK + R_ENTRY] = 0
    s.rank[r * RANK + R_DOWN_AT] = t
    if command == SREFEN:
        s.rank[r * RANK + R_POWER_STATE] = SELF_REFRESH
        s.rank[r * RANK + R_SELF_REFRESH] = 0
        s.rank[r * RANK + R_TRIGGER] = NEVER
        later(s.rank, r * RANK + R_EXIT, t + s.cycles[T_CKESR])
        return
    s.rank[r * RANK + R_POWER_STATE] = ACTIVE_DOWN if command == PDEA else PRECHARGED_DOWN
    later(s.rank, r * RANK + R_EXIT, t + s.cycles[T_CKE])


@compiled
def wake_up(s: State, r: int, command: int, t: int) -> None:
    """Rank ``r`` leaves power-down or self refresh at ``t``."""
    d = s.cycles
    if command == SREFEX:
        s.rank[r * RANK + R_POWER_STATE] = EXTRA_REFRESH
        _slept(s, r, R_SELF_CYCLES, t)
        _delay_columns(s, r, t + d[T_XSDLL])
        _delay_rows(s, r, t + d[T_XS])
        return
    s.rank[r * RANK + R_POWER_STATE] = AWAKE
    s.rank[r * RANK + R_EXITING] = 0
    s.rank[r * RANK + R_ASLEEP] = 0
    _delay_rows(s, r, t + d[T_XP])
    if command == PDXA:
        _slept(s, r, R_ACT_DOWN, t)
        _delay_columns(s, r, t + d[T_XP])
        later(s.rank, r * RANK + PRE, t + d[T_XP])
        later(s.rank, r * RANK + R_PREA, t + d[T_XP])
        later(s.rank, r * RANK + R_PDEA, t + d[T_CKE])
        return
    _slept(s, r, R_PRE_DOWN, t)
    later(s.rank, r * RANK + R_PDEP, t + d[T_CKE])
    if s.rank[r * RANK + R_IDLE] != 0:
        s.rank[r * RANK + R_SELF_REFRESH] = 1


@inlined
def after_extra_refresh(s: State, r: int) -> None:
    """The refresh on the way out of self refresh is done."""
    s.rank[r * RANK + R_POWER_STATE] = AWAKE
    s.rank[r * RANK + R_EXITING] = 0


@inlined
def _delay_columns(s: State, r: int, time: int) -> None:
    later(s.rank, r * RANK + RD, time)
    later(s.rank, r * RANK + WR, time)


@inlined
def _delay_rows(s: State, r: int, time: int) -> None:
    later(s.rank, r * RANK + ACT, time)
    later(s.rank, r * RANK + R_REFA, time)
    later(s.rank, r * RANK + R_REFB, time)
    later(s.rank, r * RANK + R_SREFEN, time)


@inlined
def _slept(s: State, r: int, column: int, t: int) -> None:
    """Count the cycles asleep; closed banks were in standby until then and are again from now on."""
    s.rank[r * RANK + column] += t - s.rank[r * RANK + R_DOWN_AT]
    if s.rank[r * RANK + R_OPEN] == 0:
        s.rank[r * RANK + R_PRE_CYCLES] += max(0, s.rank[r * RANK + R_DOWN_AT] - s.rank[r * RANK + R_CLOSED_AT])
        s.rank[r * RANK + R_CLOSED_AT] = max(s.rank[r * RANK + R_CLOSED_AT], t)
