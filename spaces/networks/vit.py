"""Vision transformers ViT-Tiny and ViT-Small, patch 16 (Dosovitskiy et al., ICLR 2021; sizes: DeiT, Touvron et al.)."""

from __future__ import annotations

from ..errors import WorkloadError
from ..workload import Workload
from .builder import INPUT, Builder
from .transformer import attention, feed_forward


def _vit(name: str, width: int, heads: int, resolution: int, depth: int, classes: int, dtype: str) -> Workload:
    if resolution % 16:
        raise WorkloadError(f"{name}: resolution {resolution} is not a multiple of the patch, 16", "use 224 or 384")
    b = Builder(name, (3, resolution, resolution), dtype)
    patches = b.patches("patch", INPUT, width, 16)
    tokens = (resolution // 16) ** 2 + 1
    # The class token and the position of every token are learned.
    x = b.other("tokens", "other", (patches,), (tokens, width), params=width * (tokens + 1))
    for index in range(depth):
        block = f"l{index}"
        x = b.add(f"{block}add1", x, attention(b, block, b.norm(f"{block}ln1", x), heads))
        x = b.add(f"{block}add2", x, feed_forward(b, block, b.norm(f"{block}ln2", x), 4 * width))
    first = b.other("class_token", "other", (b.norm("ln", x),), (width,))
    b.gemm("head", first, classes)
    return b.workload()


def vit_tiny(resolution: int = 224, depth: int = 12, classes: int = 1000, dtype: str = "float32") -> Workload:
    """ViT-Tiny/16: width 192, 3 heads; 1.25 G MACs, 5.7 M parameters at 224x224.

    Args:
        resolution: Side of the input image, pixels, a multiple of 16.
        depth: Encoder blocks.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    return _vit("vit_tiny", 192, 3, resolution, depth, classes, dtype)


def vit_small(resolution: int = 224, depth: int = 12, classes: int = 1000, dtype: str = "float32") -> Workload:
    """ViT-Small/16: width 384, 6 heads; 4.6 G MACs, 22.1 M parameters at 224x224.

    Args:
        resolution: Side of the input image, pixels, a multiple of 16.
        depth: Encoder blocks.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    return _vit("vit_small", 384, 6, resolution, depth, classes, dtype)
