"""The network of HELP: an encoder of architectures, one of devices, and a head that a device modulates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..spaces.knobs import Codes
from ..spaces.space import Space
from .choice_parts import ChoiceParts
from .prediction import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

HEADS = ("fc3", "fc4", "fc5")
"""Layers after the encoders; the device scales their inputs and shifts their biases."""

MODULATION = 0.01
"""Size of that modulation; the published setting."""

GRAPH_START = 0.05
"""Bound of the uniform start of graph convolutions; the published setting."""

EDGE = re.compile(r"edge_(\d+)_(\d+)")


@dataclass(frozen=True, slots=True)
class CellGraph:
    """A cell as a graph of its operations: input, an operation for each knob, output, and a node that hears them all.

    Attributes:
        adjacency: Row ``u`` holds ones for the nodes that ``u`` hears: itself and its predecessors,
            float64 [n_nodes, n_nodes].
        choices: Values of a knob.
    """

    adjacency: FloatArray
    choices: int

    @classmethod
    def of(cls, space: Space) -> CellGraph | None:
        """The graph of a space all of whose knobs ``edge_a_b`` choose what runs from node ``a`` to ``b``, else None."""
        found = [EDGE.fullmatch(name) for name in space.names]
        ends = [(int(m[1]), int(m[2])) for m in found if m]
        if len(ends) < space.n_knobs or len(set(space.cardinalities.tolist())) > 1 or space.is_conditional:
            return None
        first, last = min(a for a, _ in ends), max(b for _, b in ends)
        n = len(ends) + 3
        adjacency = np.eye(n)
        for i, (a, b) in enumerate(ends):
            adjacency[1 + i, 0] = a == first
            adjacency[n - 2, 1 + i] = b == last
            for j, (_, before) in enumerate(ends):
                adjacency[1 + i, 1 + j] += before == a
        adjacency[n - 1] = 1.0
        return cls(adjacency, int(space.cardinalities[0]))

    def nodes(self, codes: Codes) -> FloatArray:
        """One-hot kinds of the nodes of int64 ``codes`` [n, n_edges]; float64 [n_nodes, n, choices + 3]."""
        n, edges = codes.shape
        ends = np.full((n, 1), self.choices)
        kinds = np.hstack([ends, codes, ends + 1, ends + 2]).T
        return np.asarray(np.eye(self.choices + 3)[kinds].reshape(edges + 3, n, -1))


class HelpNetwork:
    """Functions of weights for several devices at once: every weight has a leading axis of devices.

    Designs of a :class:`CellGraph` pass four graph convolutions, others two dense layers on
    :class:`~.choice_parts.ChoiceParts`; devices pass two dense layers on their embedding; three dense layers follow.

    Args:
        space: The design space.
        embedding: Length of a device's embedding.
        width: Hidden units of the encoders; the head has twice as many.

    Source: Lee et al. 2021, "HELP: Hardware-adaptive efficient latency prediction for NAS via meta-learning",
    NeurIPS 2021, arXiv 2106.08630, section 3 and appendix B; graph convolutions as in Dudziak et al. 2020, "BRP-NAS".
    """

    def __init__(self, space: Space, embedding: int, width: int) -> None:
        self.width = width
        self._graph = CellGraph.of(space)
        self._choices = ChoiceParts(space)
        layers = {"fc1": (self._choices.width, width), "fc2": (width, width)}
        if self._graph:
            layers = {"gc1": (self._graph.choices + 3, width)} | {f"gc{i}": (width, width) for i in (2, 3, 4)}
        layers |= {"fc_hw1": (embedding, width), "fc_hw2": (width, width)}
        self.layers = layers | {"fc3": (2 * width, 2 * width), "fc4": (2 * width, 2 * width), "fc5": (2 * width, 1)}
        self.modulators = {"z1": (embedding, 10), "z2": (10, 2 * self.n_modulated)}

    @property
    def n_modulated(self) -> int:
        """Numbers that modulate the head: one for each input of its layers and one for each layer's biases."""
        return len(HEADS) * (2 * self.width + 1)

    def start(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """First weights and biases of :attr:`layers` and :attr:`modulators`: uniform within 1 / sqrt(inputs)."""
        drawn: dict[str, FloatArray] = {}
        for name, (inputs, outputs) in (self.layers | self.modulators).items():
            graph = name.startswith("gc")
            bound = 1.0 / np.sqrt(outputs if graph else inputs)
            drawn[f"{name}_weight"] = rng.uniform(-1.0, 1.0, (inputs, outputs)) * (GRAPH_START if graph else bound)
            drawn[f"{name}_bias"] = rng.uniform(-bound, bound, outputs)
        return drawn

    def encode(self, codes: Codes) -> FloatArray:
        """What :meth:`forward` takes of int64 ``codes`` [n, n_knobs], float64 [n_nodes, n, n_columns].

        A cell's nodes have heard their predecessors once; other designs count as one node.
        """
        if self._graph is None:
            return self._choices(codes)[None]
        return np.tensordot(self._graph.adjacency, self._graph.nodes(codes), 1)

    def forward(self, weights: Mapping[str, Tensor], encoded: Tensor, embedding: Tensor) -> Tensor:
        """Predictions [T, n] for T devices.

        Args:
            weights: Of :attr:`layers`, [T, inputs, outputs] and [T, outputs].
            encoded: [T, n_nodes, n, n_columns], see :meth:`encode`.
            embedding: [T, n_embedding].
        """
        import torch

        x = self._cells(weights, encoded) if self._graph else encoded[:, 0]
        if self._graph is None:
            x = _dense(weights, "fc2", _dense(weights, "fc1", x).relu()).relu()
        device = _dense(weights, "fc_hw2", _dense(weights, "fc_hw1", embedding[:, None]).relu()).relu()
        x = torch.cat([x, device.expand(-1, x.shape[1], -1)], dim=-1)
        x = _dense(weights, "fc4", _dense(weights, "fc3", x).relu()).relu()
        return _dense(weights, "fc5", x)[..., 0]

    def _cells(self, weights: Mapping[str, Tensor], encoded: Tensor) -> Tensor:
        """What the node that hears all others knows after four rounds, [T, n, width]."""
        import torch

        if self._graph is None:
            return encoded
        adjacency = torch.as_tensor(self._graph.adjacency, dtype=encoded.dtype)
        tasks, nodes, n, _ = encoded.shape
        x = _dense(weights, "gc1", encoded.reshape(tasks, nodes * n, -1)).relu()
        for name in ("gc2", "gc3", "gc4"):
            heard = adjacency[-1:] if name == "gc4" else adjacency
            x = (heard @ x.reshape(tasks, nodes, n * self.width)).reshape(tasks, len(heard) * n, self.width)
            x = _dense(weights, name, x).relu()
        return x

    def modulation(self, weights: Mapping[str, Tensor], embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of what modulates the head on T devices, [T, n_modulated] each."""
        import torch

        hidden = (embedding @ weights["z1_weight"] + weights["z1_bias"]).relu()
        mean, raw = (hidden @ weights["z2_weight"] + weights["z2_bias"]).chunk(2, dim=-1)
        return mean, torch.nn.functional.softplus(raw)

    def modulated(self, weights: Mapping[str, Tensor], z: Tensor) -> dict[str, Tensor]:
        """Shared weights with the head of each device, [T, ...]; ``z`` is [T, n_modulated]."""
        own = [f"{layer}_{part}" for layer in self.layers for part in ("weight", "bias")]
        each = {name: weights[name].expand(len(z), *weights[name].shape) for name in own}
        scales, shifts = z[:, : -len(HEADS)].chunk(len(HEADS), dim=-1), z[:, -len(HEADS) :]
        for i, name in enumerate(HEADS):
            each[f"{name}_weight"] = each[f"{name}_weight"] * (1.0 + MODULATION * scales[i][..., None])
            each[f"{name}_bias"] = each[f"{name}_bias"] + MODULATION * shifts[:, i : i + 1]
        return each


def _dense(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """A dense layer of each device: [T, n, inputs] to [T, n, outputs]."""
    import torch

    return torch.baddbmm(weights[f"{name}_bias"][:, None], x, weights[f"{name}_weight"])
