"""Workloads: counts by hand, liveness by hand, JSON, refusals."""

import pytest

from cosearch.spaces.errors import WorkloadError
from cosearch.spaces.workload import Operator, Workload

CONV = Operator("c", "conv", ((3, 16, 16),), (8, 8, 8), (3, 3), (2, 2), params=8 * 27 + 8, inputs=(-1,))


def test_counts_of_a_convolution_by_hand():
    assert CONV.depth == 27
    assert CONV.macs == 8 * 8 * 8 * 27
    assert CONV.weight_bytes == 4 * 224
    assert (CONV.input_bytes, CONV.output_bytes) == (4 * 768, 4 * 512)
    assert CONV.arithmetic_intensity == pytest.approx(13824 / (4 * (224 + 768 + 512)))


@pytest.mark.parametrize(
    ("kind", "groups", "macs"),
    [("dwconv", 8, 6 * 6 * 8 * 9), ("groupconv", 2, 6 * 6 * 8 * 4 * 9), ("conv", 1, 6 * 6 * 64 * 9)],
)
def test_groups_divide_the_work(kind, groups, macs):
    assert Operator("g", kind, ((8, 6, 6),), (8, 6, 6), (3, 3), groups=groups).macs == macs


def test_matmul_counts_both_inputs():
    heads = Operator("qk", "matmul", ((4, 7, 5), (4, 5, 9)), (4, 7, 9), groups=4)
    assert heads.macs == 4 * 7 * 5 * 9
    assert heads.input_elements == 4 * 7 * 5 + 4 * 5 * 9


def test_odd_bit_widths_round_up_to_bytes():
    assert Operator("a", "add", ((3,), (3,)), (3,), dtype="int4").output_bytes == 2


def _branching() -> Workload:
    """Input 4; a: 10 from input; b: 6 from a; c: 10 = a + b's widening; int8, so elements are bytes."""
    return Workload(
        "branching",
        (
            Operator("a", "gemm", ((4,),), (10,), dtype="int8", inputs=(-1,)),
            Operator("b", "gemm", ((10,),), (6,), dtype="int8", inputs=(0,)),
            Operator("b_act", "activation", ((6,),), (6,), dtype="int8", inputs=(1,)),
            Operator("w", "gemm", ((6,),), (10,), dtype="int8", inputs=(2,)),
            Operator("sum", "add", ((10,), (10,)), (10,), dtype="int8", inputs=(0, 3)),
        ),
    )


def test_liveness_by_hand():
    workload = _branching()
    assert workload.live_activation_bytes(in_place=False).tolist() == [14, 16, 22, 26, 30]
    assert workload.live_activation_bytes().tolist() == [14, 16, 16, 26, 30]
    assert workload.peak_activation_bytes() == 30


def test_an_activation_does_not_overwrite_what_is_read_later():
    operators = list(_branching().operators)
    operators[4] = Operator("sum", "add", ((6,), (6,)), (6,), dtype="int8", inputs=(1, 2))
    live = Workload("reread", tuple(operators)).live_activation_bytes()
    assert live[2] == 12


def test_liveness_needs_the_graph():
    with pytest.raises(WorkloadError, match="without edges"):
        Workload("flat", (Operator("a", "gemm", ((4,),), (10,)),)).peak_activation_bytes()


def test_json_round_trip_and_totals():
    workload = _branching()
    again = Workload.from_json(workload.to_json())
    assert again == workload
    assert again.macs == 40 + 60 + 60
    table = again.table()
    assert table["macs"].tolist() == [40, 60, 0, 60, 0]
    assert table["kind"].tolist() == ["gemm", "gemm", "activation", "gemm", "add"]
    assert again.activation_bytes == 42
    assert len(again.compute()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "no list"),
        ('{"operators": []}', "no operators"),
        ('{"operators": [{"name": "x", "kind": "conv"}]}', "output_shape"),
        ('{"operators": [{"name": "x", "kind": "magic", "input_shapes": [[1]], "output_shape": [1]}]}', "magic"),
    ],
)
def test_damaged_json_is_refused(text, message):
    with pytest.raises(WorkloadError, match=message):
        Workload.from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "int7"}, "int7"),
        ({"groups": 2}, "groups 2"),
        ({"output_shape": (8, 0, 8)}, "1 or more"),
        ({"inputs": (-1, -1)}, "2 producers"),
        ({"stride": (0, 1)}, "below 1"),
    ],
)
def test_contradicting_fields_are_refused(change, message):
    with pytest.raises(WorkloadError, match=message):
        Operator.from_spec(CONV.spec() | change)


def test_order_and_names_are_checked():
    with pytest.raises(WorkloadError, match="topological"):
        Workload("loop", (Operator("a", "gemm", ((4,),), (4,), inputs=(0,)),))
    with pytest.raises(WorkloadError, match="repeats"):
        Workload("twins", (CONV, CONV))
