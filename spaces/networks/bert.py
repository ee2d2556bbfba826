"""BERT-base (Devlin et al., NAACL 2019, section 3)."""

from __future__ import annotations

from ..workload import Workload
from .builder import INPUT, Builder
from .transformer import attention, feed_forward

VOCABULARY = 30_522
POSITIONS = 512
SEGMENTS = 2


def bert_base(
    tokens: int = 128, width: int = 768, depth: int = 12, heads: int = 12, dtype: str = "float32"
) -> Workload:
    """BERT-base encoder with pooler: 11.2 G MACs at 128 tokens, 109.5 M parameters.

    Args:
        tokens: Sequence length, at most 512.
        width: Hidden size.
        depth: Encoder blocks.
        heads: Attention heads; must divide ``width``.
        dtype: Element type of weights and activations.
    """
    b = Builder("bert_base", (tokens,), dtype)
    learned = (VOCABULARY + POSITIONS + SEGMENTS) * width
    x = b.norm("embedding_ln", b.other("embedding", "embedding", (INPUT,), (tokens, width), params=learned))
    for index in range(depth):
        block = f"l{index}"
        x = b.norm(f"{block}ln1", b.add(f"{block}add1", x, attention(b, block, x, heads)))
        x = b.norm(f"{block}ln2", b.add(f"{block}add2", x, feed_forward(b, block, x, 4 * width)))
    first = b.other("first_token", "other", (x,), (width,))
    b.act("pool", b.gemm("pool", first, width))
    return b.workload()
