"""What a space of networks offers besides designs: modules to run and workloads to model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .knobs import Value
from .workload import Workload

if TYPE_CHECKING:
    import torch


@runtime_checkable
class ModuleSpace(Protocol):
    """A space whose designs can be built as PyTorch modules."""

    name: str

    def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
        """The module in evaluation mode, and an example input with a batch of one in front."""


@runtime_checkable
class WorkloadSpace(Protocol):
    """A space whose designs can be described by their operators."""

    name: str

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one inference at batch 1."""
