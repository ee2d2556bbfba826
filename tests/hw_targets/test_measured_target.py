from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets import device_lock
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.device_lock import DeviceLock
from cosearch.hw_targets.measured_target import HELD, Measure, MeasuredTarget
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.reading import Reading, Readings, over_rounds
from cosearch.spaces.design import Design
from cosearch.spaces.errors import TargetError
from cosearch.spaces.space import Space

SPACE = Space({"a": list(range(100))})


class Drifting(MeasuredTarget):
    """A device that gets slower with every measurement; 13 cannot be built, 14 not run a second time."""

    def __init__(self, space: Space) -> None:
        super().__init__(device="drifting", lock_wait_s=0.1)
        self.measured: list[int] = []
        self.built: list[int] = []
        self.most_folders = 0

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "measured", "a clock that slows down"),)

    @contextmanager
    def session(self) -> Iterator[None]:
        with pytest.raises(TargetError, match="busy"), DeviceLock(self.device, 0.0):
            pass
        yield

    def make_ready(self, design: Design, folder: Path) -> Measure:
        assert not list(folder.iterdir())
        self.most_folders = max(self.most_folders, len(list(folder.parent.iterdir())))
        if design["a"] == 13:
            raise ValueError("no such kernel")
        self.built.append(int(design["a"]))
        return partial(self.measure, int(design["a"]))

    def measure(self, a: int) -> Readings:
        self.measured.append(a)
        if a == 14 and self.measured.count(14) == 2:
            raise RuntimeError("out of memory")
        return {"latency_ms": Reading(1.0 + 0.01 * len(self.measured), 0.05, 10)}


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "lock_folder", lambda: tmp_path)


def designs(n: int) -> tuple[Drifting, np.ndarray, np.ndarray]:
    return Drifting(SPACE), np.arange(n)[:, None], np.arange(n, dtype=np.uint64)


def test_every_design_is_measured_once_a_round_in_mixed_order() -> None:
    target, codes, seeds = designs(10)
    columns = target.evaluate_rounds(SPACE.designs(codes), seeds, 3)
    rounds = [target.measured[i : i + 10] for i in (0, 10, 20)]
    assert all(sorted(order) == list(range(10)) for order in rounds)
    assert len({tuple(order) for order in [*rounds, list(range(10))]}) == 4
    assert sorted(target.built) == list(range(10))
    assert columns.count["latency_ms"].tolist() == [30] * 10
    # What drifts by 0.3 in all shows in each spread, and hardly in the differences between designs.
    assert (columns.std["latency_ms"] > 0.08).all()
    assert np.ptp(columns.values["latency_ms"]) < 0.15
    again, _, _ = designs(10)
    again.evaluate_rounds(SPACE.designs(codes), seeds, 3)
    assert again.measured == target.measured


def test_a_large_batch_holds_few_designs_ready() -> None:
    target, codes, seeds = designs(HELD + 5)
    columns = target.evaluate_rounds(SPACE.designs(codes[codes[:, 0] != 13]), seeds[1:], 2)
    assert len(target.built) == HELD + 2 * (len(codes) - 1 - HELD)
    assert target.most_folders == HELD + 1
    assert len(columns.failures) == 1


def test_a_design_that_fails_is_no_harm_to_others() -> None:
    target, codes, seeds = designs(16)
    columns = target.evaluate_rounds(SPACE.designs(codes), seeds, 3)
    assert columns.failures == {13: "ValueError: no such kernel", 14: "RuntimeError: out of memory"}
    assert np.isnan(columns.values["latency_ms"][[13, 14]]).all()
    assert np.isfinite(columns.values["latency_ms"][:13]).all()
    assert target.measured.count(14) == 2


def test_conformance_and_the_front_measured_again() -> None:
    check_target(Drifting, Space({"a": [1, 2, 3, 4]}))
    target, codes, seeds = designs(4)
    columns = target.confirm(SPACE.designs(codes), seeds)
    assert list(columns.values) == ["remeasured_latency_ms"]
    assert columns.count["remeasured_latency_ms"].tolist() == [30] * 4


def test_rounds_become_one_reading() -> None:
    assert over_rounds([Reading(2.0, 0.1, 7)]) == Reading(2.0, 0.1, 7)
    found = over_rounds([Reading(1.0, 0.3, 5), Reading(2.0, 0.4, 6), Reading(9.0, float("nan"), 1)])
    assert (found.value, found.count) == (2.0, 12)
    assert found.std == pytest.approx((0.125 + np.var([1, 2, 9], ddof=1)) ** 0.5)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(TargetError, match="lock_wait_s -1"):
        super(Drifting, Drifting(SPACE)).__init__(device="x", lock_wait_s=-1)
