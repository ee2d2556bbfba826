"""Sub-networks of the translation supernet of HAT (Wang et al., "Hardware-Aware Transformers", ACL 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import SpaceError
from .knobs import Value
from .networks.builder import INPUT, Builder
from .space import Space
from .workload import Workload

EMBEDDING = (512, 640)
FFN = (1024, 2048, 3072)
HEADS = (4, 8)
DECODER_LAYERS = (1, 2, 3, 4, 5, 6)
CROSS_LAYERS = (1, 2, 3)
"""The choices for WMT. Source: section 4.1; an attention may read the last 1, 2 or 3 encoder layers (section 3.1)."""

ENCODER_LAYERS = 6
QKV_WIDTH = 512
"""Width of queries, keys and values together, whatever the embedding. Source: section 3.1 ("elastic" dimensions)."""


class Hat(Space):
    """Encoder and decoder widths, layer by layer: 4.2e14 designs for WMT.

    The knobs are ``encoder_embedding``; for each of six layers ``encoder_layer1_ffn`` and ``encoder_layer1_heads``;
    ``decoder_embedding``, ``decoder_layers``; for each decoder layer ``decoder_layer1_ffn``, ``_heads``,
    ``_cross_heads`` and ``_cross_layers`` (how many of the last encoder layers it attends to); those of absent layers
    are inactive.

    Args:
        ffn: Hidden widths of the feed-forward layers, rising; (512, 1024, 2048) for IWSLT.
        heads: Numbers of attention heads, rising; (2, 4) for IWSLT.
        source_tokens: Words of the sentence that is read.
        target_tokens: Words of the translation; all at once, as when a translation is scored.
        vocabulary: Rows of the embedding tables; the output shares the decoder's.

    Raises:
        SpaceError: When an option is below 1, or heads do not divide 512.
    """

    def __init__(
        self, ffn: Sequence[int] = FFN, heads: Sequence[int] = HEADS, source_tokens: int = 30, target_tokens: int = 30,
        vocabulary: int = 32_768,
    ) -> None:  # fmt: skip
        if min(*ffn, *heads, source_tokens, target_tokens, vocabulary) < 1 or any(QKV_WIDTH % h for h in heads):
            problem = f"hat: ffn {list(ffn)}, heads {list(heads)}, {source_tokens} and {target_tokens} tokens"
            raise SpaceError(problem, f"give numbers of 1 or more, and heads that divide {QKV_WIDTH}")
        knobs: dict[str, Any] = {"encoder_embedding": _ordinal(EMBEDDING)}
        for layer in range(1, ENCODER_LAYERS + 1):
            knobs[f"encoder_layer{layer}_ffn"] = _ordinal(ffn)
            knobs[f"encoder_layer{layer}_heads"] = _ordinal(heads)
        knobs |= {"decoder_embedding": _ordinal(EMBEDDING), "decoder_layers": _ordinal(DECODER_LAYERS)}
        choices = {"ffn": ffn, "heads": heads, "cross_heads": heads, "cross_layers": CROSS_LAYERS}
        for layer in DECODER_LAYERS:
            active = {"active_if": {"decoder_layers": {"at_least": layer}}} if layer > 1 else {}
            for name, values in choices.items():
                knobs[f"decoder_layer{layer}_{name}"] = _ordinal(values) | active
        super().__init__(knobs, name="hat")
        self.source_tokens = source_tokens
        self.target_tokens = target_tokens
        self.vocabulary = vocabulary

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one translation; layer norms follow each sum, as in Vaswani et al., NeurIPS 2017."""
        b = Builder(self.name, (self.source_tokens, 1))
        memory = self._encoder(b, design)
        width, tokens = int(design["decoder_embedding"]), self.target_tokens
        # The table is that of the output, which counts its parameters.
        x = b.other("target_embedding", "embedding", (INPUT,), (tokens, width))
        for layer in range(1, int(design["decoder_layers"]) + 1):
            name = f"decoder_layer{layer}"
            heads, cross = int(design[f"{name}_heads"]), int(design[f"{name}_cross_heads"])
            x = _add_norm(b, f"{name}_self", x, _attention(b, f"{name}_self", x, x, heads))
            read = memory[-1]
            n = int(design[f"{name}_cross_layers"])
            if n > 1:
                joined = (n * self.source_tokens, b.shape(read)[1])
                read = b.other(f"{name}_concat", "concat", tuple(memory[-n:]), joined)
            x = _add_norm(b, f"{name}_cross", x, _attention(b, f"{name}_cross", x, read, cross))
            x = _feed_forward(b, name, x, int(design[f"{name}_ffn"]))
        b.gemm("output", x, self.vocabulary, bias=False)
        return b.workload()

    def _encoder(self, b: Builder, design: Mapping[str, Value]) -> list[int]:
        """Outputs of all encoder layers."""
        width = int(design["encoder_embedding"])
        shape = (self.source_tokens, width)
        x = b.other("source_embedding", "embedding", (INPUT,), shape, params=self.vocabulary * width)
        outputs = []
        for layer in range(1, ENCODER_LAYERS + 1):
            name = f"encoder_layer{layer}"
            x = _add_norm(b, f"{name}_self", x, _attention(b, f"{name}_self", x, x, int(design[f"{name}_heads"])))
            x = _feed_forward(b, name, x, int(design[f"{name}_ffn"]))
            outputs.append(x)
        return outputs


def _ordinal(values: Sequence[int]) -> dict[str, Any]:
    return {"type": "ordinal", "values": list(values)}


def _attention(b: Builder, name: str, x: int, read: int, heads: int) -> int:
    """Attention of ``x`` [m, width] over ``read`` [n, width']."""
    (m, width), n, depth = b.shape(x), b.shape(read)[0], QKV_WIDTH // heads
    query = b.gemm(f"{name}_q", x, QKV_WIDTH)
    key, value = b.gemm(f"{name}_k", read, QKV_WIDTH), b.gemm(f"{name}_v", read, QKV_WIDTH)
    scores = b.matmul(f"{name}_qk", query, key, heads, m, depth, n)
    weights = b.other(f"{name}_softmax", "softmax", (scores,), b.shape(scores))
    mixed = b.matmul(f"{name}_av", weights, value, heads, m, n, depth)
    return b.gemm(f"{name}_out", b.other(f"{name}_merge", "other", (mixed,), (m, QKV_WIDTH)), width)


def _feed_forward(b: Builder, name: str, x: int, hidden: int) -> int:
    y = b.gemm(f"{name}_ffn2", b.act(f"{name}_ffn1", b.gemm(f"{name}_ffn1", x, hidden)), b.shape(x)[-1])
    return _add_norm(b, f"{name}_ffn", x, y)


def _add_norm(b: Builder, name: str, x: int, y: int) -> int:
    return b.norm(f"{name}_norm", b.add(f"{name}_add", x, y))
