"""The published network spaces: their contract, counts against published figures, modules against workloads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cosearch.spaces.catalog import SPACES
from cosearch.spaces.check_space import check_space
from cosearch.spaces.errors import DesignError, SpaceError
from cosearch.spaces.fbnet import FBNet
from cosearch.spaces.hat import Hat
from cosearch.spaces.nas_bench_201 import NasBench201
from cosearch.spaces.once_for_all import OnceForAll

NAMES = ("nas_bench_201", "fbnet", "once_for_all", "hat")


def reference(name: str) -> dict[str, np.ndarray]:
    """Arrays of a file of the reference data."""
    root = os.environ.get("COSEARCH_DATA")
    if root is None:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder that holds " + name)
    with np.load(Path(root) / name, allow_pickle=False) as data:
        return dict(data)


@pytest.mark.parametrize("name", NAMES)
def test_spaces_keep_the_contract(name: str) -> None:
    check_space(SPACES.get(name), n=64)


@pytest.mark.parametrize("name", NAMES)
def test_workloads_are_graphs_that_use_every_operator(name: str) -> None:
    space = SPACES.get(name)()
    for design in space.decode(space.sample(np.random.default_rng(3), 5)):
        workload = space.workload(design)
        assert workload.has_graph
        for operator in workload.operators:
            shapes = [workload.operators[i].output_shape for i in operator.inputs if i >= 0]
            if operator.kind not in ("matmul", "other"):
                read = operator.input_shapes if operator.inputs[0] >= 0 else ()
                assert list(read) == shapes, operator.name


def test_sizes_are_those_of_the_papers() -> None:
    assert NasBench201().size() == 15_625
    assert FBNet().size() == 9**22
    per_stage = sum(9**depth for depth in (2, 3, 4))
    assert OnceForAll().size() == 25 * per_stage**5
    layers = sum((3 * 2 * 2 * 3) ** n for n in range(1, 7))
    assert Hat().size() == 2 * (3 * 2) ** 6 * 2 * layers


def test_nas_bench_201_architectures_are_read_and_written() -> None:
    space = NasBench201()
    codes = space.enumerate()
    assert codes is not None
    texts = [space.architecture(design) for design in space.decode(codes[::97])]
    assert np.array_equal(space.codes_of(texts), codes[::97])
    assert texts[0] == "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    for bad in ("", "|none~0|", texts[0].replace("none~2", "none~1"), texts[0].replace("none", "conv_9x9", 1)):
        with pytest.raises(DesignError, match="no NAS-Bench-201 architecture"):
            space.codes_of([bad])


def test_nas_bench_201_counts_are_published_ones() -> None:
    """Published for the cell of five 3x3 convolutions and a skip connection: 116.69 MFLOPs with norms, 0.802 M."""
    space = NasBench201()
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    workload = space.workload(space.decode(space.codes_of([text]))[0])
    assert workload.params == 802_426
    assert workload.macs < 116_692_673 < 1.03 * workload.macs


def test_nas_bench_201_parameters_equal_the_table() -> None:
    ops = reference("latency/nb201_arch.npz")["ops"].astype(np.int64)
    published = reference("nasbench201/nb201_accuracy.npz")["cifar10_mparams"]
    space = NasBench201()
    rows = np.arange(0, 15_625, 1_500)
    counted = [space.workload(design).params / 1e6 for design in space.decode(ops[rows])]
    np.testing.assert_allclose(counted, published[rows], rtol=1e-6)


def test_once_for_all_counts_equal_recorded_ones() -> None:
    data = reference("ofa_mbv3_dynast/ofa_mbv3_dynast.npz")
    space = OnceForAll()
    for row in range(0, len(data["macs"]), 500):
        design: dict[str, int] = {"resolution": 224}
        for stage, depth in enumerate(data["d"][row].tolist()):
            design[f"stage{stage + 1}_depth"] = depth
            for block in range(depth):
                name = f"stage{stage + 1}_block{block + 1}"
                design[f"{name}_kernel"] = int(data["ks"][row, 4 * stage + block])
                design[f"{name}_expand"] = int(data["e"][row, 4 * stage + block])
        workload = space.workload(design)
        assert (workload.macs, workload.params) == (data["macs"][row], data["params"][row])


FBNET_C = (
    "k3_e1 k3_e6 skip k3_e1 k3_e1 k5_e6 k5_e3 k5_e6 k3_e6 k5_e6 k5_e3 "
    "k5_e6 k5_e6 k5_e6 k5_e6 k5_e6 k5_e3 k5_e6 k5_e6 k5_e6 k5_e6 k3_e6"
)
"""Wu et al. 2019, Figure 4."""


def test_fbnet_c_counts_are_published_ones() -> None:
    """Wu et al. 2019, Table 3: 375 M multiply-accumulates, 5.5 M parameters."""
    space = FBNet()
    workload = space.workload(dict(zip(space.names, FBNET_C.split(), strict=True)))
    assert workload.macs == pytest.approx(375e6, rel=0.03)
    assert workload.params == pytest.approx(5.5e6, rel=0.03)


@pytest.mark.parametrize(
    ("space", "norm_macs"),
    [
        (NasBench201(resolution=8), 64 * 2 * 2),
        (FBNet(resolution=32, classes=10), 0),
        (FBNet(resolution=16, classes=10, small_images=True), 0),
    ],
)
def test_modules_multiply_as_often_as_workloads_say(space: NasBench201 | FBNet, norm_macs: int) -> None:
    import torch

    for design in space.decode(space.sample(np.random.default_rng(1), 3)):
        module, example = space.module(design)
        counted = 0

        def count(layer: torch.nn.Module, _read: object, written: torch.Tensor) -> None:
            nonlocal counted
            counted += written.numel() * layer.weight[0].numel()

        for layer in module.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.register_forward_hook(count)
        with torch.inference_mode():
            logits = module(example)
        assert logits.shape == (1, space.classes)
        assert torch.isfinite(logits).all()
        assert counted == space.workload(design).macs + norm_macs


def test_modules_depend_on_their_seed_only() -> None:
    import torch

    space = NasBench201(resolution=8, cells=1)
    design = space.decode(space.sample(np.random.default_rng(2), 1))[0]
    outputs = []
    for noise, seed in ((1, 0), (2, 0), (3, 1)):
        torch.manual_seed(noise)
        module, example = space.module(design, seed)
        outputs.append(module(example).detach())
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_skipped_block_costs_nothing_unless_the_shape_changes() -> None:
    space = FBNet()
    names = [operator.name for operator in space.workload(dict.fromkeys(space.names, "skip")).operators]
    changed = [name for name in names if name.endswith("_skip")]
    assert changed == [f"block_{i}_skip" for i in (2, 6, 10, 14, 18, 22)]


def test_hat_attends_to_as_many_encoder_layers_as_asked() -> None:
    space = Hat(source_tokens=7)
    design = dict(space.decode(space.sample(np.random.default_rng(0), 1))[0])
    design |= {"decoder_layer1_cross_layers": 3, "encoder_embedding": 640}
    operators = {operator.name: operator for operator in space.workload(design).operators}
    assert operators["decoder_layer1_concat"].output_shape == (21, 640)
    assert operators["decoder_layer1_cross_k"].output_shape == (21, 512)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NasBench201(resolution=30), "multiple of 4"),
        (lambda: FBNet(classes=0), "1 or more"),
        (lambda: OnceForAll(width=0), "positive"),
        (lambda: Hat(heads=(3,)), "divide 512"),
    ],
)
def test_wrong_options_are_refused(make: object, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        make()  # type: ignore[operator]
