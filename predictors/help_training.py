"""Meta-training of HELP: an initialisation and step sizes from which few steps adapt to a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import PredictorError
from .help_network import HelpNetwork
from .prediction import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

FIRST_STEP_SIZE = 1e-3
"""Start of every step size; the published setting."""

DIVERGENCE = 0.1
"""Weight of the divergence of the modulation from a standard normal distribution; the published setting."""

Weights = dict[str, "Tensor"]


@dataclass(frozen=True, slots=True)
class Tasks:
    """Devices to learn from.

    Attributes:
        encoded: Designs, float64 [n_nodes, n, n_columns].
        values: The scaled metric, float64 [n_devices, n], NaN where it was not measured.
        embeddings: float64 [n_devices, n_embedding].
    """

    encoded: FloatArray
    values: FloatArray
    embeddings: FloatArray


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and on what to train; the defaults are the published settings for NAS-Bench-201.

    Args:
        episodes: Steps of the optimiser.
        devices: Devices for each, at most those of the pool.
        support: Designs that are adapted to.
        query: Designs that the adapted network is judged by.
        steps: Of gradient descent in an adaptation.
        learning_rate: Of Adam.
        seed: Draws first weights, devices, designs and modulations.

    Raises:
        PredictorError: When a number is out of range.
    """

    episodes: int = 2000
    devices: int = 8
    support: int = 10
    query: int = 200
    steps: int = 2
    learning_rate: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("episodes", "devices", "support", "query"):
            if getattr(self, name) < 1:
                raise PredictorError(f"{name} {getattr(self, name)}", "use at least 1")
        if self.steps < 0 or not self.learning_rate > 0:
            problem = f"steps {self.steps}, learning_rate {self.learning_rate}"
            raise PredictorError(problem, "use 0 or more steps and a positive learning rate")


def meta_train(network: HelpNetwork, tasks: Tasks, schedule: Schedule) -> dict[str, FloatArray]:
    """Weights of the network and, under ``step_...``, the step size of each, float32.

    Source: Lee et al. 2021 (HELP), algorithm 1; step sizes for each weight: Li et al. 2017, "Meta-SGD", arXiv
    1707.09835; second derivatives are kept, Finn et al. 2017 (MAML).
    """
    import torch

    rng = np.random.default_rng(schedule.seed)
    start = network.start(rng)
    steps = {f"step_{k}": np.full(v.shape, FIRST_STEP_SIZE) for k, v in start.items() if _layer(k) in network.layers}
    weights = {
        k: torch.tensor(np.asarray(v), dtype=torch.float32, requires_grad=True) for k, v in (start | steps).items()
    }
    optimiser = torch.optim.Adam(list(weights.values()), lr=schedule.learning_rate)
    encoded, embeddings = (torch.tensor(a, dtype=torch.float32) for a in (tasks.encoded, tasks.embeddings))
    measured = [np.flatnonzero(np.isfinite(row)) for row in tasks.values]
    for _ in range(schedule.episodes):
        devices = np.sort(rng.permutation(len(measured))[: schedule.devices])
        rows, n_support = _draw(rng, [measured[j] for j in devices], schedule)
        y = torch.tensor(np.take_along_axis(tasks.values[devices], rows, axis=1), dtype=torch.float32)
        x = encoded[:, torch.from_numpy(rows)].transpose(0, 1)
        embedding = embeddings[torch.from_numpy(devices)]
        mean, std = network.modulation(weights, embedding)
        z = mean + std * torch.tensor(rng.standard_normal(mean.shape), dtype=torch.float32)
        support = torch.ones(len(devices), n_support)
        adapted = adapt(
            network, weights, z, embedding, (x[:, :, :n_support], y[:, :n_support], support), schedule.steps, train=True
        )
        error = network.forward(adapted, x[:, :, n_support:], embedding) - y[:, n_support:]
        divergence = 0.5 * (std**2 + mean**2 - 1.0).sum() - std.log().sum()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.mean(error**2) + DIVERGENCE * divergence)
        optimiser.step()
    return {k: v.detach().numpy() for k, v in weights.items()}


def adapt(
    network: HelpNetwork,
    weights: Mapping[str, Tensor],
    z: Tensor,
    embedding: Tensor,
    support: tuple[Tensor, Tensor, Tensor],
    steps: int,
    *,
    train: bool = False,
) -> Weights:
    """Weights after some steps of gradient descent on T devices, [T, ...].

    Args:
        network: The network.
        weights: Of :func:`meta_train`.
        z: Modulations, [T, n_modulated].
        embedding: [T, n_embedding].
        support: Encoded designs [T, n_nodes, n, n_columns], their scaled metric [T, n] and weights of the squared
            errors [T, n].
        steps: How many.
        train: Keep what differentiating through the steps needs.
    """
    import torch

    x, y, counted = support
    with torch.enable_grad():
        each = network.modulated(weights, z)
        for _ in range(steps):
            if not train:
                each = {k: v.detach().requires_grad_() for k, v in each.items()}
            error = (network.forward(each, x, embedding) - y) ** 2
            loss = ((error * counted).sum(dim=1) / counted.sum(dim=1)).sum()
            slopes = torch.autograd.grad(loss, list(each.values()), create_graph=train)
            each = {k: v - weights[f"step_{k}"] * g for (k, v), g in zip(each.items(), slopes, strict=True)}
    return each if train else {k: v.detach() for k, v in each.items()}


def _draw(
    rng: np.random.Generator, measured: list[NDArray[np.int64]], schedule: Schedule
) -> tuple[NDArray[np.int64], int]:
    """Rows for each device, all different, int64 [n_devices, n_support + n_query], and how many are support."""
    fewest = min(len(rows) for rows in measured)
    n_support = min(schedule.support, max(fewest // 2, 1))
    n = min(n_support + schedule.query, fewest)
    return np.stack([rows[rng.permutation(len(rows))[:n]] for rows in measured]), n_support


def _layer(name: str) -> str:
    """The layer that a weight or bias belongs to."""
    return name.rsplit("_", 1)[0]
