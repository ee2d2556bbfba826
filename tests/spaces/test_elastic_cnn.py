from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.elastic_cnn_torch import Supernet
from cosearch.spaces.errors import DesignError, SpaceError

SMALL = {"resolution": [4, 6], "depth": [1, 2], "width": [[2, 4], [4, 6]], "kernel": [3, 5]}


def test_the_number_of_designs_is_that_of_a_listing_by_hand() -> None:
    space = ElasticCnn(**SMALL)
    stages = [
        (depth, width, kernels)
        for depth in (1, 2)
        for width in (0, 1)
        for kernels in itertools.product((3, 5), repeat=depth)
    ]
    assert space.size() == 2 * len(stages) ** 2
    assert ElasticCnn().size() == 4 * (3 * (2 + 4 + 8)) ** 3 == 296_352


def test_kernels_of_blocks_that_are_not_built_are_inactive() -> None:
    space = ElasticCnn(**SMALL)
    design = space.corner(largest=False)
    assert "stage1_block2_kernel" not in design
    assert space.decode(space.encode([design]))[0] == design
    with pytest.raises(DesignError, match="stage1_block2_kernel"):
        space.encode([design | {"stage1_block2_kernel": 3}])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"kernel": [3, 4]}, "even"),
        ({"depth": [2, 1]}, "depth"),
        ({"depth": [0, 1]}, "depth"),
        ({"resolution": []}, "resolution"),
        ({"width": []}, "stage"),
        ({"width": [[4], [8, 8]]}, "stage 2"),
        ({"classes": 1}, "classes"),
    ],
)
def test_options_that_cannot_be_built_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(SpaceError, match=word):
        ElasticCnn(**options)


def test_modules_run_and_have_the_shapes_macs_and_parameters_of_their_workload() -> None:
    space = ElasticCnn()
    for design in space.decode(space.sample(np.random.default_rng(3), 20)):
        module, example = space.module(design)
        shapes: list[tuple[int, ...]] = []
        macs: list[int] = []

        def note(layer: torch.nn.Module, _inputs: object, out: torch.Tensor, macs=macs, shapes=shapes) -> None:  # type: ignore[no-untyped-def]
            shapes.append(tuple(out.shape[1:]))
            weight = layer.weight
            macs.append(weight[0].numel() * out[0].numel())

        for layer in module.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.register_forward_hook(note)
        with torch.inference_mode():
            logits = module(example)
        workload = space.workload(design)
        assert logits.shape == (1, 10)
        assert torch.isfinite(logits).all()
        assert not module.training
        assert [operator.output_shape for operator in workload.compute()] == shapes
        assert workload.macs == sum(macs)
        assert workload.params == sum(p.numel() for p in module.parameters())
        assert workload.has_graph


def test_a_module_is_the_same_every_time_and_draws_nothing_from_global_generators() -> None:
    space = ElasticCnn(**SMALL)
    design = space.corner(largest=True)
    before = torch.get_rng_state()
    (a, x), (b, y) = space.module(design), space.module(design)
    c, _ = space.module(design, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        assert torch.equal(x, y)
        assert torch.equal(a(x), b(y))
        assert not torch.equal(a(x), c(x))


def test_extracted_networks_equal_the_supernets_subnetworks_and_own_standard_layers_only() -> None:
    space = ElasticCnn()
    supernet = Supernet(space, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in [*supernet.scales, *supernet.shifts]:
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    standard = (torch.nn.Conv2d, torch.nn.ReLU, torch.nn.Linear, torch.nn.AdaptiveAvgPool2d, torch.nn.Flatten)
    for design in [space.corner(largest=True), *space.decode(space.sample(np.random.default_rng(0), 10))]:
        size = int(design["resolution"])
        images = torch.rand(64, 1, size, size, generator=generator)
        other = torch.rand(16, 1, size, size, generator=generator)
        statistics = supernet.calibrate(images, design)
        network = supernet.extract(design, statistics)
        with torch.inference_mode():
            torch.testing.assert_close(network(other), supernet(other, design, statistics), rtol=1e-5, atol=1e-5)
            # Statistics of a batch applied to that batch are training-mode normalisation.
            torch.testing.assert_close(network(images), supernet(images, design), rtol=1e-4, atol=1e-4)
        leaves = [m for m in network.modules() if not list(m.children())]
        assert all(isinstance(m, standard) for m in leaves)
        assert sum(p.numel() for p in network.parameters()) == space.workload(design).params


def test_subnetworks_share_their_weights() -> None:
    space = ElasticCnn(**SMALL)
    supernet = Supernet(space)
    small, large = space.corner(largest=False), space.corner(largest=True)
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    statistics = supernet.calibrate(images, small)
    before = supernet.extract(small, statistics).conv_blocks()[0].conv.weight.clone()
    supernet(torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(1)), large).sum().backward()
    with torch.no_grad():
        supernet.kernels[0].sub_(supernet.kernels[0].grad)
    after = supernet.extract(small, statistics).conv_blocks()[0].conv.weight
    assert (after != before).any()
    gain = torch.rsqrt(statistics[0][1] + 1e-5)
    expected = supernet.kernels[0][:2, :, 1:4, 1:4] * gain[:, None, None, None]
    torch.testing.assert_close(after, expected)


def test_the_space_itself_does_not_load_torch() -> None:
    code = (
        "import sys; from cosearch.spaces.elastic_cnn import ElasticCnn; s = ElasticCnn();"
        "s.workload(s.corner(largest=True)); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
