"""Readers of PyTorch modules and ONNX models: equal to each other and to counts by hand."""

import logging
import warnings
from typing import ClassVar

import pytest

from cosearch.spaces.errors import WorkloadError
from cosearch.spaces.workload import Workload
from cosearch.spaces.workload_onnx import workload_from_onnx
from cosearch.spaces.workload_torch import workload_from_torch

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
nn, functional = torch.nn, torch.nn.functional


class Cnn(nn.Module):
    SHAPE: ClassVar = (1, 3, 16, 16)
    MACS: ClassVar = [8 * 8 * 8 * 27, 8 * 10]

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.pool(torch.relu(self.norm(self.conv(x)))).flatten(1))


class Residual(nn.Module):
    """A skip around a depthwise convolution, then groups with dilation."""

    SHAPE: ClassVar = (1, 4, 10, 10)
    MACS: ClassVar = [4 * 100 * 36, 4 * 100 * 9, 8 * 100 * 18]

    def __init__(self):
        super().__init__()
        self.full = nn.Conv2d(4, 4, 3, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.grouped = nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2)

    def forward(self, x):
        return self.grouped(x + self.depthwise(torch.relu(self.full(x))))


class Attention(nn.Module):
    """Four heads of width 4 over 7 tokens."""

    SHAPE: ClassVar = (1, 7, 16)
    MACS: ClassVar = [7 * 16 * 48, 4 * 7 * 4 * 7, 4 * 7 * 7 * 4, 7 * 16 * 16]

    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x):
        q, k, v = (t.unflatten(-1, (4, 4)).transpose(1, 2) for t in self.qkv(self.norm(x)).chunk(3, -1))
        return x + self.out(self.attend(q, k, v).transpose(1, 2).flatten(-2))

    def attend(self, q, k, v):
        return ((q @ k.transpose(-1, -2)) / 2.0).softmax(-1) @ v


class FusedAttention(Attention):
    def attend(self, q, k, v):
        return functional.scaled_dot_product_attention(q, k, v)


class OneDimensional(nn.Module):
    SHAPE: ClassVar = (1, 4, 21)
    MACS: ClassVar = [6 * 9 * 20]

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 5, stride=2)

    def forward(self, x):
        return self.conv(x)


MODELS = [Cnn, Residual, Attention, FusedAttention, OneDimensional]


def _made(factory):
    torch.manual_seed(0)
    module = factory().eval()
    for parameter in module.parameters():  # equal initial values would be shared by the exporter
        nn.init.normal_(parameter)
    return module


def _export(module, shape) -> "onnx.ModelProto":
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return torch.onnx.export(module, (torch.zeros(shape),), dynamo=True, verbose=False).model_proto


def _products(workload: Workload):
    return [
        (o.kind, o.input_shapes, o.output_shape, o.kernel, o.stride, o.dilation, o.groups) for o in workload.compute()
    ]


@pytest.mark.parametrize("factory", MODELS)
def test_torch_counts_by_hand(factory):
    module = _made(factory)
    workload = workload_from_torch(module, torch.zeros(factory.SHAPE))
    assert [o.macs for o in workload.compute()] == factory.MACS
    assert workload.params == sum(p.numel() for p in module.parameters())
    assert workload.has_graph
    assert Workload.from_json(workload.to_json()) == workload


@pytest.mark.parametrize("factory", [Cnn, Residual, FusedAttention, OneDimensional])
def test_onnx_and_torch_agree(factory):
    module = _made(factory)
    traced = workload_from_torch(module, torch.zeros(factory.SHAPE))
    read = workload_from_onnx(_export(module, factory.SHAPE))
    assert _products(read) == _products(traced)
    if factory is not Cnn:  # there the exporter folds batch norm's scale into the weights
        assert read.params == traced.params
        assert read.has_graph


def test_the_module_is_left_as_it_was():
    module = _made(Cnn).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules()]
    workload_from_torch(module, torch.zeros(Cnn.SHAPE))
    assert module.training
    assert [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules()] == hooks
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_residual_graph_and_memory_by_hand():
    workload = workload_from_torch(_made(Residual), torch.zeros(Residual.SHAPE))
    assert [o.inputs for o in workload.operators] == [(-1,), (0,), (1,), (-1, 2), (3,)]
    # Depthwise, then the sum: input, one operand and the result of 400 floats each.
    assert workload.peak_activation_bytes() == 4 * 3 * 400


def test_a_shared_parameter_counts_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(11, 6)

        def forward(self, tokens):
            return functional.linear(self.table(tokens), self.table.weight)

    workload = workload_from_torch(Tied(), torch.zeros((1, 5), dtype=torch.int64))
    assert workload.params == 66
    assert workload.macs == 5 * 6 * 11


def test_onnx_file_with_symbolic_batch(tmp_path):
    model = _export(_made(Residual), Residual.SHAPE)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    path = tmp_path / "residual.onnx"
    onnx.save(model, path)
    workload = workload_from_onnx(path)
    assert workload.name == "residual"
    assert [o.macs for o in workload.compute()] == Residual.MACS
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(WorkloadError, match="transpose"):
        workload_from_torch(nn.ConvTranspose2d(2, 2, 3), torch.zeros(1, 2, 5, 5))
    with pytest.raises(WorkloadError, match="cannot trace"):
        workload_from_torch(_made(Cnn), torch.zeros(1, 5, 16, 16))
    with pytest.raises(WorkloadError, match="batch 1"):
        workload_from_torch(_made(Residual), torch.zeros(2, 4, 10, 10))
    with pytest.raises(WorkloadError, match="does not exist"):
        workload_from_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(WorkloadError, match="not an ONNX model"):
        workload_from_onnx(tmp_path / "text.onnx")
