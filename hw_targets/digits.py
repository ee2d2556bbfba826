"""The 8x8 digits of scikit-learn, split once and for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

SHARES = (0.6, 0.2, 0.2)
"""Training, validation and test share of every class."""

SPLIT_SEED = 20_240_601
"""Fixes the split, whatever a study's seed, so that accuracies of different studies compare."""

BRIGHTEST = 16.0
"""Largest pixel value of the data set."""


@dataclass(frozen=True)
class Digits:
    """1,797 handwritten digits (Alpaydin and Kaynak, UCI "Optical Recognition of Handwritten Digits", 1998; CC BY 4.0).

    Args:
        images: float32 [1797, 1, 8, 8], 0..1.
        labels: int64 [1797], 0..9.
        train: Rows to learn from, int64.
        validation: Rows that a search may look at, int64.
        test: Rows for the final front only, int64.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def resized(self, rows: NDArray[np.int64], size: int) -> torch.Tensor:
        """Images of int64 ``rows`` [n] at ``size`` pixels, float32 [n, 1, size, size], bilinear, anti-aliased."""
        import torch
        from torch.nn.functional import interpolate

        images = torch.from_numpy(self.images[rows])
        return interpolate(images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)

    def targets(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Labels of int64 ``rows`` [n], int64 [n]."""
        import torch

        return torch.from_numpy(self.labels[rows])


def load_digits() -> Digits:
    """Read the data set out of the scikit-learn package and split it, every class in the same shares."""
    from sklearn.datasets import load_digits as read

    data = read()
    labels = np.asarray(data.target, dtype=np.int64)
    images = np.asarray(data.images / BRIGHTEST, dtype=np.float32)[:, None]
    rng = np.random.default_rng(SPLIT_SEED)
    parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for label in range(10):
        rows = rng.permutation(np.flatnonzero(labels == label))
        cuts = np.rint(np.cumsum(SHARES[:2]) * len(rows)).astype(np.int64)
        for part, chosen in zip(parts, np.split(rows, cuts), strict=True):
            part.append(chosen)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return Digits(images, labels, train, validation, test)
