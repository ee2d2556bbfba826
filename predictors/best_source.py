"""The source device that ranks a new device's samples best."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..spaces.knobs import Codes
from .calibration import spearman
from .prediction import FloatArray, LinearCorrection
from .sources import TINY, SourcePredictor, log_positive

DIGITS = 6
"""Of standardised log metrics; far below any measurement's spread."""


class BestSource(SourcePredictor):
    """Predicts a new device by the device of the pool with the highest rank correlation on the samples.

    The log metric is a line of non-negative slope over that device's; the deviation is the spread around it. The
    baseline that any predictor of new devices has to beat: it can rank designs only as one known device does.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
    """

    kind: ClassVar[str] = "best_source"

    def options(self) -> dict[str, Any]:
        return {}

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        target, profiles = log_positive(self.metric, y), self.profiles(codes)
        # Designs that a device takes equally long for differ by rounding alone, and must stay tied.
        rank = [spearman(target, profile.round(DIGITS)) for profile in profiles.T]
        self._chosen = int(np.argmax(rank))
        line = LinearCorrection.between(profiles[:, self._chosen], target)
        if line.slope <= 0:
            line = LinearCorrection(0.0, float(target.mean()), float(target.std()))
        self._line = line

    @property
    def chosen(self) -> str | None:
        """Name of the device in use, once adapted."""
        return self._names[self._chosen] if self.n_adapted else None

    def _log_metric(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        mean = self._line.offset + self._line.slope * self.profiles(codes)[:, self._chosen].round(DIGITS)
        error = self._line.slope * self.sources.error[self._chosen]
        return mean, np.full(len(codes), np.sqrt(self._line.std**2 + error**2 + TINY))
