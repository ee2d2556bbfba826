"""ONNX files of plain sub-networks, checked against PyTorch before they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..spaces.errors import TargetError

if TYPE_CHECKING:
    import torch

    from ..spaces.elastic_cnn_torch import SubNetwork

OPSET = 17
IR_VERSION = 8
"""Opset and format version of ONNX 1.12 (2022), old enough for embedded runtimes."""

TOLERANCE = 1e-4
"""Largest allowed difference of a logit between PyTorch and ONNX Runtime."""


def to_onnx(network: SubNetwork, channels: int, size: int, note: str) -> bytes:
    """A sub-network as an ONNX model: ``images`` [batch, channels, size, size] to ``logits`` [batch, classes].

    The graph is written layer by layer: the network holds standard layers only, and ``torch.onnx.export`` takes over
    a second for each.

    Args:
        network: In evaluation mode.
        channels: Channels of the input.
        size: Height and width of the input.
        note: Description kept in the model.

    Returns:
        The serialised model; its batch axis is dynamic.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[Any] = []
    weights: list[Any] = []

    def constant(name: str, tensor: torch.Tensor) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(tensor.detach().numpy()), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    current = "images"
    for index, block in enumerate(network.conv_blocks()):
        conv, name, source = block.conv, f"block{index}", current
        inputs = [source, *(constant(f"{name}.{key}", value) for key, value in conv.named_parameters())]
        # Padding keeps the size at stride 1: half the odd window on every side.
        pads = [side // 2 for side in conv.kernel_size] * 2
        shape = {"kernel_shape": conv.kernel_size, "strides": conv.stride, "pads": pads}
        current = node("Conv", inputs, f"{name}.conv", **shape)
        if block.residual:
            current = node("Add", [current, source], f"{name}.add")
        current = node("Relu", [current], f"{name}.relu")
    current = node("Flatten", [node("GlobalAveragePool", [current], "pool")], "features", axis=1)
    head = [constant("head.weight", network.head.weight), constant("head.bias", network.head.bias)]
    node("Gemm", [current, *head], "logits", transB=1)
    read = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", channels, size, size])
    written = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", network.head.out_features])
    graph = helper.make_graph(nodes, "subnetwork", [read], [written], weights, doc_string=note)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="cosearch")
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def onnx_difference(content: bytes, network: SubNetwork, images: torch.Tensor) -> float:
    """Largest absolute difference of a logit between ONNX Runtime and PyTorch.

    Args:
        content: Serialised model.
        network: The same network in PyTorch.
        images: float32 [n, channels, size, size].

    Raises:
        TargetError: When it is more than :data:`TOLERANCE`.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = session.run(["logits"], {"images": images.numpy()})[0]
    with torch.inference_mode():
        expected = network(images).numpy()
    difference = float(np.abs(found - expected).max())
    # Negated, so that NaN is refused.
    if not difference <= TOLERANCE:
        problem = (
            f"the ONNX model differs from PyTorch by {difference:g} on {len(images)} images, more than {TOLERANCE:g}"
        )
        raise TargetError(problem, "report the design with the versions of torch and onnxruntime")
    return difference
