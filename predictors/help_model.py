"""A trained HELP network on given devices: adaptation and prediction in NumPy terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..spaces.knobs import Codes
from .help_network import HelpNetwork
from .help_training import adapt
from .prediction import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1000
"""Designs predicted at once, to bound memory."""


class HelpModel:
    """A network with what meta-training learnt, in double precision, so that predictions do not depend on their batch.

    Args:
        network: The network.
        learnt: Arrays of :func:`~.help_training.meta_train`.
    """

    def __init__(self, network: HelpNetwork, learnt: Mapping[str, FloatArray]) -> None:
        import torch

        self._network = network
        self._weights = {name: torch.from_numpy(array.astype(np.float64)) for name, array in learnt.items()}

    def adapted(
        self, embedding: FloatArray, samples: tuple[Codes, FloatArray], draws: FloatArray, kept: FloatArray, steps: int
    ) -> dict[str, Tensor]:
        """Weights adapted to a device T times, [T, ...].

        Args:
            embedding: float64 [n_embedding].
            samples: Designs, int64 [n, n_knobs], and their scaled metric, float64 [n].
            draws: Standard normal deviates of the modulation, float64 [T, n_modulated].
            kept: Weights of the samples each time, float64 [T, n].
            steps: Of gradient descent.
        """
        import torch

        codes, target = samples
        given = _repeated(embedding, len(draws))
        mean, std = self._network.modulation(self._weights, given)
        encoded = torch.from_numpy(self._network.encode(codes)).expand(len(draws), -1, -1, -1)
        support = (encoded, _repeated(target, len(draws)), torch.from_numpy(kept))
        return adapt(self._network, self._weights, mean + std * torch.from_numpy(draws), given, support, steps)

    def predict(self, weights: Mapping[str, Tensor], embedding: FloatArray, codes: Codes) -> FloatArray:
        """Scaled metric of int64 ``codes`` [n, n_knobs] by T sets of weights, float64 [T, n]."""
        import torch

        given = _repeated(embedding, len(weights["fc5_bias"]))
        found = [np.empty((len(given), 0))]
        with torch.no_grad():
            for start in range(0, len(codes), CHUNK):
                encoded = torch.from_numpy(self._network.encode(codes[start : start + CHUNK]))
                each = encoded.expand(len(given), -1, -1, -1)
                found.append(self._network.forward(weights, each, given).numpy())
        return np.concatenate(found, axis=1)


def _repeated(vector: FloatArray, n: int) -> Tensor:
    import torch

    return torch.from_numpy(vector).expand(n, -1)
