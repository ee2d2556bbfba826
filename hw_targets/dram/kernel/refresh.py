"""When to refresh: all banks of a rank at once or one by one, postponed while busy and pulled in while idle.

JEDEC lets a controller postpone or pull in up to eight refreshes (JESD79-3F, section 4.9). Policy as in DRAMSys 4.0.
"""

from __future__ import annotations

from .compiling import compiled, inlined
from .layout import (
    ACT,
    B_ACT,
    B_BLOCKED,
    B_OPEN,
    B_PRE,
    B_QUEUED,
    BANK,
    C_BLOCKED,
    CHANNEL,
    N_REF,
    N_REFB,
    NOTHING,
    PER_BANK,
    POSTPONED,
    PRE,
    PREA,
    PULLED_IN,
    R_ASLEEP,
    R_CLOSED_AT,
    R_COMMAND,
    R_CURRENT,
    R_OPEN,
    R_PDEP,
    R_POSTPONED,
    R_PRE_CYCLES,
    R_PREA,
    R_PULLED_IN,
    R_QUEUED,
    R_READY,
    R_REFA,
    R_REFB,
    R_REMAINING,
    R_SKIP,
    R_SREFEN,
    R_TRIGGER,
    RANK,
    REF_PRE,
    REFA,
    REFB,
    REFRESH,
    S_END,
    T_BANKS,
    T_REFI,
    T_REFIPB,
    T_REFPDEN,
    T_RFC,
    T_RFCPB,
    T_RP,
    T_RREFD,
    State,
)
from .power_down import interrupt
from .timing import four_activates, later


@inlined
def start_refresh(s: State, c: int, r: int, t: int) -> bool:
    """Set what the refresh of rank ``r`` wants at ``t``.

    Returns:
        Whether a refresh is due, so that commands must be chosen anew.
    """
    had = s.rank[r * RANK + R_COMMAND] != NOTHING
    s.rank[r * RANK + R_COMMAND] = NOTHING
    if t < s.rank[r * RANK + R_TRIGGER]:
        return bool(had)
    interrupt(s, r)
    if s.rank[r * RANK + R_ASLEEP] != 0:
        return True
    single = s.setting[REFRESH] == PER_BANK
    interval = s.cycles[T_REFIPB] if single else s.cycles[T_REFI]
    if t >= s.rank[r * RANK + R_TRIGGER] + interval:
        s.rank[r * RANK + R_TRIGGER] += interval
        s.rank[r * RANK + R_PULLED_IN] = 0
    if single:
        _start_bank(s, c, r, interval)
    else:
        _start_rank(s, c, r, interval)
    return True


@compiled
def _start_rank(s: State, c: int, r: int, interval: int) -> None:
    busy = s.rank[r * RANK + R_QUEUED] > 0
    if s.rank[r * RANK + R_PULLED_IN] != 0:
        if busy:
            s.rank[r * RANK + R_PULLED_IN] = 0
            s.rank[r * RANK + R_TRIGGER] += interval
            return
    elif s.rank[r * RANK + R_POSTPONED] == s.setting[POSTPONED]:
        for b in range(r * s.cycles[T_BANKS], (r + 1) * s.cycles[T_BANKS]):
            s.bank[b * BANK + B_BLOCKED] = 1
        s.channel[c * CHANNEL + C_BLOCKED] = 1
    elif busy:
        s.rank[r * RANK + R_POSTPONED] += 1
        s.rank[r * RANK + R_TRIGGER] += interval
        return
    if s.rank[r * RANK + R_OPEN] > 0:
        s.rank[r * RANK + R_COMMAND] = PREA
        s.rank[r * RANK + R_READY] = s.rank[r * RANK + R_PREA]
    else:
        s.rank[r * RANK + R_COMMAND] = REFA
        s.rank[r * RANK + R_READY] = s.rank[r * RANK + R_REFA]


@compiled
def _start_bank(s: State, c: int, r: int, interval: int) -> None:
    pulled_in = s.rank[r * RANK + R_PULLED_IN] != 0
    forced = not pulled_in and s.rank[r * RANK + R_POSTPONED] == s.setting[POSTPONED] * s.cycles[T_BANKS]
    if pulled_in or s.rank[r * RANK + R_SKIP] == 0:
        found = _idle_bank(s, r, pulled_in)
        if not found and not forced:
            s.rank[r * RANK + R_TRIGGER] += interval
            if pulled_in:
                s.rank[r * RANK + R_PULLED_IN] = 0
            else:
                s.rank[r * RANK + R_POSTPONED] += 1
            return
    b = s.rank[r * RANK + R_CURRENT]
    if s.bank[b * BANK + B_OPEN] != 0:
        s.rank[r * RANK + R_COMMAND] = REF_PRE
        s.rank[r * RANK + R_READY] = max(s.bank[b * BANK + B_PRE], s.rank[r * RANK + PRE])
        return
    s.rank[r * RANK + R_COMMAND] = REFB
    s.rank[r * RANK + R_READY] = max(s.bank[b * BANK + B_ACT], s.rank[r * RANK + ACT], s.rank[r * RANK + R_REFB])
    if forced:
        s.bank[b * BANK + B_BLOCKED] = 1
        s.channel[c * CHANNEL + C_BLOCKED] = 1
        s.rank[r * RANK + R_SKIP] = 1


@compiled
def _idle_bank(s: State, r: int, pulled_in: bool) -> bool:
    """Turn to the first idle bank not refreshed in this round; without one to the first bank, unless pulling in."""
    first = r * s.cycles[T_BANKS]
    remaining = s.rank[r * RANK + R_REMAINING]
    waiting = -1
    for b in range(first, first + s.cycles[T_BANKS]):
        if (remaining >> (b - first)) & 1:
            if s.bank[b * BANK + B_QUEUED] == 0:
                s.rank[r * RANK + R_CURRENT] = b
                return True
            waiting = b if waiting < 0 else waiting
    if not pulled_in:
        s.rank[r * RANK + R_CURRENT] = waiting
    return False


@compiled
def after_refresh(s: State, r: int, t: int) -> None:
    """All banks of rank ``r`` refresh at ``t``, when they are due or on the way out of self refresh."""
    d = s.cycles
    end = t + d[T_RFC]
    for b in range(r * d[T_BANKS], (r + 1) * d[T_BANKS]):
        s.bank[b * BANK + B_BLOCKED] = 0
    s.system[N_REF] += 1
    s.system[S_END] = max(s.system[S_END], end)
    later(s.rank, r * RANK + ACT, end)
    later(s.rank, r * RANK + R_REFA, end)
    later(s.rank, r * RANK + R_SREFEN, end)
    later(s.rank, r * RANK + R_PDEP, t + d[T_REFPDEN])
    later(s.rank, r * RANK + R_REFB, end)
    s.rank[r * RANK + R_PRE_CYCLES] += max(0, t - s.rank[r * RANK + R_CLOSED_AT])
    s.rank[r * RANK + R_CLOSED_AT] = max(s.rank[r * RANK + R_CLOSED_AT], end - d[T_RP])
    if s.rank[r * RANK + R_ASLEEP] != 0:
        s.rank[r * RANK + R_PULLED_IN] = 0
        s.rank[r * RANK + R_TRIGGER] = t + (d[T_REFIPB] if s.setting[REFRESH] == PER_BANK else d[T_REFI])
        s.rank[r * RANK + R_ASLEEP] = 0
    else:
        _count(s, r, s.setting[PULLED_IN], d[T_REFI])


@compiled
def after_bank_refresh(s: State, r: int, t: int) -> None:
    """The current bank of rank ``r`` refreshes at ``t``."""
    d, b = s.cycles, s.rank[r * RANK + R_CURRENT]
    end = t + d[T_RFCPB]
    s.bank[b * BANK + B_BLOCKED] = 0
    s.rank[r * RANK + R_SKIP] = 0
    s.rank[r * RANK + R_REMAINING] &= ~(1 << (b - r * d[T_BANKS]))
    round_done = s.rank[r * RANK + R_REMAINING] == 0
    if round_done:
        s.rank[r * RANK + R_REMAINING] = (1 << d[T_BANKS]) - 1
    s.system[N_REFB] += 1
    s.system[S_END] = max(s.system[S_END], end)
    later(s.bank, b * BANK + B_ACT, end)
    later(s.rank, r * RANK + ACT, t + d[T_RREFD])
    later(s.rank, r * RANK + R_REFB, end if round_done else t + d[T_RREFD])
    later(s.rank, r * RANK + R_REFA, end)
    later(s.rank, r * RANK + R_SREFEN, end)
    later(s.rank, r * RANK + R_PDEP, t + d[T_REFPDEN])
    four_activates(s, r, t)
    _count(s, r, s.setting[PULLED_IN] * d[T_BANKS], d[T_REFIPB])


@inlined
def _count(s: State, r: int, most: int, interval: int) -> None:
    if s.rank[r * RANK + R_PULLED_IN] != 0:
        s.rank[r * RANK + R_POSTPONED] -= 1
    else:
        s.rank[r * RANK + R_PULLED_IN] = 1
    if s.rank[r * RANK + R_POSTPONED] == -most:
        s.rank[r * RANK + R_PULLED_IN] = 0
        s.rank[r * RANK + R_TRIGGER] += interval
