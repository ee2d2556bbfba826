"""ONNX files of any PyTorch module."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .onnx_subnetwork import to_onnx

if TYPE_CHECKING:
    import torch

OPSET = 18
"""The oldest that ``torch.onnx.export`` writes without a conversion (torch 2.9 and later)."""


def write_onnx(module: torch.nn.Module, example: torch.Tensor, path: Path) -> Path:
    """Write a module as an ONNX model of the example's shape.

    Args:
        module: In evaluation mode, on the CPU, float32.
        example: Its input.
        path: File to write.

    Returns:
        ``path``.

    Raises:
        RuntimeError: When the module holds what ONNX has no operator for.
    """
    import torch

    from ..spaces.elastic_cnn_torch import SubNetwork

    if isinstance(module, SubNetwork):
        # The same graph, without the second that the exporter takes over each.
        path.write_bytes(to_onnx(module, example.shape[1], example.shape[2], "to be measured"))
        return path
    with _quiet():
        torch.onnx.export(module, (example,), str(path), opset_version=OPSET, dynamo=True, external_data=False)
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's reports of progress and its use of deprecated functions."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
