from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

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
    ("options", "word"), [({"threads": 0}, "threads"), ({"second": 1}, "second"), ({"seconds": "long"}, "torch_cpu")]
)
def test_wrong_options_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(TargetError, match=word):
        TorchCpu(ElasticCnn(), **options)  # type: ignore[arg-type]


def test_a_space_without_modules_is_refused() -> None:
    with pytest.raises(TargetError, match="builds no PyTorch modules"):
        TorchCpu(Space({"a": [1, 2]}))
