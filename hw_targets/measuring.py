"""How to time a call: warm up until stable, repeat until precise, drop outliers, report median and spread."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import TargetError

MAD_TO_STD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation: 1 / 0.67449."""

MEDIAN_TO_MEAN_ERROR = 1.2533
"""Standard error of a normal sample's median over that of its mean: sqrt(pi / 2)."""

RESOLUTION_S = 1e-7
"""Smallest spread that is believed; about what reading the clock twice takes."""


@dataclass(frozen=True, slots=True)
class MeasuringRule:
    """When warm-up ends, when repeating ends, and what counts as an outlier.

    Args:
        seconds: Longest time spent on repeats, the reference's with them.
        warm_up_s: Longest time spent on warm-up.
        stable: Warm-up ends once the medians of two neighbouring windows differ by at most this share.
        precision: Repeating ends once the median's standard error is at most this share of it.
        window: Calls in a warm-up window, and between two looks at the stopping rule.
        min_repeats: Repeats that are made however long they take.
        max_repeats: Most repeats.
        outlier: Repeats further from the median than this many robust standard deviations are dropped. The cut of
            Leys et al. (J. Exp. Soc. Psychol. 49, 2013) is 3; timings have a long right tail, hence 5.
        relative: Whether a fixed piece of work is timed right before each repeat, and the latency given as a multiple
            of it, too: where the clock of a machine, or a neighbour on it, changes within a second, both change alike.

    Raises:
        TargetError: When a field is out of range.
    """

    seconds: float = 0.1
    warm_up_s: float = 0.04
    stable: float = 0.05
    precision: float = 0.005
    window: int = 8
    min_repeats: int = 5
    max_repeats: int = 2000
    outlier: float = 5.0
    relative: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.relative, bool):
            raise TargetError(f"measuring rule: relative {self.relative!r}", "give true or false")
        if min(self.seconds, self.warm_up_s, self.stable, self.precision) < 0 or self.outlier <= 0:
            raise TargetError(f"measuring rule {self} has a negative field", "give positive numbers")
        if not 1 <= self.min_repeats <= self.max_repeats or self.window < 2:
            problem = f"{self.min_repeats} to {self.max_repeats} repeats in windows of {self.window}"
            raise TargetError(f"measuring rule: {problem}", "give 1 <= min_repeats <= max_repeats and window >= 2")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One timing.

    Args:
        median: Median of the kept repeats, seconds; without unit where one time was divided by another.
        std: Robust standard deviation of one repeat, 1.4826 MAD of the kept repeats, in the median's unit; the median's
            own standard error is about ``1.25 * std / sqrt(count)`` when repeats are independent.
        count: Kept repeats.
        dropped: Repeats dropped: interrupted ones, and outliers.
        warm_up: Calls before the first repeat.
        settled: Whether warm-up ended because timings were stable, not because its time was up.
    """

    median: float
    std: float
    count: int
    dropped: int
    warm_up: int
    settled: bool


def measure(
    call: Callable[[], object], rule: MeasuringRule, clock: Callable[[], float] = time.perf_counter
) -> Measurement:
    """Time a call by a rule, with the garbage collector off.

    Args:
        call: What to time; called often.
        rule: See :class:`MeasuringRule`.
        clock: Seconds, rising.
    """
    return measure_clocks(call, rule, (clock,))[0]


def involuntary_switches() -> int:
    """How often the kernel took a processor from a thread of this process, for others that wanted it (getrusage(2))."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def measure_clocks(
    call: Callable[[], object],
    rule: MeasuringRule,
    clocks: Sequence[Callable[[], float]],
    interruptions: Callable[[], int] = lambda: 0,
    reference: Callable[[], object] | None = None,
) -> tuple[Measurement, ...]:
    """Time the same calls by several clocks, each with its own outliers.

    A repeat in which :func:`involuntary_switches` rose was not the call's alone: it waited for others, and found the
    caches cold. Such repeats are dropped, unless fewer than ``min_repeats`` others are left.

    Args:
        call: What to time; called often.
        rule: See :class:`MeasuringRule`; it goes by the first clock.
        clocks: Seconds, rising; the first is read nearest to the call.
        interruptions: Rises when a call is interrupted.
        reference: Called and timed by the first clock before each repeat.

    Returns:
        One measurement for each clock; with a reference, then that of the reference, and that of the ratio of each
        repeat by the first clock to the reference before it.
    """
    first, *others = clocks
    backwards = others[::-1]

    def timed() -> tuple[float, ...]:
        quiet = interruptions()
        pace = 0.0 if reference is None else _spent(first, reference)
        before = [clock() for clock in backwards]
        wall = _spent(first, call)
        spent = [clock() - was for clock, was in zip(others, reversed(before), strict=True)]
        return (wall, *spent, pace, interruptions() - quiet)

    with _no_garbage_collection():
        warm_up, settled = _warm_up(timed, rule)
        repeats = _repeat(timed, rule)
    alone = repeats[repeats[:, -1] == 0]
    used = alone if len(alone) >= rule.min_repeats else repeats
    *own, pace, _ = used.T
    found = [(column, RESOLUTION_S) for column in own]
    if reference is not None:
        divisor = np.maximum(pace, RESOLUTION_S)
        ratio = own[0] / divisor
        found += [(pace, RESOLUTION_S), (ratio, RESOLUTION_S * float(np.median((1.0 + ratio) / divisor)))]
    return tuple(_summary(column, least, len(repeats), rule, (warm_up, settled)) for column, least in found)


def _spent(clock: Callable[[], float], call: Callable[[], object]) -> float:
    start = clock()
    call()
    return clock() - start


def _summary(
    samples: NDArray[np.float64], least: float, n: int, rule: MeasuringRule, warm_up: tuple[int, bool]
) -> Measurement:
    kept = samples[np.abs(samples - np.median(samples)) <= rule.outlier * robust_std(samples, least)]
    return Measurement(float(np.median(kept)), robust_std(kept, least), len(kept), n - len(kept), *warm_up)


def robust_std(samples: NDArray[np.float64], least: float = RESOLUTION_S) -> float:
    """1.4826 times the median absolute deviation of float64 ``samples`` [n], at least ``least``."""
    deviation = np.median(np.abs(samples - np.median(samples)))
    return max(MAD_TO_STD * float(deviation), least)


def _warm_up(timed: Callable[[], tuple[float, ...]], rule: MeasuringRule) -> tuple[int, bool]:
    spent, calls, previous = 0.0, 0, np.nan
    while spent < rule.warm_up_s:
        window = np.array([timed() for _ in range(rule.window)])
        spent += float(window[:, [0, -2]].sum())
        calls += rule.window
        median = float(np.median(window[:, 0]))
        if abs(median - previous) <= rule.stable * previous:
            return calls, True
        previous = median
    return calls, False


def _repeat(timed: Callable[[], tuple[float, ...]], rule: MeasuringRule) -> NDArray[np.float64]:
    """Repeats by every clock, the reference before, and the interruptions of each, float64 [n, n_clocks + 2]."""
    samples: list[tuple[float, ...]] = []
    spent = 0.0
    while len(samples) < rule.max_repeats:
        samples.append(timed())
        spent += samples[-1][0] + samples[-1][-2]
        n = len(samples)
        if n < rule.min_repeats:
            continue
        if spent >= rule.seconds:
            break
        # Fewer repeats can agree by chance.
        if n % rule.window == 0 and n >= 4 * rule.window and _precise(samples, rule):
            break
    return np.array(samples)


def _precise(samples: Sequence[tuple[float, ...]], rule: MeasuringRule) -> bool:
    alone = np.array([first for first, *_, interrupted in samples if not interrupted])
    if len(alone) < 4 * rule.window:
        return False
    error = MEDIAN_TO_MEAN_ERROR * robust_std(alone) / len(alone) ** 0.5
    return bool(error <= rule.precision * np.median(alone))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
