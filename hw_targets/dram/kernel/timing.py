"""What each command forbids until when: JEDEC timing, as earliest times of later commands.

Tables as in the timing checkers of DRAMSys 4.0 for DDR3 (JESD79-3F) and DDR4 (JESD79-4B).
"""

from __future__ import annotations

from .compiling import compiled, inlined
from .layout import (
    ACT,
    B_ACT,
    B_GROUP,
    B_HIT,
    B_LAST_USE,
    B_OPEN,
    B_OPENED_AT,
    B_PRE,
    B_RANK,
    B_RD,
    B_RDA,
    B_ROW,
    B_WR,
    BANK,
    GROUP,
    N_ACT,
    N_PRE,
    POWER_DOWN,
    Q_ROW,
    R_CLOSED_AT,
    R_FAW_AT,
    R_FAW_LAST,
    R_OPEN,
    R_PDEA,
    R_PDEP,
    R_PRE_CYCLES,
    R_PREA,
    R_REFA,
    R_SREFEN,
    RANK,
    RANKS,
    RD,
    REQUEST,
    S_END,
    T_ACTPDEN,
    T_CCD_L,
    T_CCD_S,
    T_FAW,
    T_PRPDEN,
    T_RAS,
    T_RC,
    T_RCD,
    T_RCDWR,
    T_RD_END,
    T_RD_RD_RANK,
    T_RD_WR_RANK,
    T_RDPDEN,
    T_RP,
    T_RRD_L,
    T_RRD_S,
    T_RTP,
    T_RTW,
    T_WR_END,
    T_WR_PRE,
    T_WR_RD_L,
    T_WR_RD_RANK,
    T_WR_RD_S,
    T_WRAPDEN,
    T_WRPDEN,
    WR,
    Address,
    State,
)


@inlined
def later(table: Address, place: int, time: int) -> None:
    """Raise an earliest time."""
    table[place] = max(table[place], time)


@inlined
def after_activate(s: State, b: int, i: int, t: int) -> None:
    """Bank ``b`` opens the row of request ``i`` at ``t``."""
    d, r, g = s.cycles, s.bank[b * BANK + B_RANK], s.bank[b * BANK + B_GROUP]
    if s.rank[r * RANK + R_OPEN] == 0:
        s.rank[r * RANK + R_PRE_CYCLES] += max(0, t - s.rank[r * RANK + R_CLOSED_AT])
    s.rank[r * RANK + R_OPEN] += 1
    s.bank[b * BANK + B_OPEN] = 1
    s.bank[b * BANK + B_OPENED_AT] = t
    s.bank[b * BANK + B_LAST_USE] = t
    s.bank[b * BANK + B_ROW] = s.request[i * REQUEST + Q_ROW]
    s.bank[b * BANK + B_HIT] = i
    s.system[N_ACT] += 1
    s.system[S_END] = max(s.system[S_END], t + d[T_RCD])
    later(s.bank, b * BANK + B_ACT, t + d[T_RC])
    later(s.bank, b * BANK + B_RD, t + d[T_RCD])
    later(s.bank, b * BANK + B_WR, t + d[T_RCDWR])
    later(s.bank, b * BANK + B_PRE, t + d[T_RAS])
    later(s.group, g * GROUP + ACT, t + d[T_RRD_L])
    later(s.rank, r * RANK + ACT, t + d[T_RRD_S])
    four_activates(s, r, t)
    later(s.rank, r * RANK + R_PREA, t + d[T_RAS])
    later(s.rank, r * RANK + R_REFA, t + d[T_RC])
    if s.setting[POWER_DOWN] != 0:
        _stay_awake(s, r, t + d[T_ACTPDEN], 0, t + d[T_RC])


@inlined
def four_activates(s: State, r: int, t: int) -> None:
    """Note an activate at ``t``: the fourth after it must wait for the window."""
    at = s.rank[r * RANK + R_FAW_AT]
    s.rank[r * RANK + R_FAW_LAST + at] = t
    at = (at + 1) & 3
    s.rank[r * RANK + R_FAW_AT] = at
    later(s.rank, r * RANK + ACT, s.rank[r * RANK + R_FAW_LAST + at] + s.cycles[T_FAW])


@inlined
def after_read(s: State, b: int, t: int, auto: int) -> None:
    """A read of bank ``b`` at ``t``, closing the row when ``auto``."""
    d, r, g = s.cycles, s.bank[b * BANK + B_RANK], s.bank[b * BANK + B_GROUP]
    s.bank[b * BANK + B_LAST_USE] = t
    s.system[S_END] = max(s.system[S_END], t + d[T_RD_END])
    later(s.bank, b * BANK + B_PRE, t + d[T_RTP])
    later(s.group, g * GROUP + RD, t + d[T_CCD_L])
    later(s.rank, r * RANK + RD, t + d[T_CCD_S])
    later(s.rank, r * RANK + WR, t + d[T_RTW])
    later(s.rank, r * RANK + R_PREA, t + d[T_RTP])
    _other_ranks(s, r, t + d[T_RD_RD_RANK], t + d[T_RD_WR_RANK])
    if auto != 0:
        _close(s, b, r, max(t + d[T_RTP], s.bank[b * BANK + B_OPENED_AT] + d[T_RAS]))
        later(s.bank, b * BANK + B_ACT, t + d[T_RTP] + d[T_RP])
        later(s.rank, r * RANK + R_REFA, t + d[T_RTP] + d[T_RP])
    if s.setting[POWER_DOWN] != 0:
        closed = t + max(d[T_RDPDEN], d[T_RTP] + d[T_RP]) if auto != 0 else 0
        _stay_awake(s, r, t + d[T_RDPDEN], t + d[T_RDPDEN], closed)


@inlined
def after_write(s: State, b: int, t: int, auto: int) -> None:
    """A write to bank ``b`` at ``t``, closing the row when ``auto``."""
    d, r, g = s.cycles, s.bank[b * BANK + B_RANK], s.bank[b * BANK + B_GROUP]
    s.bank[b * BANK + B_LAST_USE] = t
    s.system[S_END] = max(s.system[S_END], t + d[T_WR_END])
    later(s.bank, b * BANK + B_PRE, t + d[T_WR_PRE])
    later(s.bank, b * BANK + B_RDA, t + d[T_WR_PRE] - d[T_RTP])
    later(s.group, g * GROUP + RD, t + d[T_WR_RD_L])
    later(s.group, g * GROUP + WR, t + d[T_CCD_L])
    later(s.rank, r * RANK + RD, t + d[T_WR_RD_S])
    later(s.rank, r * RANK + WR, t + d[T_CCD_S])
    later(s.rank, r * RANK + R_PREA, t + d[T_WR_PRE])
    _other_ranks(s, r, t + d[T_WR_RD_RANK], t + d[T_RD_RD_RANK])
    if auto != 0:
        _close(s, b, r, t + d[T_WR_PRE])
        later(s.bank, b * BANK + B_ACT, t + d[T_WR_PRE] + d[T_RP])
        later(s.rank, r * RANK + R_REFA, t + d[T_WR_PRE] + d[T_RP])
    if s.setting[POWER_DOWN] != 0:
        if auto != 0:
            closed = max(d[T_WRAPDEN], d[T_WR_PRE] + d[T_RP])
            _stay_awake(s, r, t + d[T_WRAPDEN], t + d[T_WRAPDEN], t + closed)
        else:
            _stay_awake(s, r, t + d[T_WRPDEN], 0, 0)


@inlined
def after_precharge(s: State, b: int, t: int) -> None:
    """Bank ``b`` closes its row at ``t``."""
    d, r = s.cycles, s.bank[b * BANK + B_RANK]
    _close(s, b, r, t)
    s.system[S_END] = max(s.system[S_END], t + d[T_RP])
    later(s.bank, b * BANK + B_ACT, t + d[T_RP])
    later(s.rank, r * RANK + R_REFA, t + d[T_RP])
    if s.setting[POWER_DOWN] != 0:
        _stay_awake(s, r, t + d[T_PRPDEN], t + d[T_PRPDEN], t + d[T_RP])


@compiled
def _stay_awake(s: State, r: int, active: int, precharged: int, self_refresh: int) -> None:
    """Raise the earliest times of power-down with an open row, of that without, and of self refresh."""
    later(s.rank, r * RANK + R_PDEA, active)
    later(s.rank, r * RANK + R_PDEP, precharged)
    later(s.rank, r * RANK + R_SREFEN, self_refresh)


@inlined
def _close(s: State, b: int, r: int, t: int) -> None:
    s.bank[b * BANK + B_OPEN] = 0
    s.rank[r * RANK + R_OPEN] -= 1
    s.rank[r * RANK + R_CLOSED_AT] = max(s.rank[r * RANK + R_CLOSED_AT], t)
    s.system[N_PRE] += 1
    s.system[S_END] = max(s.system[S_END], t + s.cycles[T_RP])


@compiled
def _other_ranks(s: State, r: int, read: int, write: int) -> None:
    """Data of other ranks of the channel must leave a gap."""
    ranks = s.setting[RANKS]
    if ranks > 1:
        first = r - r % ranks
        for other in range(first, first + ranks):
            if other != r:
                later(s.rank, other * RANK + RD, read)
                later(s.rank, other * RANK + WR, write)
