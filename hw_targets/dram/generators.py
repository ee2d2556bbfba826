"""Synthetic request streams: address patterns with a pace, a share of writes and a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...spaces.errors import TargetError
from .trace import ACCESS_BYTES, CLOCK_MHZ, IntArray, Trace, check_access_bytes

GAPS = ("exponential", "fixed")
"""How the time between two requests is distributed."""

ROW_BYTES = 8192
"""Bytes of one row over all devices of a rank: 1024 columns of 64 bits, DDR3-1600 with eight x8 devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What all patterns have in common.

    Args:
        requests: Number of requests.
        footprint_mib: Addresses come from this much memory, MiB.
        write_share: Chance that a request is a write, 0..1, each drawn by itself.
        gap_cycles: Mean time between two requests, clock cycles; a burst of 8 keeps a data bus busy for 4.
        gaps: One of :data:`GAPS`.
        clock_mhz: Clock of the cycles.
        seed: Draws everything that is random.
        access_bytes: Bytes of a request, a power of two.

    Raises:
        TargetError: When an option is out of range.
    """

    requests: int = 10_000
    footprint_mib: float = 256.0
    write_share: float = 0.0
    gap_cycles: float = 1.0
    gaps: str = "exponential"
    clock_mhz: float = CLOCK_MHZ
    seed: int = 0
    access_bytes: int = ACCESS_BYTES

    def __post_init__(self) -> None:
        check_access_bytes(self.access_bytes)
        checks = (
            ("requests", isinstance(self.requests, int) and self.requests >= 1, "give a whole number of 1 or more"),
            ("footprint_mib", 0 < self.footprint_mib <= 2**24, "give MiB of memory, more than 0"),
            ("write_share", 0 <= self.write_share <= 1, "give a share between 0 and 1"),
            ("gap_cycles", 0 <= self.gap_cycles <= 1e9, "give a mean of 0 or more cycles"),
            ("gaps", self.gaps in GAPS, "use " + " or ".join(GAPS)),
            ("clock_mhz", 0 < self.clock_mhz <= 1e6, "give a positive clock"),
            ("seed", isinstance(self.seed, int) and self.seed >= 0, "give a whole number of 0 or more"),
        )
        for name, fine, remedy in checks:
            if not fine:
                raise TargetError(f"{name} is {getattr(self, name)!r}", remedy)

    @property
    def accesses(self) -> int:
        """Accesses that the footprint holds, at least one."""
        return max(1, int(self.footprint_mib * 2**20) // self.access_bytes)


def stream(traffic: Traffic) -> IntArray:
    """One access after the other through the footprint, and again from its start; index of each access, int64 [n]."""
    return np.arange(traffic.requests) % traffic.accesses


def strided(traffic: Traffic, stride_bytes: int = ROW_BYTES) -> IntArray:
    """As :func:`stream`, in steps of ``stride_bytes``; each pass through the footprint starts one access later.

    Raises:
        TargetError: When the stride is no whole number of accesses.
    """
    step, rest = divmod(stride_bytes, traffic.access_bytes)
    if rest or step < 1:
        raise TargetError(f"stride_bytes is {stride_bytes}", f"give a multiple of {traffic.access_bytes}")
    length = -(-traffic.accesses // step)
    passes, place = np.divmod(np.arange(traffic.requests), length)
    accesses: IntArray = (place * step + passes % step) % traffic.accesses
    return accesses


def random(traffic: Traffic) -> IntArray:
    """Independent accesses, all of the footprint equally likely; int64 [n]."""
    return _rng(traffic, 0).integers(0, traffic.accesses, traffic.requests)


def zipf(traffic: Traffic, exponent: float = 1.0, run: float = 4.0, row_bytes: int = ROW_BYTES) -> IntArray:
    """Hot rows: runs of neighbouring accesses in rows whose popularity falls with their rank to a power.

    The k-th most popular row is chosen with a chance proportional to ``k**-exponent`` (Zipf's law); ranks are spread
    over the footprint at random. A run starts anywhere in its row, has a geometric length, and wraps inside the row.

    Args:
        traffic: Common options.
        exponent: 0 is uniform; near 1 is typical of caches' misses in servers.
        run: Mean length of a run, at least 1.
        row_bytes: Bytes of a row.

    Returns:
        Index of each access, int64 [n].

    Raises:
        TargetError: When an option is out of range.
    """
    if not (0 <= exponent <= 16 and 1 <= run <= 1e6):
        raise TargetError(f"exponent is {exponent:g}, run is {run:g}", "give 0 <= exponent <= 16 and run >= 1")
    per_row, rest = divmod(row_bytes, traffic.access_bytes)
    if rest or per_row < 1:
        raise TargetError(f"row_bytes is {row_bytes}", f"give a multiple of {traffic.access_bytes}")
    rng = _rng(traffic, 0)
    rows = max(1, traffic.accesses // per_row)
    cumulative = np.cumsum(np.arange(1.0, rows + 1.0) ** -exponent)
    places = rng.permutation(rows)
    lengths = np.minimum(rng.geometric(1.0 / run, traffic.requests), traffic.requests)
    lengths = lengths[: np.searchsorted(np.cumsum(lengths), traffic.requests) + 1]
    owner = np.repeat(np.arange(len(lengths)), lengths)[: traffic.requests]
    in_run = np.arange(traffic.requests) - (np.cumsum(lengths) - lengths)[owner]
    rank = np.searchsorted(cumulative, rng.random(traffic.requests) * cumulative[-1], side="right")
    first = rng.integers(0, per_row, traffic.requests)
    row = places[np.minimum(rank, rows - 1)][owner]
    accesses: IntArray = row * per_row + (first[owner] + in_run) % per_row
    return accesses


PATTERNS: dict[str, Callable[..., IntArray]] = {"stream": stream, "strided": strided, "random": random, "zipf": zipf}
"""Name to pattern: ``pattern(traffic, **options)`` gives the index of each access."""


def paced(name: str, accesses: IntArray, traffic: Traffic) -> Trace:
    """A pattern with its times and directions.

    Args:
        name: Of the trace.
        accesses: Index of each access, int64 [n].
        traffic: Pace, share of writes, seed.
    """
    n = len(accesses)
    if traffic.gaps == "fixed":
        times = np.arange(n) * traffic.gap_cycles
    else:
        times = np.cumsum(_rng(traffic, 1).exponential(traffic.gap_cycles, n))
    writes = _rng(traffic, 2).random(n) < traffic.write_share
    return Trace(name, np.floor(times).astype(np.int64), accesses * traffic.access_bytes, writes, traffic.clock_mhz)


def mix(traces: Sequence[Trace], name: str = "mix") -> Trace:
    """Several masters at once: all requests by time, at the first trace's clock; ties in the order of the traces.

    Args:
        traces: At least one; addresses stay as they are.
        name: Of the new trace.

    Raises:
        TargetError: When there is no trace.
    """
    if not traces:
        raise TargetError(f"{name!r} mixes no traces", "give at least one")
    clock = traces[0].clock_mhz
    times = np.concatenate([np.floor(trace.cycles * (clock / trace.clock_mhz)) for trace in traces])
    order = np.argsort(times, kind="stable")
    addresses = np.concatenate([trace.addresses for trace in traces])
    writes = np.concatenate([trace.writes for trace in traces])
    return Trace(name, times[order].astype(np.int64), addresses[order], writes[order], clock)


def _rng(traffic: Traffic, stream_of: int) -> np.random.Generator:
    """Places, times and directions are drawn apart, so that changing one option leaves the others."""
    return np.random.default_rng([traffic.seed, stream_of])
