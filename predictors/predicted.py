"""A saved predictor as a target."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..hw_targets.metric import Metric
from ..hw_targets.target import Columns, HardwareTarget, Needs, Seeds
from ..spaces.design import Designs
from ..spaces.space import Space
from .predictor import load_predictor


class Predicted(HardwareTarget):
    """Scores designs with a predictor; every number carries its standard deviation and is marked as predicted.

    Args:
        space: The design space that the predictor was fitted on.
        path: Folder that :meth:`~cosearch.predictors.predictor.Predictor.save` wrote.

    Raises:
        PredictorError: When there is no predictor, or it was fitted on another space.
    """

    needs = Needs(cheap=True)

    def __init__(self, space: Space, path: str) -> None:
        self.path = Path(path)
        self.predictor = load_predictor(self.path, space)

    def metrics(self) -> tuple[Metric, ...]:
        how = f"{self.predictor.kind} on {len(self.predictor.observed)} observations"
        return (Metric(self.predictor.metric, "predicted", how),)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        found = self.predictor.predict(designs)
        return Columns({self.predictor.metric: found.mean}, std={self.predictor.metric: found.std})

    def fingerprint(self) -> dict[str, str]:
        """Digest of the learnt numbers, and how far they can be trusted."""
        learnt = {"codes": self.predictor.codes, "observed": self.predictor.observed, **self.predictor.state()}
        digest = hashlib.blake2b(digest_size=10)
        for name in sorted(learnt):
            digest.update(name.encode() + np.ascontiguousarray(learnt[name]).tobytes())
        figures = {f"predictor_{key}": f"{value:.6g}" for key, value in self.predictor.calibration().items()}
        return {"predictor": str(self.path), "predictor_digest": digest.hexdigest(), **figures}
