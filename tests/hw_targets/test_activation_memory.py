from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from cosearch.hw_targets.activation_memory import ActivationMemory
from cosearch.hw_targets.check_target import check_target
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.knobs import Value
from cosearch.spaces.space import Space
from cosearch.spaces.workload import Operator, Workload


class Chain(Space):
    """Input 16 -> a 64 -> relu 64 -> b 32; b + skip from relu is not there."""

    def workload(self, design: Mapping[str, Value]) -> Workload:
        wide = (int(design["width"]),)
        return Workload(
            "chain",
            (
                Operator("a", "gemm", ((16,),), wide, inputs=(-1,)),
                Operator("relu", "activation", (wide,), wide, inputs=(0,)),
                Operator("b", "gemm", (wide,), (32,), inputs=(1,)),
            ),
        )


def seeds(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.uint64)


def peak(target: ActivationMemory, space: Space, codes: np.ndarray) -> np.ndarray:
    return target.evaluate(space.designs(codes), seeds(len(codes))).values["peak_memory_kib"]


def test_a_chain_by_hand() -> None:
    space = Chain({"width": [64, 256]})
    codes = np.array([[0], [1]])
    elements = np.array([64 + 32, 256 + 32])
    np.testing.assert_allclose(peak(ActivationMemory(space), space, codes), 4 * elements / 1024)
    np.testing.assert_allclose(peak(ActivationMemory(space, dtype_bytes=1), space, codes), elements / 1024)
    np.testing.assert_allclose(peak(ActivationMemory(space, batch=3), space, codes), 12 * elements / 1024)


def brute_force(workload: Workload) -> int:
    """Replay the network, freeing every tensor as soon as no later operator reads it."""
    alive = {-1: int(np.prod(workload.operators[0].input_shapes[0]))}
    most = 0
    n = len(workload.operators)
    for i, operator in enumerate(workload.operators):
        later = {source for other in workload.operators[i + 1 :] for source in other.inputs}
        size = int(np.prod(operator.output_shape))
        if operator.kind == "activation" and operator.inputs[0] not in later:
            alive[i] = alive.pop(operator.inputs[0])
        else:
            alive[i] = size
        most = max(most, sum(alive.values()))
        alive = {k: v for k, v in alive.items() if k in later or (k == i and i == n - 1)}
    return 4 * most


def test_elastic_networks_agree_with_a_replay() -> None:
    space = ElasticCnn()
    codes = space.sample(np.random.default_rng(5), 60)
    expected = [brute_force(space.workload(design)) / 1024 for design in space.decode(codes)]
    np.testing.assert_allclose(peak(ActivationMemory(space), space, codes), expected)


def test_a_residual_stage_holds_three_tensors_at_once() -> None:
    space = ElasticCnn(resolution=[8], depth=[2], width=[[16]], kernel=[3])
    assert peak(ActivationMemory(space), space, space.encode([space.corner(largest=True)])) == 3 * 16 * 64 * 4 / 1024


def test_conformance() -> None:
    check_target(ActivationMemory, ElasticCnn())


def test_wrong_options_and_spaces_are_refused() -> None:
    with pytest.raises(TargetError, match="dtype_bytes 3"):
        ActivationMemory(ElasticCnn(), dtype_bytes=3)
    with pytest.raises(TargetError, match="gives no workloads"):
        ActivationMemory(Space({"a": [1, 2]}))
