"""Trainable arrays in one flat tensor, so that an optimiser's step is one operation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]

MOST_GRADIENT = 0.5
"""Norm to which gradients are cut, the value of Schulman's and most later implementations of PPO."""


class Parameters:
    """Named arrays of one network and the optimiser that moves them.

    Args:
        shapes: Name to shape; the last axis but one is summed over. Biases and output layers start at 0, the others
            normal with variance 1 / fan-in.
        zeros: Names that start at 0.
        rng: Draws the others.
        learning_rate: Of Adam (Kingma and Ba 2015).
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        zeros: tuple[str, ...],
        rng: np.random.Generator,
        learning_rate: float,
    ) -> None:
        import torch

        self._shapes = dict(shapes)
        self._learning_rate = learning_rate
        self.flat = torch.zeros(sum(map(math.prod, shapes.values())), requires_grad=True)
        start = {
            name: np.zeros(shape) if name in zeros else rng.standard_normal(shape) / math.sqrt(max(shape[-2], 1))
            for name, shape in shapes.items()
        }
        self.load(start)

    def views(self) -> dict[str, Tensor]:
        """The arrays as differentiable views."""
        ends = accumulate(math.prod(shape) for shape in self._shapes.values())
        return {
            name: self.flat[end - math.prod(shape) : end].view(shape)
            for (name, shape), end in zip(self._shapes.items(), ends, strict=True)
        }

    def arrays(self) -> dict[str, Floats]:
        """The arrays as float32 copies."""
        return {name: np.array(view.detach().numpy()) for name, view in self.views().items()}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over arrays of the same names and shapes, and forget the optimiser's moments."""
        import torch

        rows = [np.asarray(arrays[name], dtype=np.float32).reshape(-1) for name in self._shapes]
        with torch.no_grad():
            self.flat.copy_(torch.from_numpy(np.concatenate(rows)))
        self._adam = torch.optim.Adam([self.flat], lr=self._learning_rate, fused=True)

    def descend(self, loss: Tensor) -> None:
        """One step of Adam down the gradient of ``loss``, cut to :data:`MOST_GRADIENT`."""
        import torch

        (gradient,) = torch.autograd.grad(loss, self.flat)
        norm = float(gradient.norm())
        if not math.isfinite(norm):
            return
        self.flat.grad = gradient * min(1.0, MOST_GRADIENT / max(norm, 1e-12))
        self._adam.step()


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread meanwhile: fastest for small networks, and the same result on every machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
