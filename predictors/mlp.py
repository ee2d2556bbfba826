"""A small ensemble of multi-layer perceptrons, in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .calibration import report
from .one_hot import OneHot
from .prediction import FloatArray, Prediction
from .predictor import Predictor

DECAY = 1e-3
"""Of the weights, decoupled from the slope."""


class MLP(Predictor):
    """Perceptrons of two hidden layers on indicators of knobs' values; each member leaves out a part of the data.

    The mean is the members' mean; the variance is their spread plus the squared error of each member on the rows that
    it did not see.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        members: How many.
        width: Hidden units.
        steps: Of Adam, on all rows at once.
        learning_rate: Of Adam, falling to 0 along a cosine.
        log: Model the logarithm of a positive metric: errors are relative.
        seed: Draws the first weights.

    Raises:
        PredictorError: When an option is out of range, or values are not positive where they must be.

    Source: Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles";
    Loshchilov and Hutter 2019, "Decoupled weight decay regularization".
    """

    kind: ClassVar[str] = "mlp"

    def __init__(
        self,
        space: Space,
        metric: str,
        *,
        members: int = 5,
        width: int = 64,
        steps: int = 400,
        learning_rate: float = 5e-3,
        log: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(space, metric)
        if members < 2 or width < 1 or steps < 1 or not learning_rate > 0:
            problem = f"members {members}, width {width}, steps {steps}, learning_rate {learning_rate}"
            raise PredictorError(problem, "use at least 2 members, a width and step of 1, and a positive learning rate")
        self._options: dict[str, Any] = {"members": members, "width": width, "steps": steps}
        self._options |= {"learning_rate": learning_rate, "log": log, "seed": seed}
        self.log = log
        self._one_hot = OneHot(space)
        self._weights: dict[str, FloatArray] = {}

    def options(self) -> dict[str, Any]:
        return dict(self._options)

    def calibration(self) -> dict[str, float]:
        """Figures of each row by the member that did not see it."""
        self._check_fitted()
        if self.n_adapted or len(self.observed) < 2 * self._options["members"]:
            return super().calibration()
        each = self._each(self.codes)
        own = self._left_out(len(self.observed))
        found = self._prediction(each[own, np.arange(len(own))], np.hypot(each.std(axis=0), self._residual))
        return report(self.observed, found.mean, found.std)

    def state(self) -> dict[str, FloatArray]:
        return {**self._weights, "scale": np.array([self._offset, self._scale, self._residual])}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        self._offset, self._scale, self._residual = state["scale"].tolist()
        self._weights = {name: array for name, array in state.items() if name != "scale"}
        kept = len(self.observed) - self.n_adapted
        if self.n_adapted:
            self._adapt(self.codes[kept:], self.observed[kept:])

    def _left_out(self, n: int) -> NDArray[np.int64]:
        """The member that does not see a row, int64 [n]."""
        members: int = self._options["members"]
        return np.random.default_rng(self._options["seed"]).permutation(n) % members

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        if self.log and (y <= 0).any():
            raise PredictorError(f"{self.metric} has values that are not positive", "switch log off")
        target = np.log(y) if self.log else y
        self._offset, self._scale = float(target.mean()), float(target.std()) or 1.0
        own = self._left_out(len(y))
        seen = own != np.arange(self._options["members"])[:, None]
        self._weights = self._train(self._one_hot(codes), (target - self._offset) / self._scale, seen)
        error = self._each(codes)[own, np.arange(len(y))] - target
        self._residual = max(float(np.sqrt(np.mean(error**2))), 1e-12 * (1.0 + float(np.abs(target).max())))

    def _train(self, x: FloatArray, target: FloatArray, seen: NDArray[np.bool_]) -> dict[str, FloatArray]:
        """Weights of all members, [members, inputs, outputs] and [members, 1, outputs], float32."""
        import torch

        rng, members, width = np.random.default_rng(self._options["seed"]), len(seen), self._options["width"]
        sizes = (x.shape[1], width, width, 1)
        weights: dict[str, torch.Tensor] = {}
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            drawn = rng.standard_normal((members, inputs, outputs)) * np.sqrt(2.0 / max(inputs, 1))
            weights[f"weight_{i}"] = torch.tensor(drawn, dtype=torch.float32, requires_grad=True)
            weights[f"bias_{i}"] = torch.zeros(members, 1, outputs, requires_grad=True)
        optimiser = torch.optim.AdamW(weights.values(), lr=self._options["learning_rate"], weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self._options["steps"])
        given, wanted, counted = (torch.tensor(a, dtype=torch.float32) for a in (x, target, seen))
        share = counted / counted.sum(dim=1, keepdim=True)
        for _ in range(self._options["steps"]):
            h = given.expand(members, -1, -1)
            for i in range(len(sizes) - 1):
                h = torch.baddbmm(weights[f"bias_{i}"], h.relu() if i else h, weights[f"weight_{i}"])
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(((h[..., 0] - wanted) ** 2 * share).sum())
            optimiser.step()
            schedule.step()
        return {name: weight.detach().numpy() for name, weight in weights.items()}

    def _each(self, codes: Codes) -> FloatArray:
        """Modelled quantity by every member, float64 [members, n]."""
        h: FloatArray = self._one_hot(codes)[None]
        for i in range(len(self._weights) // 2):
            # Doubles, so that predictions do not depend on the batch they come in.
            h = (np.maximum(h, 0.0) if i else h) @ self._weights[f"weight_{i}"].astype(np.float64)
            h = h + self._weights[f"bias_{i}"]
        return np.asarray(self._offset + self._scale * h[..., 0])

    def _predict(self, codes: Codes) -> Prediction:
        each = self._each(codes)
        return self._prediction(each.mean(axis=0), np.hypot(each.std(axis=0), self._residual))

    def _prediction(self, mean: FloatArray, std: FloatArray) -> Prediction:
        # Of a log metric the median, and half the way between the one-sigma points.
        return Prediction(np.exp(mean), np.exp(mean) * np.sinh(std)) if self.log else Prediction(mean, std)
