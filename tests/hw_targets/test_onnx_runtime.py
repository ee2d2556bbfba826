from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cosearch.hw_targets import device_lock, onnx_runtime
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.onnx_runtime import OnnxRuntime
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.knobs import Value
from cosearch.spaces.space import Space

QUICK: dict[str, Any] = {"seconds": 0.02, "warm_up_s": 0.01}


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "lock_folder", lambda: tmp_path)


def seeds(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.uint64)


def test_conformance() -> None:
    check_target(lambda space: OnnxRuntime(space, **QUICK), ElasticCnn(), n=3)


def test_larger_networks_and_batches_take_longer() -> None:
    space = ElasticCnn(resolution=[4, 64], width=[[2, 32], [2, 32]])
    designs = space.designs(space.encode([space.corner(largest=True), space.corner(largest=False)]))
    large, small = OnnxRuntime(space, **QUICK).evaluate(designs, seeds(2)).values["latency_ms"]
    batch = OnnxRuntime(space, batch=2048, **QUICK).evaluate(designs[1:], seeds(1)).values["latency_ms"][0]
    assert large > 2.0 * small
    assert batch > 2.0 * small


def test_latency_relative_to_reference_work_leaves_threads_alone() -> None:
    space = ElasticCnn(depth=[1])
    before = torch.get_num_threads()
    values = (
        OnnxRuntime(space, threads=2, relative=True, **QUICK)
        .evaluate(space.designs(space.sample(np.random.default_rng(0), 1)), seeds(1))
        .values
    )
    assert torch.get_num_threads() == before
    latency, reference, ratio = (values[name][0] for name in ("latency_ms", "reference_ms", "latency_ratio"))
    assert 0.05 < ratio / (latency / reference) < 20.0


class AnySpace(Space):
    def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
        if design["features"] == 0:
            raise ValueError("a layer of nothing")
        return torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.GELU()).eval(), torch.ones(1, 8)


def test_any_module_is_exported_and_one_that_cannot_be_built_fails_alone() -> None:
    space = AnySpace({"features": [0, 4]})
    columns = OnnxRuntime(space, batch=3, **QUICK).evaluate(space.designs(np.array([[0], [1]])), seeds(2))
    assert columns.failures == {0: "ValueError: a layer of nothing"}
    assert columns.values["latency_ms"][1] > 0
    assert columns.values["cpu_time_ms"][1] > 0


def test_a_model_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    space = ElasticCnn(depth=[1])
    real = onnx_runtime.write_onnx

    def wrong(module: torch.nn.Module, example: torch.Tensor, path: Path) -> Path:
        other, _ = space.module(space.corner(largest=False), seed=1)
        return real(other, example, path)

    monkeypatch.setattr(onnx_runtime, "write_onnx", wrong)
    designs = space.designs(space.encode([space.corner(largest=False)]))
    columns = OnnxRuntime(space, **QUICK).evaluate(designs, seeds(1))
    assert "the ONNX model differs from PyTorch by" in columns.failures[0]


def test_the_fingerprint_and_wrong_options() -> None:
    known = OnnxRuntime(ElasticCnn(), threads=2).fingerprint()
    assert (known["threads"], known["provider"], known["dtype"]) == ("2", "CPUExecutionProvider", "float32")
    with pytest.raises(TargetError, match="onnx_runtime: threads 0"):
        OnnxRuntime(ElasticCnn(), threads=0)
    with pytest.raises(TargetError, match="onnx_runtime: space 'space' builds no PyTorch modules"):
        OnnxRuntime(Space({"a": [1, 2]}))
