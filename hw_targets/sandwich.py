"""Training all sub-networks of a supernet at once: sandwich rule and in-place distillation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..spaces.errors import TargetError
from ..spaces.knobs import Value
from .digits import Digits
from .target import Report

if TYPE_CHECKING:
    import torch

    from ..spaces.elastic_cnn import ElasticCnn
    from ..spaces.elastic_cnn_torch import Supernet

MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4
LARGEST_GRADIENT = 5.0
"""Gradients are scaled down to this norm; keeps the first steps of so few layers from diverging."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how to train.

    Args:
        epochs: Passes over the training images.
        batch: Images per step.
        learning_rate: Largest learning rate; it falls to zero along a cosine (Loshchilov and Hutter, ICLR 2017).
        random_subnetworks: Sub-networks per step besides the largest and the smallest.

    Raises:
        TargetError: When a field is out of range.
    """

    epochs: int = 18
    batch: int = 64
    learning_rate: float = 0.1
    random_subnetworks: int = 2

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.learning_rate <= 0 or self.random_subnetworks < 0:
            problem = f"training recipe {self} has a field out of range"
            raise TargetError(problem, "give epochs >= 1, batch >= 2, learning_rate > 0 and random_subnetworks >= 0")


def train_sandwich(supernet: Supernet, digits: Digits, recipe: Recipe, seed: int, report: Report) -> None:
    """Train a supernet in place.

    Every step trains the largest sub-network on the labels, and the smallest and some random ones on the outputs of the
    largest: the sandwich rule and in-place distillation of Yu and Huang ("Universally Slimmable Networks", ICCV 2019),
    as BigNAS (Yu et al., ECCV 2020) trains a search space. The smallest also gets a random resolution, as in
    MutualNet (Yang et al., ECCV 2020).

    Args:
        supernet: Changed in place.
        digits: Data; only its training rows are read.
        recipe: How long and how.
        seed: Fixes batches and sub-networks.
        report: Progress callback.
    """
    import torch

    space = supernet.space
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    images = {size: digits.resized(digits.train, size) for size in space.resolution}
    labels = digits.targets(digits.train)
    optimizer = torch.optim.SGD(
        supernet.parameters(), lr=recipe.learning_rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    steps_per_epoch = max(len(labels) // recipe.batch, 1)
    steps = recipe.epochs * steps_per_epoch
    for step in range(steps):
        if step % steps_per_epoch == 0:
            order = rng.permutation(len(labels))
            report("training the supernet", step / steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
        first = step % steps_per_epoch * recipe.batch
        rows = torch.from_numpy(order[first : first + recipe.batch])
        optimizer.zero_grad()
        _accumulate(supernet, images, labels, rows, _others(space, recipe, rng))
        torch.nn.utils.clip_grad_norm_(supernet.parameters(), LARGEST_GRADIENT)
        optimizer.step()
    report("training the supernet", 1.0)


def _others(space: ElasticCnn, recipe: Recipe, rng: np.random.Generator) -> list[Mapping[str, Value]]:
    resolution = int(rng.choice(space.resolution))
    drawn = space.decode(space.sample(rng, recipe.random_subnetworks)) if recipe.random_subnetworks else []
    return [space.corner(largest=False, resolution=resolution), *drawn]


def _accumulate(
    supernet: Supernet,
    images: Mapping[int, torch.Tensor],
    labels: torch.Tensor,
    rows: torch.Tensor,
    others: list[Mapping[str, Value]],
) -> None:
    """Add up the gradients of one step."""
    from torch.autograd import backward
    from torch.nn.functional import cross_entropy

    largest = supernet.space.corner(largest=True)
    logits = supernet(images[int(largest["resolution"])][rows], largest)
    backward(cross_entropy(logits, labels[rows]))
    teacher = logits.detach().softmax(dim=1)
    for design in others:
        logits = supernet(images[int(design["resolution"])][rows], design)
        backward(cross_entropy(logits, teacher))
