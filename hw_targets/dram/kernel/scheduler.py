"""Which request of a bank comes next: first come first served, row hits first, row hits grouped by direction.

A controller admits its requests in the order of the trace and serves those of one row oldest first (except when grouped
by direction), so that links between requests of a bank and of a row, made once per trace, replace searches of queues.
FR-FCFS: Rixner et al., Memory access scheduling, ISCA 2000. Details as in DRAMSys 4.0 (Steiner et al., 2020).
"""

from __future__ import annotations

from .compiling import compiled, inlined
from .layout import (
    A_READY,
    B_HEAD,
    B_HIT,
    B_OPEN,
    B_QUEUED,
    B_ROW,
    BANK,
    C_ADMITTED,
    C_DIRECTION,
    CHANNEL,
    FIFO,
    FR_FCFS_GRP,
    Q_ADDRESS,
    Q_NEXT_BANK,
    Q_NEXT_ROW,
    Q_ROW,
    Q_WRITE,
    REQUEST,
    S_COUNT,
    SCHEDULER,
    SERVED,
    State,
)


@inlined
def unserved(s: State, i: int, link: int) -> int:
    """First request from ``i`` on, along a link, that has no column command yet; the number of requests when none."""
    while i < s.system[S_COUNT] and s.served[i * SERVED + A_READY] != 0:
        i = s.request[i * REQUEST + link]
    return i


@inlined
def pick(s: State, c: int, b: int) -> int:
    """The request that bank ``b``, which has some, turns to."""
    head = s.bank[b * BANK + B_HEAD]
    if s.bank[b * BANK + B_OPEN] == 0 or s.setting[SCHEDULER] == FIFO:
        return head
    hit = s.bank[b * BANK + B_HIT]
    if hit > s.channel[c * CHANNEL + C_ADMITTED]:
        return head
    if s.setting[SCHEDULER] == FR_FCFS_GRP:
        return _same_direction(s, c, hit)
    return hit


@compiled
def _same_direction(s: State, c: int, first: int) -> int:
    """The oldest row hit of the last direction that overtakes none of its address; the oldest row hit when none."""
    i = first
    while i <= s.channel[c * CHANNEL + C_ADMITTED]:
        if s.request[i * REQUEST + Q_WRITE] == s.channel[c * CHANNEL + C_DIRECTION] and not _overtakes(s, first, i):
            return i
        i = unserved(s, s.request[i * REQUEST + Q_NEXT_ROW], Q_NEXT_ROW)
    return first


@compiled
def _overtakes(s: State, first: int, i: int) -> bool:
    """Whether a row hit before ``i`` has its address."""
    j = first
    while j != i:
        if s.request[j * REQUEST + Q_ADDRESS] == s.request[i * REQUEST + Q_ADDRESS]:
            return True
        j = unserved(s, s.request[j * REQUEST + Q_NEXT_ROW], Q_NEXT_ROW)
    return False


@inlined
def further_hit(s: State, c: int, b: int) -> bool:
    """Whether a second request to the open row waits; first come first served looks only at the next request."""
    if s.bank[b * BANK + B_QUEUED] < 2:
        return False
    if s.setting[SCHEDULER] == FIFO:
        second = s.request[s.bank[b * BANK + B_HEAD] * REQUEST + Q_NEXT_BANK]
        return bool(s.request[second * REQUEST + Q_ROW] == s.bank[b * BANK + B_ROW])
    hit = s.bank[b * BANK + B_HIT]
    if hit > s.channel[c * CHANNEL + C_ADMITTED]:
        return False
    return bool(unserved(s, s.request[hit * REQUEST + Q_NEXT_ROW], Q_NEXT_ROW) <= s.channel[c * CHANNEL + C_ADMITTED])


@inlined
def leave_queue(s: State, b: int, i: int) -> None:
    """Take a request that got its column command out of the links of its bank."""
    if s.bank[b * BANK + B_HEAD] == i:
        s.bank[b * BANK + B_HEAD] = unserved(s, i, Q_NEXT_BANK)
    if s.bank[b * BANK + B_HIT] == i:
        s.bank[b * BANK + B_HIT] = unserved(s, i, Q_NEXT_ROW)
