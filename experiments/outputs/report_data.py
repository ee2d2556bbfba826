"""What a report shows, as plain columns, and how it is read from a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.metric import UNITS
from ...search.objective import Constraint
from .prediction_check import PredictionCheck, prediction_checks
from .results import Results


@dataclass(frozen=True, slots=True)
class ObjectiveColumn:
    """One objective of a report.

    Args:
        metric: Metric name.
        goal: ``minimize`` or ``maximize``.
        unit: The unit in words.
        source: ``measured``, ``simulated``, ``modelled``, ``trained`` or ``predicted``.
    """

    metric: str
    goal: str
    unit: str
    source: str

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↓" if self.goal == "minimize" else "↑"

    @property
    def label(self) -> str:
        """Text of an axis."""
        better = "lower" if self.goal == "minimize" else "higher"
        predicted = " (predicted)" if self.source == "predicted" else ""
        return f"{self.metric}{predicted}  {self.arrow} {better} is better"


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    Args:
        name: Title.
        subtitle: One line under it.
        settings: (name, value) of the headline settings.
        objectives: In configured order.
        sources: (metric, goal, unit, source, target, description) of every metric.
        ids: Trial ids, int64 [n]; full evaluations with numbers, each design once.
        values: Objective to float64 [n].
        feasible: Whether a trial meets every constraint, bool [n].
        front: Whether a trial is on the front, bool [n].
        members: The front, as in :attr:`~cosearch.experiments.outputs.results.Results.members`.
        history: (finished trials, hypervolume, front size).
        failures: (message, how many, first trial).
        counts: Trials by state.
        environment: Fact to value.
        ending: How the study ended, one line.
        checks: Predicted metrics, and how far off they were where the front was measured.
    """

    name: str
    subtitle: str
    settings: Sequence[tuple[str, str]]
    objectives: Sequence[ObjectiveColumn]
    sources: Sequence[tuple[str, ...]]
    ids: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    feasible: NDArray[np.bool_]
    front: NDArray[np.bool_]
    members: Sequence[Mapping[str, Any]]
    history: Sequence[tuple[int, float, int]]
    failures: Sequence[tuple[str, int, int]] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    ending: str = ""
    checks: Sequence[PredictionCheck] = ()

    @property
    def is_feasible(self) -> bool:
        """Whether any trial meets every constraint; if not, the members are the least violating designs."""
        return bool(self.front.any())

    @property
    def members_name(self) -> str:
        """What the members are called."""
        return "front" if self.is_feasible else "least violating"

    @property
    def knobs(self) -> list[str]:
        """Knobs of the members, in the order of the space."""
        return list(dict.fromkeys(name for member in self.members for name in member["design"]))

    @property
    def varying(self) -> list[str]:
        """Knobs in which the members differ."""
        return [k for k in self.knobs if len({str(m["design"].get(k)) for m in self.members}) > 1]


def report_data(results: Results) -> ReportData:
    """Collect what a report shows.

    Args:
        results: What a study found.
    """
    meta, problem, ledger = results.meta, results.problem, results.ledger
    finished = np.array([i for i in range(ledger.n) if ledger.is_finished(i)], dtype=np.int64)
    trials = ledger.trials(finished).in_full()
    trials = trials[np.flatnonzero(np.isfinite(trials.violations))]
    # A repeat of a design has the numbers of the first, so drawing it again shows nothing.
    trials = trials[np.sort(np.unique(trials.codes, axis=0, return_index=True)[1])] if len(trials) else trials
    metrics = problem.unscore(trials.objectives)
    goals = {o.metric: o.goal for o in problem.objectives}
    bounds = {c.metric: _bounds(c) for c in problem.constraints}
    sources = [
        (name, goals.get(name, "—"), bounds.get(name, "—"), _unit(name), s["source"], s["target"], s["description"])
        for name, s in meta["sources"].items()
    ]
    return ReportData(
        name=meta["name"],
        subtitle=_subtitle(results),
        settings=_settings(results),
        objectives=[
            ObjectiveColumn(o.metric, o.goal, _unit(o.metric), meta["sources"].get(o.metric, {}).get("source", ""))
            for o in problem.objectives
        ],
        sources=sources,
        ids=trials.ids,
        values={o.metric: metrics[:, i] for i, o in enumerate(problem.objectives)},
        feasible=trials.feasible,
        front=np.isin(trials.ids, results.front.trials.ids),
        members=results.members,
        history=[(p.n, p.hypervolume, p.front_size) for p in results.history],
        failures=results.failures,
        counts=results.counts,
        environment=meta.get("environment", {}),
        ending=f"{meta['ending']['state']}: {meta['ending']['reason']}",
        checks=prediction_checks(results),
    )


def _subtitle(results: Results) -> str:
    problem, size = results.problem, results.problem.space.size()
    many = (
        "a space too large to count" if size is None else f"{size:,} designs" if size < 1e9 else f"{size:.2e} designs"
    )
    wishes = " and ".join(f"{o.goal} {o.metric}" for o in problem.objectives)
    return f"{wishes} over {many} of {problem.space.name} ({problem.space.n_knobs} knobs)"


def _settings(results: Results) -> list[tuple[str, str]]:
    meta, config = results.meta, results.meta["config"]
    search = dict(config.get("search", {}))
    options = ", ".join(f"{key} {value}" for key, value in search.items() if key != "name")
    budget = config.get("budget", {})
    rows = [
        ("strategy", str(search.get("name", "")) + (f" ({options})" if options else "")),
        ("budget", ", ".join(f"{value} {key}" for key, value in budget.items() if value is not None)),
        ("spent", _spent(results)),
        ("seed", str(meta["seed"])),
        ("constraints", "; ".join(f"{c.metric} {_bounds(c)}" for c in results.problem.constraints) or "none"),
        ("reference point", ", ".join(_reference(o.metric, o.reference) for o in results.problem.objectives)),
        ("wall time", f"{meta['seconds']:.1f} s"),
        ("space digest", str(meta["space_digest"])),
    ]
    return [(name, value) for name, value in rows if value]


def _spent(results: Results) -> str:
    ledger = results.ledger
    if round(ledger.spent, 6) == ledger.n_finished:
        return ""
    return f"{ledger.n_finished} trials, most of lower fidelity, worth {ledger.spent:.4g} full evaluations"


def _reference(metric: str, value: float | None) -> str:
    return f"{metric} {value:g}" if value is not None else f"{metric} from the first trials"


def _bounds(constraint: Constraint) -> str:
    parts = []
    if constraint.at_least is not None:
        parts.append(f"≥ {constraint.at_least:g}")
    if constraint.at_most is not None:
        parts.append(f"≤ {constraint.at_most:g}")
    return " and ".join(parts)


def _unit(metric: str) -> str:
    return UNITS.get(metric.rsplit("_", 1)[-1], "")
