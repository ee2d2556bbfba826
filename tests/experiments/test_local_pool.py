"""The process pool: real processes, really killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.execution.evaluator import Chunk, Outcome
from cosearch.experiments.execution.local import LocalPool
from cosearch.experiments.execution.scoring import Scorer
from cosearch.experiments.settings import Execution
from cosearch.hw_targets.function import FunctionTarget
from cosearch.spaces.errors import TargetError
from cosearch.spaces.space import Space

SPACE = Space({"a": {"type": "integer", "low": 0, "high": 40}})


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPool]:
    monkeypatch.setenv("COSEARCH_TEST_FLAG", str(tmp_path / "flag"))
    # Spawned workers import the function by name, as they would a user's.
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    target = FunctionTarget(SPACE, "misbehaving:score", ["latency_ms"])
    scorer = Scorer(SPACE, {"f": target}, {"f": None}, {"f": ("latency_ms",)})
    with LocalPool(scorer, Execution(workers=2, trial_timeout_s=2.0, retries=1)) as evaluator:
        assert isinstance(evaluator, LocalPool)
        yield evaluator


def chunk(first: int, values: list[int]) -> Chunk:
    ids = np.arange(first, first + len(values))
    return Chunk(ids, np.array(values, dtype=np.int64)[:, None], np.ones(len(values), dtype=np.uint64))


def collect(pool: LocalPool, n: int) -> dict[int, tuple[str, float]]:
    """State and value by trial id."""
    found: dict[int, tuple[str, float]] = {}
    deadline = time.monotonic() + 60
    while len(found) < n and time.monotonic() < deadline:
        for outcome in pool.collect(1.0):
            found |= rows(outcome)
    return found


def rows(outcome: Outcome) -> dict[int, tuple[str, float]]:
    values = outcome.values.get("latency_ms", np.full(len(outcome), np.nan))
    return {int(i): (s, float(v)) for i, s, v in zip(outcome.ids, outcome.states, values, strict=True)}


def test_only_the_culprits_are_lost(pool: LocalPool) -> None:
    for number, values in enumerate(([10, 1, 11], [12, 3, 13], [14, 2], [4, 15])):
        pool.submit(chunk(10 * number, values))
    found = collect(pool, 10)
    states = {i: s for i, (s, _) in found.items()}
    assert states == {
        0: "done", 1: "crashed", 2: "done", 10: "done", 11: "failed", 12: "done",
        20: "done", 21: "timed_out", 30: "done", 31: "done",
    }  # fmt: skip
    assert found[30][1] == 4.0
    assert found[2][1] == 11.0


def test_closing_ends_the_workers(pool: LocalPool) -> None:
    pool.submit(chunk(0, [2]))
    time.sleep(0.5)
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 10
    assert pool.collect(0.1) == []


def test_measurements_on_one_device_never_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSEARCH_TEST_FLAG", str(tmp_path / "device"))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    target = FunctionTarget(SPACE, "misbehaving:occupy", ["latency_ms"], device="board")
    scorer = Scorer(SPACE, {"f": target}, {"f": None}, {"f": ("latency_ms",)})
    with LocalPool(scorer, Execution(workers=3)) as pool:
        assert isinstance(pool, LocalPool)
        for i in range(12):
            pool.submit(chunk(i, [i]))
        assert {state for state, _ in collect(pool, 12).values()} == {"done"}


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
def test_what_a_late_design_started_ends_with_it(pool: LocalPool, tmp_path: Path) -> None:
    pool.submit(chunk(0, [5]))
    assert collect(pool, 1)[0][0] == "timed_out"
    simulator = int((tmp_path / "flag").read_text(encoding="utf-8"))
    for _ in range(100):
        if not alive(simulator):
            return
        time.sleep(0.05)
    pytest.fail("the simulator outlived its time limit")


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended but waits for its parent does not."""
    try:
        os.kill(process, 0)
        return " Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_target_that_cannot_travel_is_explained() -> None:
    target = FunctionTarget(SPACE, lambda design: {"latency_ms": 1.0}, ["latency_ms"])
    scorer = Scorer(SPACE, {"f": target}, {"f": None}, {"f": ("latency_ms",)})
    with pytest.raises(TargetError, match="cannot be sent to worker processes"):
        LocalPool(scorer, Execution(workers=2))
