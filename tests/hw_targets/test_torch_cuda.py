from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.torch_cuda import TorchCuda
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError

GPU = torch.cuda.is_available()
QUICK: dict[str, Any] = {"seconds": 0.02, "warm_up_s": 0.01}


@pytest.mark.skipif(GPU, reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_what_to_do() -> None:
    with pytest.raises(TargetError, match=r"there is no gpu 0, PyTorch finds none; .*torch_cpu"):
        TorchCuda(ElasticCnn())


@pytest.mark.gpu
@pytest.mark.skipif(not GPU, reason="needs a CUDA device")
def test_it_measures_on_a_gpu_alone() -> None:
    check_target(lambda space: TorchCuda(space, **QUICK), ElasticCnn(), n=3)
    space = ElasticCnn(resolution=[4, 64], width=[[2, 32], [2, 32]])
    designs = space.designs(space.encode([space.corner(largest=True), space.corner(largest=False)]))
    target = TorchCuda(space, batch=256, **QUICK)
    large, small = target.evaluate(designs, np.zeros(2, np.uint64)).values["latency_ms"]
    assert large > 2.0 * small
    assert target.needs.device == "cuda0"
    assert target.fingerprint()["gpu"]
    relative = TorchCuda(space, batch=256, relative=True, **QUICK).evaluate(designs, np.zeros(2, np.uint64)).values
    assert relative["latency_ratio"][0] > 2.0 * relative["latency_ratio"][1] > 0.0
    with pytest.raises(TargetError, match="there is no gpu 99"):
        TorchCuda(space, gpu=99)
