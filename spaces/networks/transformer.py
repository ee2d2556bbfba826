"""The encoder block that vision transformers and BERT share (Vaswani et al., NeurIPS 2017, section 3)."""

from __future__ import annotations

from ..errors import WorkloadError
from .builder import Builder


def attention(b: Builder, name: str, x: int, heads: int) -> int:
    """Multi-head self-attention; queries, keys and values come from one product of three times the width."""
    tokens, width = b.shape(x)
    if width % heads:
        raise WorkloadError(f"{b.name}: {heads} heads do not divide the width {width}", "correct heads or width")
    depth = width // heads
    qkv = b.gemm(f"{name}qkv", x, 3 * width)
    scores = b.matmul(f"{name}qk", qkv, qkv, heads, tokens, depth, tokens)
    weights = b.other(f"{name}softmax", "softmax", (scores,), b.shape(scores))
    mixed = b.matmul(f"{name}av", weights, qkv, heads, tokens, tokens, depth)
    merged = b.other(f"{name}merge", "other", (mixed,), (tokens, width))
    return b.gemm(f"{name}proj", merged, width)


def feed_forward(b: Builder, name: str, x: int, hidden: int) -> int:
    """Two products with an activation between them."""
    width = b.shape(x)[-1]
    return b.gemm(f"{name}ff2", b.act(f"{name}ff1", b.gemm(f"{name}ff1", x, hidden)), width)
