from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets.measuring import (
    Measurement,
    MeasuringRule,
    involuntary_switches,
    measure,
    measure_clocks,
    robust_std,
)
from cosearch.spaces.errors import TargetError


class Stream:
    """A clock and a call whose durations are a given stream, repeated at its end."""

    def __init__(self, durations: list[float]) -> None:
        self.durations = durations
        self.calls = 0
        self.now = 0.0

    def call(self) -> None:
        self.now += self.durations[min(self.calls, len(self.durations) - 1)]
        self.calls += 1

    def clock(self) -> float:
        return self.now


def run(durations: list[float], **rule: Any) -> tuple[Stream, Measurement]:
    stream = Stream(durations)
    return stream, measure(stream.call, MeasuringRule(**rule), stream.clock)


def noisy(seed: int, n: int, value: float = 1e-3, share: float = 0.05) -> list[float]:
    return list(value * (1.0 + share * np.random.default_rng(seed).standard_normal(n)))


def test_a_slow_start_is_not_in_the_result() -> None:
    ramp = [1e-2 * 0.8**i + 1e-3 for i in range(40)]
    _, found = run(ramp + noisy(0, 5000), warm_up_s=1.0)
    assert found.settled
    assert found.warm_up >= 24
    assert found.median == pytest.approx(1e-3, rel=0.02)


def test_warm_up_ends_at_its_time_limit_when_timings_never_settle() -> None:
    stream, found = run([1e-3 * 1.2**i for i in range(60)], warm_up_s=0.01, min_repeats=5, seconds=0.0)
    assert not found.settled
    assert found.warm_up == 8
    assert found.count + found.dropped == 5
    assert stream.calls == 13


def test_outliers_are_dropped_and_counted() -> None:
    stream = noisy(1, 2000)
    stream[50:1000:50] = [0.01] * 19
    _, found = run(stream, precision=0.0, seconds=10.0, max_repeats=500)
    assert found.dropped >= 9
    assert found.count == 500 - found.dropped
    assert found.median == pytest.approx(1e-3, rel=0.01)
    assert found.std == pytest.approx(5e-5, rel=0.2)


def test_quiet_streams_stop_early_and_noisy_ones_go_on_to_the_limit() -> None:
    _, quiet = run(noisy(2, 5000, share=0.002), seconds=1.0)
    _, loud = run(noisy(2, 5000, share=0.2), seconds=1.0)
    assert quiet.count + quiet.dropped == 32
    assert loud.count + loud.dropped >= 900


def test_the_time_limit_holds_but_a_slow_call_is_still_repeated() -> None:
    stream, found = run(noisy(3, 5000, value=0.5, share=0.1), seconds=0.1, warm_up_s=0.1, min_repeats=5)
    assert found.count + found.dropped == 5
    assert stream.calls == 13


def test_a_constant_stream_is_kept_whole_with_a_believable_spread() -> None:
    _, found = run([1e-3], precision=0.005)
    assert found.dropped == 0
    assert 0.0 < found.std <= 1e-7


def test_robust_std_is_that_of_a_normal_sample() -> None:
    sample = 3.0 * np.random.default_rng(0).standard_normal(200_000)
    assert robust_std(sample) == pytest.approx(3.0, rel=0.01)


def test_a_real_call_is_timed_with_the_garbage_collector_off() -> None:
    states: list[bool] = []

    def call() -> None:
        states.append(gc.isenabled())
        time.sleep(0.002)

    found = measure(call, MeasuringRule(seconds=0.05, warm_up_s=0.02))
    assert 2e-3 <= found.median < 0.2
    assert not any(states)
    assert gc.isenabled()


@pytest.mark.parametrize("options", [{"seconds": -1.0}, {"window": 1}, {"min_repeats": 9, "max_repeats": 8}])
def test_impossible_rules_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TargetError):
        MeasuringRule(**options)


def test_repeats_that_other_work_interrupted_are_dropped() -> None:
    stream = Stream([1e-3, 1e-3, 8e-3, 9e-3, 7e-3] * 400)

    def interruptions() -> int:
        # Three of every five calls.
        return 3 * (stream.calls // 5) + max(0, stream.calls % 5 - 2)

    rule = MeasuringRule(warm_up_s=0.0, seconds=1.0, max_repeats=100, precision=0.0)
    (found,) = measure_clocks(stream.call, rule, (stream.clock,), interruptions)
    assert (found.count, found.dropped) == (40, 60)
    assert found.median == pytest.approx(1e-3)
    blind = Stream(stream.durations)
    assert measure_clocks(blind.call, rule, (blind.clock,))[0].median == pytest.approx(7e-3)


def test_where_every_repeat_is_interrupted_all_of_them_count() -> None:
    stream, always = Stream(noisy(3, 500)), iter(range(10**6))
    rule = MeasuringRule(warm_up_s=0.0, seconds=0.05)
    (found,) = measure_clocks(stream.call, rule, (stream.clock,), lambda: next(always))
    assert found.count > 40
    assert found.median == pytest.approx(1e-3, rel=0.05)


def test_the_kernel_counts_interruptions() -> None:
    before = involuntary_switches()
    assert isinstance(before, int)
    assert involuntary_switches() >= before


def test_several_clocks_time_the_same_calls() -> None:
    stream = Stream(noisy(4, 500))
    rule = MeasuringRule(warm_up_s=0.0, seconds=0.05)
    fast, slow = measure_clocks(stream.call, rule, (stream.clock, lambda: 3.0 * stream.now))
    assert slow.median == pytest.approx(3.0 * fast.median)
    assert slow.count == fast.count


def test_a_pace_that_wanders_divides_out() -> None:
    rng, pace = np.random.default_rng(5), [1.0]
    rule = MeasuringRule(warm_up_s=0.0, seconds=9.0, precision=0.0, max_repeats=400)
    now = [0.0]

    def works(seconds: float) -> None:
        now[0] += seconds * pace[0] * rng.uniform(0.99, 1.01)

    def call() -> None:
        works(2e-3)
        pace[0] *= np.exp(rng.normal(0.0, 0.1))
        pace[0] = min(max(pace[0], 0.5), 2.0)

    wall, reference, ratio = measure_clocks(call, rule, (lambda: now[0],), reference=lambda: works(5e-4))
    assert ratio.median == pytest.approx(4.0, rel=0.002)
    assert ratio.std < 0.05
    assert wall.std / wall.median > 0.2
    assert reference.median == pytest.approx(wall.median / 4.0, rel=0.1)
    assert wall.count == reference.count == 400


def test_a_coarse_clock_gives_a_ratio_as_coarse() -> None:
    rng, now = np.random.default_rng(6), [0.0]

    def works(seconds: float) -> None:
        now[0] += seconds * rng.uniform(0.9999, 1.0001)

    def clock() -> float:
        return round(now[0] / 1e-7) * 1e-7

    rule = MeasuringRule(warm_up_s=0.0, seconds=9.0, precision=0.0, max_repeats=300)
    _, reference, ratio = measure_clocks(lambda: works(1e-4), rule, (clock,), reference=lambda: works(1e-5))
    assert ratio.count == 300
    assert ratio.std >= 1e-7 / reference.median
    assert ratio.median == pytest.approx(10.0, rel=0.02)
