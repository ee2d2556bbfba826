"""The roofline of networks on shipped devices, by hand on small cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.roofline import Roofline
from cosearch.hw_targets.roofline_device import FOLDER, read_device, shipped_devices
from cosearch.spaces.design import Designs
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.hat import Hat
from cosearch.spaces.nas_bench_201 import NasBench201
from cosearch.spaces.operators import Operator
from cosearch.spaces.space import Space
from cosearch.spaces.workload import Workload

PLAIN = {
    "peak_gmacs": 1.0, "bandwidth_gbps": 1.0, "on_chip_kib": 0, "on_chip_gbps": 10.0, "launch_us": 3.0,
    "saturating_outputs": 1, "element_bytes": 2, "pj_per_mac": 5.0, "pj_per_dram_byte": 7.0, "pj_per_on_chip_byte": 0.5,
    "static_w": 2.0, "efficiency": {"conv": 0.5, "dwconv": 0.5, "groupconv": 0.5, "gemm": 1.0, "matmul": 1.0},
    "fused": ["activation"],
}  # fmt: skip
"""A device for mental arithmetic: 1e9 MACs and bytes per second."""


class OneProduct(Space):
    """A product of ``rows`` inputs of 10,000 features with 20 outputs, and an activation."""

    def __init__(self) -> None:
        super().__init__({"rows": [1, 1000]}, name="one_product")

    def workload(self, design: dict[str, int]) -> Workload:
        rows = design["rows"]
        product = Operator("fc", "gemm", ((rows, 10_000),), (rows, 20), params=200_000)
        return Workload("one", (product, Operator("relu", "activation", ((rows, 20),), (rows, 20))))


def score(target: Roofline, designs: Designs) -> tuple[np.ndarray, np.ndarray]:
    values = target.evaluate(designs, np.zeros(len(designs), np.uint64)).values
    return values["latency_ms"], values["energy_mj"]


def everything(space: Space) -> Designs:
    codes = space.enumerate()
    assert codes is not None
    return space.designs(codes)


@pytest.mark.parametrize("device", ["server_gpu", "microcontroller"])
def test_the_target_keeps_the_contract(device: str) -> None:
    check_target(lambda space: Roofline(space, device, batch=2), ElasticCnn())


def test_the_bound_is_memory_or_compute() -> None:
    latency, energy = score(Roofline(OneProduct(), **PLAIN), everything(OneProduct()))
    one_bytes = 2 * (10_000 + 20 + 200_000)
    many_bytes = 2 * (10_000_000 + 20_000 + 200_000)
    # One row moves more bytes than it does MACs (2e5); a thousand rows do 2e8 MACs and move 2e7 bytes.
    np.testing.assert_allclose(latency, [one_bytes / 1e6 + 0.003, 200.0 + 0.003])
    dynamic = np.array([2e5 * 5 + 7 * one_bytes, 2e8 * 5 + 7 * many_bytes]) * 1e-9
    np.testing.assert_allclose(energy, dynamic + 2.0 * latency)


def test_weights_and_tensors_that_fit_stay_on_chip() -> None:
    space = OneProduct()
    device = PLAIN | {"peak_gmacs": 1e6}
    tensors, weights = 2 * 10_020, 2 * 200_000
    latency, _ = score(Roofline(space, **device | {"on_chip_kib": 1000}), everything(space))
    # A thousand rows are too many: they come from DRAM, which takes longer than the weights on chip.
    np.testing.assert_allclose(latency, [(tensors + weights) / 1e7 + 0.003, 1000 * tensors / 1e6 + 0.003])
    # Here only the tensors could stay, but the operator's weights, 390 KiB, push them out.
    latency, _ = score(Roofline(space, **device | {"on_chip_kib": 100}), everything(space))
    np.testing.assert_allclose(latency[0], (tensors + weights) / 1e6 + 0.003)


def test_a_batch_reads_weights_once() -> None:
    space = OneProduct()
    one, _ = score(Roofline(space, batch=1, **PLAIN), everything(space)[:1])
    ten, _ = score(Roofline(space, batch=10, **PLAIN), everything(space)[:1])
    np.testing.assert_allclose(one, 2 * 210_020 / 1e6 + 0.003)
    np.testing.assert_allclose(ten, 2.0 + 0.003)


def test_small_operators_leave_units_idle() -> None:
    space = OneProduct()
    changed = PLAIN | {"saturating_outputs": 20 * 32 * 4, "bandwidth_gbps": 1e6}
    latency, _ = score(Roofline(space, **changed), everything(space))
    np.testing.assert_allclose(latency, [4 * 0.2 + 0.003, 200.003])


def test_operators_that_are_not_fused_are_launched() -> None:
    space = OneProduct()
    fused, _ = score(Roofline(space, **PLAIN), everything(space)[:1])
    apart, _ = score(Roofline(space, **PLAIN | {"fused": []}), everything(space)[:1])
    np.testing.assert_allclose(apart - fused, 0.003 + 2 * 40 / 1e6)


def test_embedding_tables_are_not_read_whole() -> None:
    small, large = (Hat(vocabulary=n) for n in (1000, 1001))
    codes = small.sample(np.random.default_rng(0), 1)
    device = PLAIN | {"launch_us": 0, "peak_gmacs": 1e9}
    latency = [score(Roofline(space, **device), space.designs(codes))[0][0] for space in (small, large)]
    width = int(small.decode(codes)[0]["decoder_embedding"])
    # One more word: a row of the output's weights and one output for each of 30 positions.
    np.testing.assert_allclose(latency[1] - latency[0], 2 * (width + 30) / 1e6)


def test_every_shipped_device_is_read_and_orders_extremes() -> None:
    space = NasBench201()
    designs = space.designs(space.codes_of([f"|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|" for op in
                                            ("skip_connect", "nor_conv_3x3")]))  # fmt: skip
    assert len(shipped_devices()) >= 8
    for name in shipped_devices():
        latency, energy = score(Roofline(space, name), designs)
        assert 0 < latency[0] < latency[1] < 10_000, name
        assert 0 < energy[0] < energy[1], name
        fields = json.loads((FOLDER / f"{name}.json").read_text())["fields"]
        assert all(field["source"] for field in fields.values()), name


def test_wrong_devices_are_refused(tmp_path: Path) -> None:
    for changes, message in (
        ({"peak_gmac": 1}, "unknown field 'peak_gmac'"),
        ({"peak_gmacs": 0}, "peak_gmacs is 0"),
        ({"static_w": float("nan")}, "static_w is nan"),
        ({"efficiency": {"conv": 1.0}}, "efficiency is"),
        ({"efficiency": PLAIN["efficiency"] | {"gemm": 2}}, "efficiency of gemm is 2"),
        ({"fused": ["conv"]}, r"fused holds \['conv'\]"),
        ({"fused": "norm"}, "fused is 'norm'"),
    ):
        with pytest.raises(TargetError, match=message):
            read_device("server_gpu", changes)
    for text, message in (("{", "cannot be read"), ("[]", "no object 'fields'"), ('{"fields": {}}', "is missing")):
        path = tmp_path / "device.json"
        path.write_text(text)
        with pytest.raises(TargetError, match=message):
            read_device(str(path), {})
    with pytest.raises(TargetError, match=r"'abacus' does not exist: use one of desktop_cpu|does not exist"):
        Roofline(ElasticCnn(), "abacus")
    with pytest.raises(TargetError, match="gives no workloads"):
        Roofline(Space({"x": [1, 2]}))
    with pytest.raises(TargetError, match="batch is 0"):
        Roofline(ElasticCnn(), batch=0)
