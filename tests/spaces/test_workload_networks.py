"""Named networks: published MACs and parameters, and a reference table layer by layer."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from cosearch.hw_targets.systolic.lowering import lower
from cosearch.spaces.errors import CosearchError, WorkloadError
from cosearch.spaces.networks.builder import make_divisible
from cosearch.spaces.networks.catalog import NETWORKS, network
from cosearch.spaces.workload import Workload

# MACs: the papers, in millions, with the relative slack of their rounding. Parameters: exact counts of the published
# PyTorch models (torchvision; DeiT; bert-base-uncased with pooler; MobileNetV1 as in the paper, 4.2 M).
PUBLISHED = {
    "resnet18": (1814, 0.01, 11_689_512),
    "resnet50": (4090, 0.01, 25_557_032),
    "mobilenet_v1": (569, 0.005, 4_231_976),
    "mobilenet_v2": (300, 0.01, 3_504_872),
    "mobilenet_v3_small": (56, 0.02, 2_542_856),
    "vit_tiny": (1258, 0.01, 5_717_416),
    "vit_small": (4608, 0.01, 22_050_664),
    "bert_base": (11_174, 0.001, 109_482_240),
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_counts(name):
    macs, slack, params = PUBLISHED[name]
    workload = network(name)
    assert workload.macs / 1e6 == pytest.approx(macs, rel=slack)
    assert workload.params == params


def test_every_network_has_a_graph_and_survives_json():
    assert {row[0] for row in NETWORKS.rows()} >= set(PUBLISHED)
    for name in PUBLISHED:
        workload = network(name)
        assert workload.has_graph
        assert Workload.from_json(workload.to_json()) == workload


def test_peak_memory_of_mobilenet_v2_by_hand():
    """The first strided depthwise layer: its 96 channels at 112x112 and at 56x56 are alive together, a byte each."""
    assert network("mobilenet_v2", dtype="int8").peak_activation_bytes() == 96 * (112 * 112 + 56 * 56)


def test_options():
    assert network("mobilenet_v2", resolution=96).macs < network("mobilenet_v2").macs / 5
    assert network("mobilenet_v2", width=0.5).params == pytest.approx(1.95e6, rel=0.02)
    assert network("mobilenet_v1", group_size=8).macs / 1e6 == pytest.approx(690, rel=0.001)
    assert network("resnet18", dtype="int8").weight_bytes == 11_689_512
    assert network("bert_base", tokens=16, depth=2).macs < network("bert_base", depth=2).macs / 7
    assert (make_divisible(24 * 0.5), make_divisible(32 * 0.35), make_divisible(3)) == (16, 16, 8)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mobilenet_v9", {}, "mobilenet_v"),
        ("resnet18", {"widht": 2}, "widht"),
        ("vit_tiny", {"resolution": 100}, "multiple"),
        ("bert_base", {"heads": 7}, "divide"),
        ("mobilenet_v1", {"group_size": 7}, "divide"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(CosearchError, match=message):
        network(name, **options)


def test_too_small_an_image_is_refused():
    with pytest.raises(WorkloadError, match="larger resolution"):
        network("resnet18", resolution=0)


@pytest.mark.parametrize(
    ("table", "name", "options"),
    [(name, name, {}) for name in sorted(PUBLISHED) if name != "bert_base"]
    + [("bert_base_t128", "bert_base", {"tokens": 128}), ("mobilenet_v1_draco_g8", "mobilenet_v1", {"group_size": 8})],
)
def test_layers_equal_the_reference_table(table, name, options):
    data = os.environ.get("COSEARCH_DATA")
    if not data:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with systolic/workloads.csv")
    expected: Counter[tuple[int, ...]] = Counter()
    keys = ("ifmap_h", "ifmap_w", "filt_h", "filt_w", "channels", "num_filters", "stride", "M", "K", "N")
    with (Path(data) / "systolic" / "workloads.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["network"] == table:
                expected[tuple(int(row[key]) for key in keys)] += int(row["repeat"])
    assert expected
    layers = lower(network(name, **options))
    found = {
        (*e.ifmap, *e.window, e.channels, e.filters, e.stride[0], m, k, n): e.count
        for e, m, k, n in zip(layers.entries, layers.m.tolist(), layers.k.tolist(), layers.n.tolist(), strict=True)
    }
    assert found == dict(expected)
