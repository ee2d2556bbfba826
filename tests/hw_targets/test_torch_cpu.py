from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cosearch.hw_targets import device_lock
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.device_lock import DeviceLock
from cosearch.hw_targets.torch_cpu import TorchCpu
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.knobs import Value
from cosearch.spaces.space import Space

QUICK = {"seconds": 0.02, "warm_up_s": 0.01}


class Sleeper(torch.nn.Module):
    def __init__(self, milliseconds: float) -> None:
        super().__init__()
        self.milliseconds = milliseconds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        if self.milliseconds < 0:
            raise RuntimeError("no such kernel")
        time.sleep(self.milliseconds / 1e3)
        return x


class SleepingSpace(Space):
    def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
        return Sleeper(float(design["ms"])).eval(), torch.zeros(1, 2)


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "lock_folder", lambda: tmp_path)


def seeds(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.uint64)


def test_known_durations_are_measured_and_a_broken_design_is_a_failure_of_its_own() -> None:
    space = SleepingSpace({"ms": [-1, 2, 8]})
    designs = space.designs(np.array([[2], [0], [1]]))
    columns = TorchCpu(space, **QUICK).evaluate(designs, seeds(3))
    slow, _, fast = columns.values["latency_ms"]
    assert slow >= 8.0
    assert 2.0 <= fast < slow
    assert list(columns.failures) == [1]
    assert "no such kernel" in columns.failures[1]
    assert (columns.count["latency_ms"][[0, 2]] >= 1).all()


def test_larger_networks_and_batches_take_longer_and_thread_settings_survive() -> None:
    space = ElasticCnn(resolution=[4, 64], width=[[2, 32], [2, 32]])
    designs = space.designs(space.encode([space.corner(largest=True), space.corner(largest=False)]))
    before = torch.get_num_threads()
    threads = 2 if before == 1 else 1
    # Factors of a hundred in work, so that a busy machine does not hide them.
    large, small = TorchCpu(space, threads=threads, **QUICK).evaluate(designs, seeds(2)).values["latency_ms"]
    batch = TorchCpu(space, batch=2048, **QUICK).evaluate(designs[1:], seeds(1)).values["latency_ms"][0]
    assert torch.get_num_threads() == before
    assert large > 2.0 * small
    assert batch > 2.0 * small


def test_processor_time_stands_beside_wall_time() -> None:
    asleep = SleepingSpace({"ms": [20]})
    columns = TorchCpu(asleep, **QUICK).evaluate(asleep.designs(np.array([[0]])), seeds(1))
    assert columns.values["latency_ms"][0] >= 20.0
    assert columns.values["cpu_time_ms"][0] < 10.0
    space = ElasticCnn(resolution=[64], width=[[32], [32]])
    busy = TorchCpu(space, **QUICK).evaluate(space.designs(space.sample(np.random.default_rng(0), 1)), seeds(1))
    # One thread cannot take much more processor time than time; less, when others are given the processor.
    assert 0.0 < busy.values["cpu_time_ms"][0] < 3.0 * busy.values["latency_ms"][0]


def test_weights_and_inputs_have_the_asked_type() -> None:
    seen = []

    class TypeSpace(Space):
        def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
            layer = torch.nn.Linear(2, 2)
            layer.register_forward_hook(lambda module, given, out: seen.append((given[0].dtype, out.dtype)))
            return layer.eval(), torch.zeros(1, 2)

    space = TypeSpace({"a": [1]})
    for dtype in ("float32", "bfloat16", "float64"):
        target = TorchCpu(space, dtype=dtype, **QUICK)
        assert not target.evaluate(space.designs(np.array([[0]])), seeds(1)).failures
        assert set(seen) == {(getattr(torch, dtype), getattr(torch, dtype))}
        assert target.fingerprint()["dtype"] == dtype
        seen.clear()


class Branching(torch.nn.Module):
    """Compiles only when nothing is asked of the data."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.width < 0 and x.sum().item() > 1.0:
            return x
        return torch.relu(x[:, : abs(self.width)])


class BranchingSpace(Space):
    def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
        return Branching(int(design["width"])).eval(), torch.ones(1, 64)


def test_compiled_designs_are_compiled_whole_or_fail_alone() -> None:
    # More graphs of one piece of code than torch compiles by default before it goes back to eager mode.
    space = BranchingSpace({"width": [-1, *range(1, 11)]})
    target = TorchCpu(space, mode="compile", **QUICK)
    with pytest.MonkeyPatch.context() as patch:
        # The graphs as they are, without a compiler of C++: what is compiled is not the matter here.
        real = torch.compile
        patch.setattr(torch, "compile", lambda module, **options: real(module, backend="eager", **options))
        columns = target.evaluate(space.designs(np.arange(11)[:, None]), seeds(11))
    assert list(columns.failures) == [0]
    assert "item" in columns.failures[0]
    assert (columns.values["latency_ms"][1:] > 0).all()
    assert target.fingerprint()["mode"] == "compile"


def test_it_needs_its_device_alone_and_waits_for_the_lock() -> None:
    space = SleepingSpace({"ms": [1, 2]})
    target = TorchCpu(space, lock_wait_s=0.1, threads=2, **QUICK)
    assert target.needs.device == "cpu"
    assert target.needs.cpus == 2.0
    designs = space.designs(np.array([[0]]))
    with DeviceLock("cpu", 1.0), pytest.raises(TargetError, match="busy"):
        target.evaluate(designs, seeds(1))
    assert target.evaluate(designs, seeds(1)).values["latency_ms"][0] >= 1.0


def test_conformance() -> None:
    check_target(lambda space: TorchCpu(space, **QUICK), ElasticCnn(), n=3)


def test_the_fingerprint_says_what_the_number_depends_on() -> None:
    known = TorchCpu(ElasticCnn(), threads=1).fingerprint()
    assert {
        "cpu",
        "cpu_cores_usable",
        "cpu_governor",
        "load_average_1min",
        "torch",
        "threads",
        "measuring_rule",
    } <= set(known)
    assert known["torch"] == str(torch.__version__)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"threads": 0}, "threads"),
        ({"second": 1}, "second"),
        ({"seconds": "long"}, "torch_cpu"),
        ({"mode": "jit"}, "mode 'jit' is unknown; use one of eager, compile"),
        ({"dtype": "int8"}, "dtype 'int8' is unknown"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(TargetError, match=word):
        TorchCpu(ElasticCnn(), **options)


def test_a_space_without_modules_is_refused() -> None:
    with pytest.raises(TargetError, match="builds no PyTorch modules"):
        TorchCpu(Space({"a": [1, 2]}))


def test_latency_relative_to_reference_work_stands_beside() -> None:
    space = SleepingSpace({"ms": [5]})
    target = TorchCpu(space, relative=True, **QUICK)
    names = [metric.name for metric in target.metrics()]
    assert names == ["latency_ms", "cpu_time_ms", "reference_ms", "latency_ratio"]
    values = target.evaluate(space.designs(np.array([[0]])), seeds(1)).values
    latency, reference, relative = (values[name][0] for name in ("latency_ms", "reference_ms", "latency_ratio"))
    assert 0.0 < reference < 5.0 <= latency
    assert 0.1 < relative / (latency / reference) < 10.0
    assert [m.name for m in target.held_out_metrics()] == ["remeasured_latency_ms", "remeasured_latency_ratio"]
    assert target.fingerprint()["relative"] == "true"
    plain = TorchCpu(space, **QUICK).fingerprint()
    assert "relative" not in plain
    assert plain["measuring_rule"] == target.fingerprint()["measuring_rule"]
    with pytest.raises(TargetError, match="relative 'no'"):
        TorchCpu(space, relative="no", **QUICK)
