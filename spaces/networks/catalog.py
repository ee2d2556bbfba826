"""The networks that a configuration can name."""

from __future__ import annotations

from typing import Any

from ..errors import WorkloadError
from ..registry import Registry
from ..workload import Workload

NETWORKS = Registry(
    "networks",
    {
        "resnet18": ("spaces.networks.resnet:resnet18", "ResNet-18: 1.8 G MACs, 11.7 M parameters"),
        "resnet50": ("spaces.networks.resnet:resnet50", "ResNet-50: 4.1 G MACs, 25.6 M parameters"),
        "mobilenet_v1": ("spaces.networks.mobilenet_v1:mobilenet_v1", "MobileNetV1: 569 M MACs, 4.2 M parameters"),
        "mobilenet_v2": ("spaces.networks.mobilenet_v2:mobilenet_v2", "MobileNetV2: 300 M MACs, 3.5 M parameters"),
        "mobilenet_v3_small": (
            "spaces.networks.mobilenet_v3:mobilenet_v3_small",
            "MobileNetV3-Small: 56 M MACs, 2.5 M parameters",
        ),
        "vit_tiny": ("spaces.networks.vit:vit_tiny", "ViT-Tiny/16: 1.25 G MACs, 5.7 M parameters"),
        "vit_small": ("spaces.networks.vit:vit_small", "ViT-Small/16: 4.6 G MACs, 22.1 M parameters"),
        "bert_base": ("spaces.networks.bert:bert_base", "BERT-base, 128 tokens: 11.2 G MACs, 109.5 M parameters"),
    },
)
"""Name to network factory: ``factory(**options)`` gives a :class:`~cosearch.spaces.workload.Workload`."""


def network(name: str, **options: Any) -> Workload:
    """The workload of a named network at batch 1.

    Args:
        name: A name of :data:`NETWORKS`, for example ``mobilenet_v2``.
        options: Options of that network, for example ``resolution=192, width=0.75, dtype="int8"``.

    Raises:
        CosearchError: When the name is unknown.
        WorkloadError: When an option is.
    """
    factory = NETWORKS.get(name)
    try:
        workload: Workload = factory(**options)
    except TypeError as error:
        raise WorkloadError(f"network {name!r}: {error}", "see the documented options of the network") from error
    return workload
