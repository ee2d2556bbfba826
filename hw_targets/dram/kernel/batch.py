"""Many designs on one trace, one after the other, in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .compiling import address, compiled, compiled_entry
from .layout import (
    A_ARRIVAL,
    A_RESPONSE,
    BANK,
    CHANNEL,
    CHANNELS,
    GROUP,
    N_ACT,
    N_REFB,
    Q_CYCLE,
    R_ACT_DOWN,
    R_ASLEEP,
    R_CLOSED_AT,
    R_DOWN_AT,
    R_OPEN,
    R_POWER_STATE,
    R_PRE_CYCLES,
    R_PRE_DOWN,
    R_SELF_CYCLES,
    RANK,
    RANKS,
    REQUEST,
    S_COUNT,
    S_END,
    S_LAST_DELIVERY,
    SERVED,
    SYSTEM,
    T_BANKS,
    T_GROUPS,
    Address,
    Arrays,
    IntArray,
    State,
)
from .power_down import ACTIVE_DOWN, SELF_REFRESH
from .reset import reset
from .run import DONE, run

RESULTS = 16
(
    X_STATUS, X_TIME, X_END, X_ACT, X_PRE, X_RD, X_WR, X_REF, X_REFB, X_CLOSED, X_ACT_DOWN, X_PRE_DOWN, X_SELF,
) = range(13)  # fmt: skip


@compiled
def _standby(s: State, out: Address) -> None:
    """Cycles that ranks spent with all banks closed and asleep, from the first cycle to the end of the last command."""
    end = max(0, s.system[S_END] - 1)
    out[X_END] = end
    for r in range(s.setting[CHANNELS] * s.setting[RANKS]):
        closed = s.rank[r * RANK + R_PRE_CYCLES]
        if s.rank[r * RANK + R_ASLEEP] != 0:
            until = max(end, s.rank[r * RANK + R_DOWN_AT])
            if s.rank[r * RANK + R_OPEN] == 0:
                closed += max(0, s.rank[r * RANK + R_DOWN_AT] - s.rank[r * RANK + R_CLOSED_AT])
            state = R_ACT_DOWN if s.rank[r * RANK + R_POWER_STATE] == ACTIVE_DOWN else R_PRE_DOWN
            state = R_SELF_CYCLES if s.rank[r * RANK + R_POWER_STATE] >= SELF_REFRESH else state
            s.rank[r * RANK + state] += until - s.rank[r * RANK + R_DOWN_AT]
        elif s.rank[r * RANK + R_OPEN] == 0:
            closed += max(0, end - s.rank[r * RANK + R_CLOSED_AT])
        out[X_CLOSED] += closed
        out[X_ACT_DOWN] += s.rank[r * RANK + R_ACT_DOWN]
        out[X_PRE_DOWN] += s.rank[r * RANK + R_PRE_DOWN]
        out[X_SELF] += s.rank[r * RANK + R_SELF_CYCLES]


@compiled
def _report(s: State, out: Address, latency: Address, delayed: Address) -> None:
    """Copy counts, and how long each request took from the arbiter and from its time in the trace."""
    out[X_TIME] = s.system[S_LAST_DELIVERY]
    for count in range(N_REFB - N_ACT + 1):
        out[X_ACT + count] = s.system[N_ACT + count]
    _standby(s, out)
    for i in range(s.system[S_COUNT]):
        latency[i] = s.served[i * SERVED + A_RESPONSE] - s.served[i * SERVED + A_ARRIVAL]
        delayed[i] = s.served[i * SERVED + A_RESPONSE] - s.request[i * REQUEST + Q_CYCLE]


@cache
def _compiled_batch() -> Callable[..., int]:
    """The function that simulates a batch; compiled on first use, then read from disk."""
    sources = digest()

    @compiled_entry
    def simulate_all(
        settings: IntArray,
        arrays: Arrays,
        results: IntArray,
        latency: NDArray[np.int32],
        delayed: NDArray[np.int32],
    ) -> int:
        n = latency.shape[1]
        for k in range(settings.shape[0]):
            s = State(
                address(settings[k]),
                address(arrays.cycles),
                address(arrays.system),
                address(arrays.channel),
                address(arrays.rank),
                address(arrays.group),
                address(arrays.bank),
                address(arrays.request),
                address(arrays.served),
            )
            reset(s, n)
            results[k, X_STATUS] = run(s)
            if results[k, X_STATUS] == DONE:
                _report(s, address(results[k]), address(latency[k]), address(delayed[k]))
        return sources

    return simulate_all


def simulate_batch(
    settings: IntArray,
    cycles: IntArray,
    request: IntArray,
    results: IntArray,
    latency: NDArray[np.int32],
    delayed: NDArray[np.int32],
) -> None:
    """Simulate designs that share channels, ranks and address mapping; other threads run meanwhile.

    Compiled code follows the addresses of these arrays: all of them must be in C order, of these types and shapes.

    Args:
        settings: int64 [n, 16].
        cycles: Timings, int64 [:data:`~.layout.TIMINGS`].
        request: int64 [m, 8].
        results: int64 [n, :data:`RESULTS`] of zeros, written to: the ``X_`` indices.
        latency: int32 [n, m], written to: cycles from the arbiter to the response.
        delayed: int32 [n, m], written to: cycles from the time in the trace to the response.
    """
    channels, ranks = int(settings[0, CHANNELS]), int(settings[0, CHANNELS] * settings[0, RANKS])
    arrays = Arrays(
        cycles=cycles,
        system=np.zeros(SYSTEM, np.int64),
        channel=np.zeros((channels, CHANNEL), np.int64),
        rank=np.zeros((ranks, RANK), np.int64),
        group=np.zeros((ranks * int(cycles[T_GROUPS]), GROUP), np.int64),
        bank=np.zeros((ranks * int(cycles[T_BANKS]), BANK), np.int64),
        request=request,
        served=np.zeros((len(request), SERVED), np.int64),
    )
    _compiled_batch()(settings, arrays, results, latency, delayed)


@cache
def digest() -> int:
    """Hash of the files of the kernel."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files)
    return int.from_bytes(blake2b(text, digest_size=7).digest(), "big")
