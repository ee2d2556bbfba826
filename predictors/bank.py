"""Several predictors, of which the one that ranks held-out designs best is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .prediction import FloatArray, Prediction
from .predictor import Predictor

MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    "gp": ("gp", {}),
    "gp_rank": ("gp", {"warp": "rank"}),
    "ridge": ("ridge", {}),
    "trees": ("trees", {}),
    "pairwise": ("pairwise", {}),
}
"""Name in a bank to (name in the catalogue, options)."""


class Bank(Predictor):
    """Fits its members in turn and keeps the one of highest rank correlation on held-out data.

    Members later in the list are tried only while no earlier one ranks well enough.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        members: Names of :data:`MEMBERS`; the first two are always compared.
        enough: Held-out Kendall tau from which further members are not tried.

    Raises:
        PredictorError: When a member is unknown, or there is none.

    Source: model selection by cross-validated rank correlation, as White et al. 2021, "How powerful are performance
    predictors in neural architecture search?", section 3 compares predictors.
    """

    kind: ClassVar[str] = "bank"

    def __init__(
        self,
        space: Space,
        metric: str,
        *,
        members: Sequence[str] = ("gp", "gp_rank", "ridge", "trees", "pairwise"),
        enough: float = 0.85,
    ) -> None:
        super().__init__(space, metric)
        unknown = [name for name in members if name not in MEMBERS]
        if unknown or not members:
            raise PredictorError(f"bank of {list(members)}", f"name some of {list(MEMBERS)}")
        self.members = tuple(members)
        self.enough = enough
        self.chosen = self.members[0]
        """Name of the member in use."""
        self.tau = 0.0
        """Its held-out Kendall tau at the last fit."""
        self._predictor = self._member(self.chosen)

    def options(self) -> dict[str, Any]:
        return {"members": list(self.members), "enough": self.enough}

    def refit(self, designs: Designs, y: FloatArray) -> Self:
        """Give the member in use other data, without a new choice."""
        self._check(designs, y)
        self.codes, self.observed, self.n_adapted = designs.codes.copy(), np.asarray(y, float).copy(), 0
        self._correction = None
        self._predictor.refit(designs, y)
        return self

    def mean(self, designs: Designs) -> FloatArray:
        self._check_fitted()
        return super().mean(designs) if self._correction else self._predictor.mean(designs)

    def deviate(self, designs: Designs, z: FloatArray) -> FloatArray:
        self._check_fitted()
        return super().deviate(designs, z) if self._correction else self._predictor.deviate(designs, z)

    def calibration(self) -> dict[str, float]:
        """The figures of the member in use."""
        return super().calibration() if self.n_adapted else self._predictor.calibration()

    def state(self) -> dict[str, FloatArray]:
        arrays = {f"member_{key}": value for key, value in self._predictor.state().items()}
        return {"choice": np.array([self.members.index(self.chosen), self.tau]), **arrays}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        kept = len(self.observed) - self.n_adapted
        self.chosen, self.tau = self.members[int(state["choice"][0])], float(state["choice"][1])
        self._predictor = self._member(self.chosen)
        self._predictor.codes, self._predictor.observed = self.codes[:kept], self.observed[:kept]
        self._predictor.restore({k.removeprefix("member_"): v for k, v in state.items() if k.startswith("member_")})
        if self.n_adapted:
            self._adapt(self.codes[kept:], self.observed[kept:])

    def _member(self, name: str) -> Predictor:
        from .catalog import PREDICTORS

        kind, options = MEMBERS[name]
        member: Predictor = PREDICTORS.get(kind)(self.space, self.metric, **options)
        return member

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        designs = self.space.designs(codes)
        self.tau = -np.inf
        for place, name in enumerate(self.members):
            if place >= 2 and self.tau >= self.enough:
                break
            member = self._member(name).fit(designs, y)
            tau = member.calibration().get("kendall_tau", 0.0)
            if tau > self.tau:
                self.chosen, self.tau, self._predictor = name, tau, member

    def _predict(self, codes: Codes) -> Prediction:
        return self._predictor.predict(self.space.designs(codes))
