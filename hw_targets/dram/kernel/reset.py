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
    CHANNELS,
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
    RANKS,
    REFRESH,
    S_ARRIVAL_AT,
    S_COUNT,
    S_DELIVER_AT,
    S_LAST_DELIVERY,
    S_OUTSTANDING,
    S_TIME,
    T_BANKS,
    T_FAW,
    T_GROUPS,
    T_REFI,
    T_REFIPB,
    Arrays,
)


@compiled
def reset(s: Arrays) -> None:
    """Bring all to the time before the first request.

    Args:
        s: Arrays with a row per channel, rank, ..., where the simulation has addresses.
    """
    s.system[:] = 0
    s.served[:] = 0
    s.system[S_COUNT] = s.served.shape[0]
    s.system[S_TIME] = -1
    s.system[S_ARRIVAL_AT] = NEVER
    s.system[S_DELIVER_AT] = NEVER
    s.system[S_LAST_DELIVERY] = -1
    s.system[S_OUTSTANDING] = -1
    _reset_channels(s)
    _reset_ranks(s)
    s.group[:] = 0
    s.bank[:] = 0
    s.bank[:, B_KIND] = NOTHING
    s.bank[:, B_PLACE] = -1
    banks, per_group = s.cycles[T_BANKS], s.cycles[T_BANKS] // s.cycles[T_GROUPS]
    for b in range(s.bank.shape[0]):
        s.bank[b, B_RANK] = b // banks
        s.bank[b, B_GROUP] = b // per_group
        s.bank[b, B_CHANNEL] = b // banks // s.setting[RANKS]
    n = s.served.shape[0]
    s.bank[:, B_HEAD] = n
    s.bank[:, B_HIT] = n
    for i in range(n - 1, -1, -1):
        s.bank[s.request[i, Q_BANK], B_HEAD] = i


@compiled
def _reset_channels(s: Arrays) -> None:
    s.channel[:] = 0
    for name in (C_PENDING, C_SEEN, C_SENT, C_LAST_END, C_ADMITTED, C_LAST_RESPONSE):
        s.channel[:, name] = -1
    for name in (C_PENDING_AT, C_BEST_AT, C_BEST_ID, C_RESPONSE_AT):
        s.channel[:, name] = NEVER
    banks = s.cycles[T_BANKS] * s.setting[RANKS]
    n = s.served.shape[0]
    s.channel[:, C_RETURN] = n
    s.channel[:, C_STRICT] = n
    for c in range(s.setting[CHANNELS]):
        s.channel[c, C_LAST_BANK] = c * banks
    for i in range(n - 1, -1, -1):
        c = s.request[i, Q_BANK] // banks
        s.channel[c, C_RETURN] = i
        s.channel[c, C_STRICT] = i
        s.channel[c, C_TAIL] += 1
    before = 0
    for c in range(s.setting[CHANNELS]):
        count = s.channel[c, C_TAIL]
        s.channel[c, C_HEAD] = before
        s.channel[c, C_TAIL] = before
        before += count


@compiled
def _reset_ranks(s: Arrays) -> None:
    s.rank[:] = 0
    s.rank[:, R_COMMAND] = NOTHING
    s.rank[:, R_POWER_COMMAND] = NOTHING
    s.rank[:, R_REMAINING] = (1 << s.cycles[T_BANKS]) - 1
    s.rank[:, R_FAW_LAST : R_FAW_LAST + 4] = -s.cycles[T_FAW]
    s.rank[:, R_IDLE] = 1
    s.rank[:, R_ENTRY] = s.setting[POWER_DOWN]
    ranks = s.setting[RANKS]
    interval = s.cycles[T_REFIPB] if s.setting[REFRESH] == PER_BANK else s.cycles[T_REFI]
    for r in range(s.rank.shape[0]):
        offset = _reversed_bits(r % ranks, ranks) * interval
        s.rank[r, R_TRIGGER] = NEVER if s.setting[REFRESH] == NO_REFRESH else interval - offset // ranks


@compiled
def _reversed_bits(value: int, size: int) -> int:
    """``value`` of ``size``, a power of two, with its bits in reverse: ranks refresh as far apart as they can."""
    reverse = 0
    while size > 1:
        reverse = 2 * reverse + value % 2
        value //= 2
        size //= 2
    return reverse
