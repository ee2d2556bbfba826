"""The requester and the arbiter between it and the controllers.

The requester has one request that is not accepted; it issues the next one not before the cycle after. Arbiters as in
DRAMSys 4.0: ``Simple`` passes requests on one by one; ``Fifo`` and ``Reorder`` accept a number of them at once and free
a place with each response, which ``Reorder`` returns in order.
"""

from __future__ import annotations

from .compiling import inlined
from .layout import (
    A_ARRIVAL,
    A_ORDER,
    A_QUEUE,
    A_READY,
    A_RESPONSE,
    ACTIVE,
    ARBITER,
    ARBITER_REORDER,
    B_CHANNEL,
    BANK,
    C_BUSY,
    C_HEAD,
    C_HELD,
    C_LAST_END,
    C_LAST_RESPONSE,
    C_PENDING,
    C_PENDING_AT,
    C_RESPONSE,
    C_RESPONSE_AT,
    C_RETURN,
    C_SENT,
    C_TAIL,
    C_WAITING,
    CHANNEL,
    IN_ORDER,
    NEVER,
    Q_BANK,
    Q_CYCLE,
    Q_NEXT_CHANNEL,
    REQUEST,
    RESPONSES,
    S_ACTIVE,
    S_ARRIVAL,
    S_ARRIVAL_AT,
    S_COUNT,
    S_DELIVER_AT,
    S_DONE,
    S_HEAD,
    S_LAST_DELIVERY,
    S_NEXT,
    S_OUTSTANDING,
    S_PROGRESS_AT,
    S_TAIL,
    SERVED,
    SIMPLE,
    T_CLOCK_PS,
    T_TRACE_PS,
    State,
)


@inlined
def issue_next(s: State, t: int) -> None:
    """The requester saw its request accepted at ``t``: its next one comes at a later edge of its clock."""
    i = s.system[S_NEXT]
    if i >= s.system[S_COUNT]:
        s.system[S_ARRIVAL_AT] = NEVER
        return
    s.system[S_NEXT] = i + 1
    s.system[S_ARRIVAL] = i
    own, memory = s.cycles[T_TRACE_PS], s.cycles[T_CLOCK_PS]
    if own == memory:
        s.system[S_ARRIVAL_AT] = max(t + 1, s.request[i * REQUEST + Q_CYCLE])
    else:
        edge = max(t * memory // own + 1, s.request[i * REQUEST + Q_CYCLE])
        s.system[S_ARRIVAL_AT] = -((-edge * own) // memory)


@inlined
def arrive(s: State, t: int) -> None:
    """The request of the requester reaches the arbiter at ``t``."""
    i = s.system[S_ARRIVAL]
    s.served[i * SERVED + A_ARRIVAL] = t
    s.system[S_ARRIVAL_AT] = NEVER
    s.system[S_PROGRESS_AT] = t
    if s.setting[ARBITER] == SIMPLE:
        _forward(s, i, t)
    elif s.system[S_ACTIVE] < s.setting[ACTIVE]:
        s.system[S_ACTIVE] += 1
        _accept(s, i, t)
    else:
        s.system[S_OUTSTANDING] = i


@inlined
def _accept(s: State, i: int, t: int) -> None:
    issue_next(s, t)
    c = channel_of(s, i)
    if s.channel[c * CHANNEL + C_BUSY] == 0:
        _forward(s, i, t + (1 if s.channel[c * CHANNEL + C_LAST_END] == t else 0))
    else:
        s.channel[c * CHANNEL + C_WAITING] += 1


@inlined
def _forward(s: State, i: int, t: int) -> None:
    c = channel_of(s, i)
    s.channel[c * CHANNEL + C_BUSY] = 1
    s.channel[c * CHANNEL + C_PENDING] = i
    s.channel[c * CHANNEL + C_PENDING_AT] = t
    s.channel[c * CHANNEL + C_SENT] = i


@inlined
def channel_of(s: State, i: int) -> int:
    """Channel of a request."""
    return s.bank[s.request[i * REQUEST + Q_BANK] * BANK + B_CHANNEL]


@inlined
def accepted(s: State, c: int, t: int) -> None:
    """Controller ``c`` admitted its request at ``t``: the next one comes a cycle later."""
    s.channel[c * CHANNEL + C_PENDING] = -1
    s.channel[c * CHANNEL + C_PENDING_AT] = NEVER
    s.channel[c * CHANNEL + C_LAST_END] = t
    s.channel[c * CHANNEL + C_BUSY] = 0
    if s.setting[ARBITER] == SIMPLE:
        issue_next(s, t)
    elif s.channel[c * CHANNEL + C_WAITING] > 0:
        s.channel[c * CHANNEL + C_WAITING] -= 1
        _forward(s, s.request[s.channel[c * CHANNEL + C_SENT] * REQUEST + Q_NEXT_CHANNEL], t + 1)


@inlined
def next_response(s: State, c: int) -> None:
    """Find the next response of controller ``c`` and when it is at the arbiter: one per cycle, not before its data."""
    if s.channel[c * CHANNEL + C_RESPONSE_AT] != NEVER or s.channel[c * CHANNEL + C_HELD] != 0:
        return
    if s.setting[RESPONSES] == IN_ORDER:
        i = s.channel[c * CHANNEL + C_RETURN]
        if i >= s.system[S_COUNT] or s.served[i * SERVED + A_READY] == 0:
            return
        s.channel[c * CHANNEL + C_RETURN] = s.request[i * REQUEST + Q_NEXT_CHANNEL]
    else:
        if s.channel[c * CHANNEL + C_HEAD] == s.channel[c * CHANNEL + C_TAIL]:
            return
        i = s.served[s.channel[c * CHANNEL + C_HEAD] * SERVED + A_ORDER]
        s.channel[c * CHANNEL + C_HEAD] += 1
    s.channel[c * CHANNEL + C_RESPONSE] = i
    s.channel[c * CHANNEL + C_RESPONSE_AT] = max(
        s.channel[c * CHANNEL + C_LAST_RESPONSE] + 1, s.served[i * SERVED + A_READY]
    )


@inlined
def take_response(s: State, c: int, t: int) -> None:
    """A response of controller ``c`` is at the arbiter at ``t``; ``Simple`` holds the controller until its delivery."""
    i = s.channel[c * CHANNEL + C_RESPONSE]
    s.served[i * SERVED + A_RESPONSE] = 1
    s.channel[c * CHANNEL + C_LAST_RESPONSE] = t
    s.channel[c * CHANNEL + C_RESPONSE_AT] = NEVER
    if s.setting[ARBITER] == SIMPLE:
        s.channel[c * CHANNEL + C_HELD] = 1
    if s.setting[ARBITER] == ARBITER_REORDER:
        if s.system[S_HEAD] == i:
            s.system[S_DELIVER_AT] = max(t, s.system[S_LAST_DELIVERY] + 1)
    else:
        s.served[s.system[S_TAIL] * SERVED + A_QUEUE] = i
        if s.system[S_HEAD] == s.system[S_TAIL]:
            s.system[S_DELIVER_AT] = max(t, s.system[S_LAST_DELIVERY] + 1)
        s.system[S_TAIL] += 1
    next_response(s, c)


@inlined
def deliver(s: State, t: int) -> None:
    """The requester gets a response at ``t``, which makes room for a request that waits."""
    head = s.system[S_HEAD]
    i = head if s.setting[ARBITER] == ARBITER_REORDER else s.served[head * SERVED + A_QUEUE]
    s.served[i * SERVED + A_RESPONSE] = t
    s.system[S_HEAD] = head + 1
    s.system[S_LAST_DELIVERY] = t
    s.system[S_DONE] += 1
    s.system[S_DELIVER_AT] = t + 1 if _waits(s, head + 1) else NEVER
    if s.setting[ARBITER] == SIMPLE:
        c = channel_of(s, i)
        s.channel[c * CHANNEL + C_HELD] = 0
        s.channel[c * CHANNEL + C_LAST_RESPONSE] = t
        next_response(s, c)
    elif s.system[S_OUTSTANDING] >= 0:
        j = s.system[S_OUTSTANDING]
        s.system[S_OUTSTANDING] = -1
        _accept(s, j, t)
    else:
        s.system[S_ACTIVE] -= 1


@inlined
def _waits(s: State, head: int) -> bool:
    """Whether the arbiter holds another response that may go."""
    if s.setting[ARBITER] == ARBITER_REORDER:
        return bool(head < s.system[S_COUNT] and s.served[head * SERVED + A_RESPONSE] != 0)
    return bool(head < s.system[S_TAIL])
