"""Hardware-adaptive latency prediction by meta-learning (HELP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes, Value
from ..spaces.space import Space
from .calibration import report
from .help_model import HelpModel
from .help_network import HelpNetwork
from .help_training import Schedule, Tasks, meta_train
from .pool import Pool
from .pooled import PooledPredictor
from .prediction import FloatArray, Prediction
from .source_ridge import SourceRidge

LOW, HIGH = 0.05, 0.95
"""Where the least and the largest reference latency are scaled to; the published setting."""

LEAST_SHARE = 1e-3
"""Of the least reference value, below which no typical device falls."""

OUTER = 0.1
"""Share of a device's fastest and of its slowest designs that are not learnt from; the published setting."""

HELD_OUT = 0.1
"""Share of a pool's designs that are not learnt from."""

MOST_FOLDS = 10
"""Adaptations that the error on the new device is estimated from."""


class Help(PooledPredictor):
    """One network for all devices, told each by the metric of reference designs, meta-trained to adapt in two steps.

    A device is embedded by the metric of the reference designs, scaled to 0..1. The network is trained over the
    devices of the pool so that a few steps of gradient descent on a device's samples, with a learnt step size for each
    weight, predict its other designs; the embedding also gives a distribution over modulations of the network's head.
    The mean is that of several draws, each adapted; the variance is their spread plus the squared error on samples
    that were left out of the adaptation.

    As in the published code, the fastest and slowest tenth of a pool's designs are not learnt from on each device. The
    new device is known by its given measurements alone: its scale is that of its reference designs, and reference
    designs that were not measured are predicted by :class:`~.source_ridge.SourceRidge`. There the published code also
    looks at the new device: it scales by the range of hundreds of its latencies, and adapts to none of their fastest
    and slowest tenth. It keeps the checkpoint that is best on validation devices; this is the last one.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        reference: The reference designs; by default ``references`` of the pool's, see :func:`drawn_references`.
        references: How many.
        draws: Modulations that a prediction averages.
        width: Hidden units.
        **schedule: Fields of :class:`~.help_training.Schedule`, for example ``episodes=4000``.

    Raises:
        PredictorError: When a number is out of range.

    Source: Lee, Lee, Chong and Hwang 2021, "HELP: Hardware-adaptive efficient latency prediction for NAS via
    meta-learning", NeurIPS 2021, arXiv 2106.08630; settings as published.
    """

    kind: ClassVar[str] = "help"

    def __init__(
        self,
        space: Space,
        metric: str,
        *,
        reference: Sequence[Mapping[str, Value]] | None = None,
        references: int = 10,
        draws: int = 10,
        width: int = 100,
        **schedule: Any,
    ) -> None:
        super().__init__(space, metric)
        if references < 2 or draws < 2 or width < 1:
            problem = f"references {references}, draws {draws}, width {width}"
            raise PredictorError(problem, "use at least 2 references, 2 draws and a width of 1")
        given = None if reference is None else space.encode(reference)
        if given is not None and (len(given) < 2 or len(np.unique(given, axis=0)) < len(given)):
            raise PredictorError(f"{len(given)} reference designs", "give at least 2, all different")
        try:
            self._schedule = Schedule(**schedule)
        except TypeError as error:
            known = ", ".join(field.name for field in fields(Schedule))
            raise PredictorError(f"help: {error}", f"known options: {known}") from error
        self._own = {"references": references, "draws": draws, "width": width}
        self._given = given
        self._network = HelpNetwork(space, references if given is None else len(given), width)
        self._sources = SourceRidge(space, metric)
        self._model: HelpModel | None = None

    def options(self) -> dict[str, Any]:
        given = None if self._given is None else [dict(design) for design in self.space.decode(self._given)]
        return {"reference": given, **self._own, **asdict(self._schedule)}

    @property
    def reference(self) -> Designs:
        """The reference designs, in the order in which :meth:`choose` asks for them.

        Raises:
            PredictorError: When there are none yet.
        """
        self._check_fitted()
        return self.space.designs(self._reference)

    def choose(self, candidates: Designs, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The reference designs first, for each that is no candidate the nearest that is; the rest uniformly random.

        Before a pool was learnt from there are no references.
        """
        rows: list[int] = []
        for code in self._reference[:k] if len(self.observed) else ():
            distance = (candidates.codes != code).sum(axis=1)
            distance[rows] = self.space.n_knobs + 1
            rows.append(int(distance.argmin()))
        rest = rng.permutation(np.setdiff1d(np.arange(len(candidates)), rows))
        return np.concatenate([np.array(rows, dtype=np.int64), rest])[:k]

    def calibration(self) -> dict[str, float]:
        """Figures of the device adapted to; of a pool of one device on designs that were not learnt from."""
        pool = self.pool
        if self.n_adapted or len(pool) > 1:
            return super().calibration()
        held = self._held_out(pool)
        found = self._predict(pool.codes[held])
        return report(pool.values[held, 0], found.mean, found.std)

    def _fit_pool(self, pool: Pool) -> None:
        self._sources.fit_pool(pool)
        rng = np.random.default_rng(self._schedule.seed)
        codes = self._given if self._given is not None else drawn_references(pool, self._own["references"], rng)
        known = np.exp(self._sources.log_devices(codes))
        for i, code in enumerate(codes):
            measured = pool.values[(pool.codes == code).all(axis=1)].ravel()
            known[i, : len(measured)] = np.where(np.isfinite(measured), measured, known[i, : len(measured)])
        self._reference, self._known = codes, known
        scales = [Scale.of(column) for column in known.T]
        values = np.stack([scale.scaled(y) for scale, y in zip(scales, pool.values.T, strict=True)])
        embeddings = np.stack([scale.share(column) for scale, column in zip(scales, known.T, strict=True)])
        held = self._held_out(pool)
        seen = np.setdiff1d(np.arange(len(pool.codes)), held) if len(held) < len(pool.codes) else held
        tasks = Tasks(self._network.encode(pool.codes[seen]), middle_of(values[:, seen]), embeddings)
        self._weights = meta_train(self._network, tasks, self._schedule)
        self._model = HelpModel(self._network, self._weights)
        relative = pool.values[held] / self._typical(pool.codes[held])[:, None] - 1.0
        self._spread = max(float(np.sqrt(np.nanmean(relative**2))), TINY)

    def _held_out(self, pool: Pool) -> NDArray[np.int64]:
        """Designs of a pool that are not learnt from, but tell the error before adapting; of few designs all."""
        own = (pool.codes[:, None] == self._reference).all(axis=2).any(axis=1)
        free = np.flatnonzero(~own & (np.isfinite(pool.values).sum(axis=1) == len(pool)))
        count = int(HELD_OUT * len(free))
        if count < 2:
            return np.arange(len(pool.codes))
        return np.sort(np.random.default_rng(self._schedule.seed).permutation(free)[:count])

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        known = self._reference_values(codes, y)
        scale = Scale.of(known)
        embedding, target, model = scale.share(known), scale.scaled(y), self._trained()
        rng = np.random.default_rng(self._schedule.seed)
        draws = rng.standard_normal((self._own["draws"], self._network.n_modulated))
        samples, steps = (codes, target), self._schedule.steps
        weights = model.adapted(embedding, samples, draws, np.ones((len(draws), len(y))), steps)
        self._device_known = (scale, embedding, weights)
        fold = rng.permutation(len(y)) % min(MOST_FOLDS, len(y))
        kept = (fold != np.arange(fold.max() + 1)[:, None]).astype(np.float64)
        without = model.adapted(embedding, samples, np.zeros((len(kept), draws.shape[1])), kept, steps)
        left_out = model.predict(without, embedding, codes)[fold, np.arange(len(y))]
        self._error = float(np.sqrt(np.mean((left_out - target) ** 2)))

    def _predict(self, codes: Codes) -> Prediction:
        if not self.n_adapted:
            typical = self._typical(codes)
            return Prediction(typical, self._spread * typical)
        scale, embedding, weights = self._device_known
        each = scale.metric(self._trained().predict(weights, embedding, codes))
        error = self._error * scale.span / (HIGH - LOW)
        return Prediction(each.mean(axis=0), np.maximum(np.hypot(each.std(axis=0), error), TINY * scale.span))

    def _typical(self, codes: Codes) -> FloatArray:
        """Metric on a device whose reference values are geometric means over the pool, float64 [n], positive."""
        known = np.exp(np.log(self._known).mean(axis=1))
        scale, model = Scale.of(known), self._trained()
        embedding, samples = scale.share(known), (self._reference, scale.scaled(known))
        no_draw, all_kept = np.zeros((1, self._network.n_modulated)), np.ones((1, len(known)))
        weights = model.adapted(embedding, samples, no_draw, all_kept, self._schedule.steps)
        return np.maximum(scale.metric(model.predict(weights, embedding, codes)[0]), LEAST_SHARE * scale.low)

    def _reference_values(self, codes: Codes, y: FloatArray) -> FloatArray:
        """The new device's metric of the reference designs, measured or predicted, float64 [n_references]."""
        known = self._sources.adapt(self.space.designs(codes), y).predict(self.reference).mean
        for i, code in enumerate(self.reference.codes):
            same = (codes == code).all(axis=1)
            if same.any():
                known[i] = np.median(y[same])
        return known

    def _trained(self) -> HelpModel:
        if self._model is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit or fit_pool first")
        return self._model

    def _learnt(self) -> dict[str, FloatArray]:
        weights = {f"weight_{name}": array for name, array in self._weights.items()}
        return {"reference": self._reference, "known": self._known, "spread": np.array([self._spread]), **weights}

    def _restore_learnt(self, state: Mapping[str, FloatArray]) -> None:
        self._sources.fit_pool(self.pool)
        self._reference, self._known = np.asarray(state["reference"], np.int64), state["known"]
        self._spread = float(state["spread"][0])
        self._weights = {k.removeprefix("weight_"): v for k, v in state.items() if k.startswith("weight_")}
        self._model = HelpModel(self._network, self._weights)


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of a device's reference designs.

    Attributes:
        low: Least value.
        span: Distance to the largest.
    """

    low: float
    span: float

    @classmethod
    def of(cls, known: FloatArray) -> Self:
        """Of the metric of the reference designs, float64 [n_references], positive."""
        low, high = float(known.min()), float(known.max())
        return cls(low, high - low if high > low else low)

    def share(self, y: FloatArray) -> FloatArray:
        """Place in the range, 0..1 within it."""
        return (y - self.low) / self.span

    def scaled(self, y: FloatArray) -> FloatArray:
        """What the network predicts."""
        return LOW + (HIGH - LOW) * self.share(y)

    def metric(self, scaled: FloatArray) -> FloatArray:
        """Back from :meth:`scaled`."""
        return self.low + self.span * (scaled - LOW) / (HIGH - LOW)


def middle_of(values: FloatArray) -> FloatArray:
    """Float64 ``values`` [n_devices, n] with NaN for each device's lowest and highest, :data:`OUTER` of them each."""
    rank = np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1)
    n = np.isfinite(values).sum(axis=1, keepdims=True)
    cut = (OUTER * n).astype(np.int64)
    return np.where((rank >= cut) & (rank < n - cut), values, np.nan)


def drawn_references(pool: Pool, count: int, rng: np.random.Generator) -> Codes:
    """Reference designs of a pool, int64 [count, n_knobs]: those of least and largest mean rank, others at random.

    Designs that more devices have measured come first. The extremes set the scale, as where the published code
    searches; drawn ones tell devices apart better than ones spread evenly over the mean rank, on which devices agree.

    Args:
        pool: The pool.
        count: How many, at least 2 and at most the pool's designs.
        rng: Draws them.

    Raises:
        PredictorError: When the pool has fewer designs.
    """
    measured = np.isfinite(pool.values).sum(axis=1)
    known = int((measured > 0).sum())
    if known < count:
        raise PredictorError(f"{count} reference designs of {known} in the pool", "ask for fewer, or name them")
    rows = np.flatnonzero(measured >= np.sort(measured)[-count])
    logs = np.log(pool.values)
    standard = (logs - np.nanmean(logs, axis=0)) / np.maximum(np.nanstd(logs, axis=0), TINY)
    order = rows[np.argsort(np.nanmean(standard[rows], axis=1), kind="stable")]
    return np.asarray(pool.codes[np.concatenate([order[[0, -1]], rng.permutation(order[1:-1])[: count - 2]])])


TINY = 1e-12
"""Against division by zero and deviations of zero."""
