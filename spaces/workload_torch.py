"""Reads a workload from a PyTorch module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import WorkloadError
from .graph_reader import GraphReader, element_type
from .operators import Kind, Shape
from .workload import Workload

if TYPE_CHECKING:
    import torch

VIEWS = frozenset(
    {
        "view", "reshape", "flatten", "squeeze", "unsqueeze", "permute", "transpose", "t", "T", "contiguous", "clone",
        "dropout", "expand", "expand_as", "slice", "select", "split", "chunk", "unbind", "unflatten", "to", "detach",
        "alias", "numpy_T", "movedim", "type_as", "_to_copy", "split_with_sizes", "narrow", "lift_fresh_copy",
    }
)  # fmt: skip
"""ATen operators that only rename, reorder, select or recast elements of their first input."""

PRODUCTS: Mapping[str, tuple[str, str, str]] = {
    "linear": ("input", "weight", "bias"), "matmul": ("self", "other", ""), "mm": ("self", "mat2", ""),
    "bmm": ("self", "mat2", ""), "addmm": ("mat1", "mat2", "self"), "baddbmm": ("batch1", "batch2", ""),
}  # fmt: skip
"""Matrix products: names of the left operand, the right operand and the bias."""

CONVOLUTIONS = frozenset({"conv1d", "conv2d"})

UNREADABLE = ("conv", "einsum", "lstm", "gru", "rnn", "attention", "bilinear", "addmv", "dot", "mv")
"""Parts of names of operators with MACs that are refused, rather than counted as none."""

KINDS: Mapping[str, Kind] = {
    "max_pool1d": "pool", "max_pool2d": "pool", "avg_pool1d": "pool", "avg_pool2d": "pool", "mean": "pool",
    "adaptive_avg_pool1d": "pool", "adaptive_avg_pool2d": "pool", "adaptive_max_pool2d": "pool", "add": "add",
    "add_": "add", "sub": "add", "mul": "mul", "mul_": "mul", "div": "mul", "cat": "concat", "embedding": "embedding",
    "batch_norm": "norm", "layer_norm": "norm", "group_norm": "norm", "instance_norm": "norm", "rms_norm": "norm",
    "softmax": "softmax", "_softmax": "softmax", "log_softmax": "softmax", "relu": "activation", "relu_": "activation",
    "relu6": "activation", "hardtanh": "activation", "hardtanh_": "activation", "leaky_relu": "activation",
    "sigmoid": "activation", "hardsigmoid": "activation", "hardswish": "activation", "hardswish_": "activation",
    "silu": "activation", "silu_": "activation", "tanh": "activation", "gelu": "activation", "elu": "activation",
    "prelu": "activation",
}  # fmt: skip
"""Kinds of operators without MACs; what is not listed becomes ``other``."""


def workload_from_torch(
    module: torch.nn.Module, example_inputs: torch.Tensor | tuple[torch.Tensor, ...], name: str = ""
) -> Workload:
    """The operators of a module at batch 1, with its graph; the module is neither run, wrapped nor changed.

    ``torch.export`` traces it with tensors that have shapes but no values. A parameter that several operators share
    counts once; batch norm's running statistics are no parameters.

    Args:
        module: Any module that ``torch.export`` can trace.
        example_inputs: Its inputs, with batch 1.
        name: Name of the workload; by default the class of the module.

    Raises:
        WorkloadError: When the module cannot be traced, or an operator with MACs is not supported.
    """
    import torch

    inputs = (example_inputs,) if isinstance(example_inputs, torch.Tensor) else tuple(example_inputs)
    title = name or type(module).__name__
    try:
        program = torch.export.export(module, inputs)
    except Exception as error:  # tracing runs the user's own code
        remedy = "see that module(*example_inputs) runs and does not branch on values"
        raise WorkloadError(f"{title}: torch.export cannot trace it: {error}", remedy) from error
    reader = GraphReader(title)
    signature = program.graph_signature
    learned = {**signature.inputs_to_parameters}
    given = set(signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder":
            _placeholder(reader, node, learned.get(node.name), node.name in given)
        elif node.op == "call_function":
            _read(reader, node)
    return reader.workload()


def _placeholder(reader: GraphReader, node: torch.fx.Node, parameter: str | None, given: bool) -> None:
    value = node.meta["val"]
    if not hasattr(value, "shape"):
        reader.add_constant(node.name, ())
    elif parameter is not None:
        reader.add_parameter(node.name, tuple(value.shape))
    elif given:
        reader.add_input(node.name, tuple(value.shape))
        if value.dtype.is_floating_point:
            reader.dtype = element_type(str(value.dtype).removeprefix("torch."))
    else:
        reader.add_constant(node.name, tuple(value.shape))


def _read(reader: GraphReader, node: torch.fx.Node) -> None:
    operator = _operator_name(node)
    tensors = [source.name for source in node.all_input_nodes]
    shape = _shape(node)
    if operator == "getitem":
        reader.view(tensors[0], node.name, shape)
    elif all(map(reader.is_constant, tensors)):
        _constant(reader, operator, node.name, tensors, shape)
    elif operator in VIEWS:
        reader.view(tensors[0], node.name, shape)
    elif operator in CONVOLUTIONS:
        options = _arguments(node)
        weights = [options[key] for key in ("weight", "bias") if options.get(key)]
        stride, dilation = (_ints(options[key], len(shape) - 2) for key in ("stride", "dilation"))
        reader.conv(node.name, options["input"], node.name, shape, weights=weights, stride=stride, dilation=dilation)
    elif operator in PRODUCTS:
        options = _arguments(node)
        left, right, bias = PRODUCTS[operator]
        extra = [options[bias]] if bias and options.get(bias) else []
        reader.product(node.name, options[left], options[right], node.name, shape, bias=extra)
    elif operator == "scaled_dot_product_attention":
        _attention(reader, node, shape)
    else:
        _other(reader, operator, node.name, tensors, shape)


def _other(reader: GraphReader, operator: str, name: str, tensors: list[str], shape: Shape) -> None:
    if any(part in operator for part in UNREADABLE):
        raise WorkloadError(f"{reader.name}: operator aten.{operator} ({name!r}) cannot be read", "replace or split it")
    reader.other(name, KINDS.get(operator, "other"), tensors, name, shape, weights=tensors)


def _constant(reader: GraphReader, operator: str, name: str, tensors: list[str], shape: Shape) -> None:
    """Constants made of constants; a view of a parameter stays that parameter."""
    if operator in VIEWS and tensors:
        reader.view(tensors[0], name, shape)
    else:
        reader.add_constant(name, shape)


def _attention(reader: GraphReader, node: torch.fx.Node, shape: Shape) -> None:
    """Split fused attention into its two products and the softmax between them."""
    query, key, value = (source.name for source in node.all_input_nodes[:3])
    tokens = node.all_input_nodes[1].meta["val"].shape[-2]
    scores = (*shape[:-1], tokens)
    reader.product(f"{node.name}_qk", query, key, f"{node.name}_scores", scores)
    reader.other(f"{node.name}_softmax", "softmax", (f"{node.name}_scores",), f"{node.name}_weights", scores)
    reader.product(f"{node.name}_av", f"{node.name}_weights", value, node.name, shape)


def _schema(node: torch.fx.Node) -> Any:
    """Declaration of the operator that a node calls, None for plain functions."""
    return getattr(node.target, "_schema", None)


def _operator_name(node: torch.fx.Node) -> str:
    schema = _schema(node)
    return schema.name.split("::")[-1] if schema is not None else getattr(node.target, "__name__", str(node.target))


def _arguments(node: torch.fx.Node) -> dict[str, Any]:
    """Argument name to value, defaults included; tensors by name."""
    schema = _schema(node)
    values = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
    values |= {a.name: value for a, value in zip(schema.arguments, node.args, strict=False)} | node.kwargs
    return {key: getattr(value, "name", value) for key, value in values.items()}


def _shape(node: torch.fx.Node) -> Shape:
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        value = value[0]
    sizes = getattr(value, "shape", ())
    return tuple(int(size) for size in sizes)


def _ints(value: Any, rank: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    return values * rank if len(values) == 1 else values
