"""Where everything is in the arrays of the simulator: one row per channel, rank, bank group, bank and request.

Times are clock cycles of the memory. ``NEVER`` is a time that does not come; requests
from ``UNHURRIED`` on stand for those of no request.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

NEVER = 1 << 60
UNHURRIED = 1 << 59


class Address(Protocol):
    """The address of an int64 array, as compiled code indexes it."""

    def __getitem__(self, place: int) -> int: ...
    def __setitem__(self, place: int, value: int) -> None: ...


class State(NamedTuple):
    """A simulation as compiled code sees it: addresses of int64 arrays, without bounds and reference counts.

    Row ``i`` of a table starts at ``i`` times its width, as in ``s.bank[b * BANK + B_OPEN]``.

    Args:
        setting: Settings of the design [16], see :mod:`cosearch.hw_targets.dram.controller`.
        cycles: Timings [:data:`TIMINGS`], the ``T_`` indices.
        system: The requester, the arbiter and counts of commands [:data:`SYSTEM`], ``S_`` and ``N_``.
        channel: Controllers [channels, :data:`CHANNEL`], ``C_``.
        rank: Ranks [channels * ranks, :data:`RANK`], ``R_``.
        group: Bank groups [channels * ranks * groups, :data:`GROUP`], earliest times by kind of command.
        bank: Banks [channels * ranks * banks, :data:`BANK`], ``B_``.
        request: The trace [n, :data:`REQUEST`], ``Q_``; its fields fill a cache line. Read only.
        served: What became of the requests [n, :data:`SERVED`], ``A_``.
    """

    setting: Address
    cycles: Address
    system: Address
    channel: Address
    rank: Address
    group: Address
    bank: Address
    request: Address
    served: Address


class Arrays(NamedTuple):
    """The arrays behind a :class:`State`, under the same names, but for the settings of the design."""

    cycles: IntArray
    system: IntArray
    channel: IntArray
    rank: IntArray
    group: IntArray
    bank: IntArray
    request: IntArray
    served: IntArray


# Settings of a design. Values of the choices are positions in the lists of hw_targets/dram/controller.py.
PAGE_POLICY, SCHEDULER, BUFFER, BUFFER_SIZE, RESPONSES, REFRESH, POSTPONED, PULLED_IN = range(8)
ARBITER, ACTIVE, MUX, POWER_DOWN, PAGE_TIMEOUT, MAPPING, CHANNELS, RANKS = range(8, 16)
SETTINGS = 16

OPEN, OPEN_ADAPTIVE, CLOSED, CLOSED_ADAPTIVE = range(4)
FIFO, FR_FCFS_GRP, FR_FCFS = range(3)
BANKWISE, READ_WRITE, SHARED = range(3)
IN_ORDER = 1
NO_REFRESH, ALL_BANK, PER_BANK = range(3)
SIMPLE, ARBITER_FIFO, ARBITER_REORDER = range(3)
STRICT = 1
STAGGERED = 1

# Kinds of bank commands: columns of the earliest times of ranks and groups, and of R_ and B_ rows.
ACT, RD, WR, PRE = range(4)
NOTHING = -1
# Commands of a rank.
PREA, REFA, REFB, REF_PRE, PDEA, PDEP, PDXA, PDXP, SREFEN, SREFEX, REFX = range(4, 15)

# Timings.
(
    T_RCD, T_RCDWR, T_RP, T_RPAB, T_RAS, T_RC, T_RRD_S, T_RRD_L, T_FAW, T_CCD_S, T_CCD_L, T_RTP, T_RTW, T_RD_RD_RANK,
    T_RD_WR_RANK, T_WR_RD_S, T_WR_RD_L, T_WR_RD_RANK, T_WR_PRE, T_RD_DATA, T_WR_DATA, T_REFI, T_RFC, T_REFIPB, T_RFCPB,
    T_RREFD, T_XP, T_XS, T_XSDLL, T_CKE, T_CKESR, T_ACTPDEN, T_PRPDEN, T_REFPDEN, T_RDPDEN, T_WRPDEN, T_WRAPDEN,
    T_BUSES, T_BANKS, T_GROUPS, T_CLOCK_PS, T_TRACE_PS, T_RD_END, T_WR_END,
) = range(44)  # fmt: skip
TIMINGS = 44

# The requester and the arbiter.
(
    S_TIME, S_NEXT, S_ARRIVAL, S_ARRIVAL_AT, S_OUTSTANDING, S_ACTIVE, S_DELIVER_AT, S_LAST_DELIVERY, S_DONE, S_HEAD,
    S_TAIL, S_PROGRESS_AT, S_END, S_QUEUED,
) = range(14)  # fmt: skip
N_ACT, N_PRE, N_RD, N_WR, N_REF, N_REFB, S_COUNT = range(14, 21)
SYSTEM = 24

# A controller.
(
    C_PENDING, C_PENDING_AT, C_BUSY, C_SENT, C_WAITING, C_LAST_END, C_ADMITTED, C_LAST_BANK, C_READS, C_WRITES,
    C_DIRECTION, C_ROW_BUS, C_COLUMN_BUS, C_NEXT_AT, C_BEST_AT, C_BEST_ID, C_BEST, C_BEST_KIND, C_STALE, C_BLOCKED,
    C_RESPONSE_AT, C_RESPONSE, C_LAST_RESPONSE, C_FIRST, C_HEAD, C_TAIL, C_RETURN, C_STRICT, C_HELD, C_SEEN,
) = range(30)  # fmt: skip
CHANNEL = 32

# A rank: earliest times by kind of command first.
(
    R_PREA, R_REFA, R_PDEA, R_PDEP, R_SREFEN, R_EXIT, R_FAW, R_FAW_AT, R_OPEN, R_CLOSED_AT, R_QUEUED, R_TRIGGER,
    R_POSTPONED, R_PULLED_IN, R_COMMAND, R_READY, R_REMAINING, R_CURRENT, R_SKIP, R_PRE_CYCLES, R_POWER_STATE,
    R_POWER_COMMAND, R_POWER_READY, R_ENTRY, R_EXITING, R_SELF_REFRESH, R_IDLE, R_ASLEEP, R_DOWN_AT, R_ACT_DOWN,
    R_PRE_DOWN, R_SELF_CYCLES, R_REFB, R_POWER_OPEN, R_LISTED,
) = range(8, 43)  # fmt: skip
R_FAW_LAST = 4  # four times of activates, in columns 4..7
RANK = 48

GROUP = 4

# A bank.
(
    B_ACT, B_RD, B_WR, B_PRE, B_RDA, B_OPEN, B_ROW, B_HEAD, B_HIT, B_QUEUED, B_KIND, B_READY, B_REQUEST, B_AUTO,
    B_BLOCKED, B_LAST_USE, B_OPENED_AT, B_RANK, B_GROUP, B_CHANNEL, B_PLACE, B_LISTED,
) = range(22)  # fmt: skip
BANK = 24

# A request of the trace.
Q_CYCLE, Q_BANK, Q_ROW, Q_WRITE, Q_NEXT_BANK, Q_NEXT_ROW, Q_NEXT_CHANNEL, Q_ADDRESS = range(8)
REQUEST = 8

# What became of a request. A_ORDER and A_QUEUE are lists of requests, in the order of their column commands and of
# their responses at the arbiter.
A_ARRIVAL, A_READY, A_RESPONSE, A_ORDER, A_QUEUE = range(5)
SERVED = 8
