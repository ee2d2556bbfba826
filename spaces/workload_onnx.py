"""Reads a workload from an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import WorkloadError
from .graph_reader import GraphReader, element_type
from .operators import Kind, Shape
from .workload import Workload

if TYPE_CHECKING:
    import onnx

VIEWS = frozenset(
    {
        "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Dropout", "Cast", "Slice", "Split",
        "Expand", "QuantizeLinear", "DequantizeLinear",
    }
)  # fmt: skip
"""Operators that only rename, reorder, select or recast elements of their first input."""

UNREADABLE = frozenset(
    {
        "ConvTranspose", "ConvInteger", "QLinearConv", "QLinearMatMul", "MatMulInteger", "Einsum", "Attention",
        "MultiHeadAttention", "LSTM", "GRU", "RNN", "DeformConv", "If", "Loop", "Scan",
    }
)  # fmt: skip
"""Operators with MACs that are refused, rather than counted as none."""

KINDS: Mapping[str, Kind] = {
    "MaxPool": "pool", "AveragePool": "pool", "GlobalAveragePool": "pool", "GlobalMaxPool": "pool",
    "ReduceMean": "pool", "Add": "add", "Sub": "add", "Sum": "add", "Mul": "mul", "Div": "mul",
    "Concat": "concat", "Gather": "embedding",
    "BatchNormalization": "norm", "LayerNormalization": "norm", "InstanceNormalization": "norm",
    "GroupNormalization": "norm", "Softmax": "softmax", "LogSoftmax": "softmax", "Relu": "activation",
    "Clip": "activation", "LeakyRelu": "activation", "Sigmoid": "activation", "HardSigmoid": "activation",
    "HardSwish": "activation", "Tanh": "activation", "Gelu": "activation", "Elu": "activation", "PRelu": "activation",
    "Erf": "activation",
}  # fmt: skip
"""Kinds of operators without MACs; what is not listed becomes ``other``."""


def workload_from_onnx(model: str | Path | onnx.ModelProto, name: str = "") -> Workload:
    """The operators of an ONNX model at batch 1, with its graph; the model is not changed.

    Shapes come from ONNX shape inference; a symbolic first dimension of an input is taken as batch 1. Weights are not
    read, only their shapes, so external data may be missing. Those with more than one number are parameters, except
    batch norm's running statistics; exporters that fold batch norm into convolutions or share equal weights change the
    count.

    Args:
        model: Path of an ONNX file, or a loaded model.
        name: Name of the workload; by default the file's or graph's.

    Raises:
        WorkloadError: When the file cannot be read, a shape stays unknown, or an operator with MACs is not supported.
    """
    import onnx

    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        title = name or model.graph.name or "onnx"
    else:
        copy, title = _load(Path(model)), name or Path(model).stem
    _fix_batch(copy.graph)
    graph = onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
    reader = GraphReader(title)
    weights = {tensor.name for tensor in graph.initializer}
    for tensor in graph.initializer:
        # Whole numbers are indices and shapes, single numbers are factors of the arithmetic.
        learned = tensor.data_type not in (onnx.TensorProto.INT64, onnx.TensorProto.INT32) and np.prod(tensor.dims) > 1
        (reader.add_parameter if learned else reader.add_constant)(tensor.name, tuple(tensor.dims))
    values = [*graph.input, *graph.value_info, *graph.output]
    shapes = {value.name: _shape(value) for value in values}
    for value in graph.input:
        if value.name not in weights:
            reader.add_input(value.name, _known(reader, shapes, value.name))
            kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
            reader.dtype = element_type({"float": "float32", "double": "float64"}.get(kind, kind))
    if reader.dtype in ("int64", "int32"):  # token numbers, not the type that the network computes in
        reader.dtype = "float32"
    for node in graph.node:
        _read(reader, node, shapes)
    return reader.workload()


def _load(path: Path) -> onnx.ModelProto:
    import onnx

    if not path.is_file():
        raise WorkloadError(f"ONNX file {path} does not exist", "correct the path")
    try:
        return onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf raises its own types for damaged files
        raise WorkloadError(f"{path} is not an ONNX model: {error}", "export it again") from error


def _fix_batch(graph: onnx.GraphProto) -> None:
    """Make a symbolic first dimension 1 and forget the shapes that were inferred with it."""
    symbolic = False
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
            symbolic = True
    if symbolic:
        del graph.value_info[:]
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape") or any(not dim.HasField("dim_value") for dim in kind.shape.dim):
        return None
    return tuple(dim.dim_value for dim in kind.shape.dim)


def _known(reader: GraphReader, shapes: Mapping[str, Shape | None], tensor: str) -> Shape:
    shape = shapes.get(tensor)
    if shape is None:
        remedy = "export it with fixed input shapes and batch 1"
        raise WorkloadError(f"{reader.name}: the shape of tensor {tensor!r} is unknown", remedy)
    return shape


def _read(reader: GraphReader, node: onnx.NodeProto, shapes: Mapping[str, Shape | None]) -> None:
    operator = node.op_type
    inputs = [tensor for tensor in node.input if tensor]
    if operator in UNREADABLE:
        raise WorkloadError(f"{reader.name}: operator {operator} ({node.name!r}) cannot be read", "replace or split it")
    if operator in ("Constant", "Shape", "ConstantOfShape") or all(map(reader.is_constant, inputs)):
        _constant(reader, node, inputs, shapes)
        return
    outputs = [tensor for tensor in node.output if tensor]
    if operator in VIEWS or (operator == "Gather" and not reader.is_constant(inputs[0])):
        for tensor in outputs:
            if shapes.get(tensor) is not None:
                reader.view(inputs[0], tensor, _known(reader, shapes, tensor))
        return
    out, name = outputs[0], node.name or operator
    shape = _known(reader, shapes, out)
    if operator == "Conv":
        rank = len(shape) - 2
        stride, dilation = (_ints(node, key, (1,) * rank) for key in ("strides", "dilations"))
        reader.conv(name, inputs[0], out, shape, weights=inputs[1:], stride=stride, dilation=dilation)
    elif operator in ("Gemm", "MatMul"):
        reader.product(name, inputs[0], inputs[1], out, shape, bias=inputs[2:])
    elif not (operator == "Add" and _is_bias(reader, inputs, out, shape)):
        kind = KINDS.get(operator, "other")
        weights = inputs[1:3] if kind == "norm" else inputs
        reader.other(name, kind, inputs, out, shape, weights=weights)


def _constant(reader: GraphReader, node: onnx.NodeProto, inputs: list[str], shapes: Mapping[str, Shape | None]) -> None:
    """Constants made of constants; a view of a parameter stays that parameter."""
    for tensor in node.output:
        shape = shapes.get(tensor) or ()
        if node.op_type in VIEWS:
            reader.view(inputs[0], tensor, shape)
        else:
            reader.add_constant(tensor, shape)


def _is_bias(reader: GraphReader, inputs: list[str], out: str, shape: Shape) -> bool:
    constant = [tensor for tensor in inputs if reader.is_constant(tensor)]
    if len(constant) != 1:
        return False
    x = inputs[1] if inputs[0] == constant[0] else inputs[0]
    return reader.add_bias(x, constant[0], out, shape)


def _ints(node: onnx.NodeProto, name: str, default: Shape) -> tuple[int, ...]:
    found: list[Any] = [attribute.ints for attribute in node.attribute if attribute.name == name]
    return tuple(found[0]) if found else default
