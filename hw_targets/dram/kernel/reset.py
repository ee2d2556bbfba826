"""The state before the first request."""

from __future__ import annotations

from .compiling import compiled
from .layout import (
    B_CHANNEL,
    B_GROUP,
    B_HEAD,
    B_HIT,
    B_KIND,
    B_PLACE,
    B_RANK,
    BANK,
    C_ADMITTED,
    C_BEST_AT,
    C_BEST_ID,
    C_HEAD,
    C_LAST_BANK,
    C_LAST_END,
    C_LAST_RESPONSE,
    C_PENDING,
    C_PENDING_AT,
    C_RESPONSE_AT,
    C_RETURN,
    C_SEEN,
    C_SENT,
    C_STRICT,
    C_TAIL,
    CHANNEL,
    CHANNELS,
    GROUP,
    NEVER,
    NO_REFRESH,
    NOTHING,
    PER_BANK,
    POWER_DOWN,
    Q_BANK,
    R_COMMAND,
    R_ENTRY,
    R_FAW_LAST,
    R_IDLE,
    R_POWER_COMMAND,
    R_REMAINING,
    R_TRIGGER,
    RANK,
    RANKS,
    REFRESH,
    REQUEST,
    S_ARRIVAL_AT,
    S_COUNT,
    S_DELIVER_AT,
    S_LAST_DELIVERY,
    S_OUTSTANDING,
    S_TIME,
    SERVED,
    SYSTEM,
    T_BANKS,
    T_FAW,
    T_GROUPS,
    T_REFI,
    T_REFIPB,
    Address,
    State,
)


@compiled
def reset(s: State, n: int) -> None:
    """Bring all to the time before the first of ``n`` requests."""
    channels = s.setting[CHANNELS]
    ranks = channels * s.setting[RANKS]
    _fill(s.system, 0, SYSTEM, 0)
    _fill(s.served, 0, n * SERVED, 0)
    _fill(s.group, 0, ranks * s.cycles[T_GROUPS] * GROUP, 0)
    s.system[S_COUNT] = n
    s.system[S_TIME] = -1
    s.system[S_ARRIVAL_AT] = NEVER
    s.system[S_DELIVER_AT] = NEVER
    s.system[S_LAST_DELIVERY] = -1
    s.system[S_OUTSTANDING] = -1
    _reset_banks(s, n, ranks * s.cycles[T_BANKS])
    for c in range(channels):
        _reset_channel(s, n, c)
    _reset_lists(s, n)
    for r in range(ranks):
        _reset_rank(s, r)


@compiled
def _fill(table: Address, first: int, end: int, value: int) -> None:
    for place in range(first, end):
        table[place] = value


@compiled
def _reset_banks(s: State, n: int, banks: int) -> None:
    _fill(s.bank, 0, banks * BANK, 0)
    per_group = s.cycles[T_BANKS] // s.cycles[T_GROUPS]
    for b in range(banks):
        s.bank[b * BANK + B_KIND] = NOTHING
        s.bank[b * BANK + B_PLACE] = -1
        s.bank[b * BANK + B_RANK] = b // s.cycles[T_BANKS]
        s.bank[b * BANK + B_GROUP] = b // per_group
        s.bank[b * BANK + B_CHANNEL] = b // s.cycles[T_BANKS] // s.setting[RANKS]
        s.bank[b * BANK + B_HEAD] = n
        s.bank[b * BANK + B_HIT] = n


@compiled
def _reset_channel(s: State, n: int, c: int) -> None:
    first = c * CHANNEL
    _fill(s.channel, first, first + CHANNEL, 0)
    for name in (C_PENDING, C_SEEN, C_SENT, C_LAST_END, C_ADMITTED, C_LAST_RESPONSE):
        s.channel[first + name] = -1
    for name in (C_PENDING_AT, C_BEST_AT, C_BEST_ID, C_RESPONSE_AT):
        s.channel[first + name] = NEVER
    s.channel[first + C_RETURN] = n
    s.channel[first + C_STRICT] = n
    s.channel[first + C_LAST_BANK] = c * s.cycles[T_BANKS] * s.setting[RANKS]


@compiled
def _reset_lists(s: State, n: int) -> None:
    """Requests that banks and channels begin with, and where the lists of channels are."""
    for i in range(n - 1, -1, -1):
        b = s.request[i * REQUEST + Q_BANK]
        s.bank[b * BANK + B_HEAD] = i
        first = s.bank[b * BANK + B_CHANNEL] * CHANNEL
        s.channel[first + C_RETURN] = i
        s.channel[first + C_STRICT] = i
        s.channel[first + C_TAIL] += 1
    before = 0
    for c in range(s.setting[CHANNELS]):
        count = s.channel[c * CHANNEL + C_TAIL]
        s.channel[c * CHANNEL + C_HEAD] = before
        s.channel[c * CHANNEL + C_TAIL] = before
        before += count


@compiled
def _reset_rank(s: State, r: int) -> None:
    first, ranks = r * RANK, s.setting[RANKS]
    _fill(s.rank, first, first + RANK, 0)
    s.rank[first + R_COMMAND] = NOTHING
    s.rank[first + R_POWER_COMMAND] = NOTHING
    s.rank[first + R_REMAINING] = (1 << s.cycles[T_BANKS]) - 1
    s.rank[first + R_IDLE] = 1
    s.rank[first + R_ENTRY] = s.setting[POWER_DOWN]
    _fill(s.rank, first + R_FAW_LAST, first + R_FAW_LAST + 4, -s.cycles[T_FAW])
    interval = s.cycles[T_REFIPB] if s.setting[REFRESH] == PER_BANK else s.cycles[T_REFI]
    offset = _reversed_bits(r % ranks, ranks) * interval
    s.rank[first + R_TRIGGER] = NEVER if s.setting[REFRESH] == NO_REFRESH else interval - offset // ranks


@compiled
def _reversed_bits(value: int, size: int) -> int:
    """``value`` of ``size``, a power of two, with its bits in reverse: ranks refresh as far apart as they can."""
    reverse = 0
    while size > 1:
        reverse = 2 * reverse + value % 2
        value //= 2
        size //= 2
    return reverse
