"""Any plain function as a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature

import numpy as np

from ..spaces.design import Designs
from ..spaces.errors import TargetError
from ..spaces.registry import Registry
from ..spaces.space import Space
from .metric import Metric, Source
from .target import Columns, HardwareTarget, Needs, Seeds

Score = Callable[..., Mapping[str, float]]
"""A design as a plain dict in, metric name to number out; may take a keyword argument ``fidelity`` as well."""

FIDELITIES = (1 / 9, 1 / 3, 1.0)
"""Offered for functions that take a fidelity: two steps of successive halving with the usual factor of 3."""


class FunctionTarget(HardwareTarget):
    """Scores designs by a function of one design.

    In a configuration::

        targets:
          mine: {name: function, function: "my_package.cost:score", metrics: [latency_ms, area_mm2]}

    Args:
        space: The space.
        function: A function ``design dict -> {metric: number}``, defined at the top of a module so that worker
            processes find it, or its ``package.module:name``. What it raises becomes the design's failure.
        metrics: Metric names, each ending in its unit.
        source: Where the numbers come from; see :data:`~cosearch.hw_targets.metric.Source`.
        device: Name of a device that an evaluation must have for itself, or None.
        version: Changes when the function's numbers do; kept with the results.
        fidelities: Shares of the full effort that the function knows, rising to 1; needs a function with a parameter
            ``fidelity``, and is :data:`FIDELITIES` for such a function when it is left out.

    Raises:
        TargetError: When there is no metric, a name carries no unit, ``function`` is neither, or it does not take the
            fidelities.
    """

    def __init__(
        self,
        space: Space,
        function: Score | str,
        metrics: Sequence[str],
        *,
        source: Source = "modelled",
        device: str | None = None,
        version: str = "1",
        fidelities: Sequence[float] | None = None,
    ) -> None:
        if isinstance(metrics, str) or not metrics:
            raise TargetError(f"function target: metrics {metrics!r}", "list the names, such as [latency_ms]")
        self.space = space
        loaded = Registry("functions", {}).get(function) if isinstance(function, str) else function
        if not callable(loaded):
            raise TargetError(f"function target: {function!r} is not a function", "give package.module:function")
        self.function: Score = loaded
        self.version = version
        self.needs = Needs(device=device)
        self._fidelities = _fidelities(loaded, fidelities)
        described = (loaded.__doc__ or "").strip().partition("\n")[0] or f"by {_name(loaded)}"
        self._metrics = tuple(Metric(name, source, described) for name in metrics)

    def metrics(self) -> tuple[Metric, ...]:
        return self._metrics

    def fingerprint(self) -> dict[str, str]:
        return {"function": _name(self.function), "version": self.version}

    def fidelities(self) -> tuple[float, ...]:
        return self._fidelities

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self.evaluate_at(designs, seeds, 1.0)

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        # A function that knows no fidelities is called as ever.
        effort = {} if self._fidelities == (1.0,) else {"fidelity": fidelity}
        table = np.full((len(designs), len(self._metrics)), np.nan)
        failures: dict[int, str] = {}
        for row, design in enumerate(designs):
            try:
                scores = self.function(dict(design), **effort)
                table[row] = [scores[metric.name] for metric in self._metrics]
            except Exception as error:  # noqa: BLE001  somebody else's function may raise anything
                failures[row] = f"{_name(self.function)} raised {type(error).__name__}: {error}"
                continue
            if not np.isfinite(table[row]).all():
                failures[row] = f"{_name(self.function)} gave {dict(scores)}, not finite numbers"
        return Columns({m.name: table[:, i] for i, m in enumerate(self._metrics)}, failures=failures)


def _fidelities(function: Score, given: Sequence[float] | None) -> tuple[float, ...]:
    try:
        takes = "fidelity" in signature(function).parameters
    except ValueError:
        takes = False
    if given is None:
        return FIDELITIES if takes else (1.0,)
    offered = tuple(float(fidelity) for fidelity in given)
    if list(offered) != sorted(set(offered)) or offered[-1:] != (1.0,) or offered[0] <= 0:
        raise TargetError(f"function target: fidelities {list(given)}", "list rising shares that end in 1: [0.1, 1]")
    if not takes and offered != (1.0,):
        remedy = f"write def {getattr(function, '__name__', 'score')}(design, fidelity)"
        raise TargetError(f"function target: fidelities are given, but {_name(function)} takes no fidelity", remedy)
    return offered


def _name(function: Score) -> str:
    return f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', repr(function))}"
