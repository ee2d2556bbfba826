"""The same path as the command line's, from Python: build an experiment, run it, resume it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..hw_targets.target import HardwareTarget
from ..search.catalog import STRATEGIES
from ..search.objective import Constraint, Objective, Problem
from ..search.strategy import Strategy
from ..spaces.errors import ConfigError
from ..spaces.space import Space
from .exact_metrics import exact_metrics
from .experiment import Experiment
from .fidelities import offered_fidelities
from .settings import Budget, Execution, Output, Stop, Tracking
from .study import Study


def experiment(
    space: Space,
    targets: HardwareTarget | Mapping[str, HardwareTarget],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
    *,
    strategy: str | Callable[[Problem, int], Strategy] = "nsga2",
    name: str = "study",
    seed: int = 0,
    trials: int = 200,
    **settings: Any,
) -> Experiment:
    """Build an experiment from objects.

    Args:
        space: What may be chosen.
        targets: What a choice costs: one target, or several by label.
        objectives: What to minimise or maximise.
        constraints: What must hold.
        strategy: Name of a strategy, or ``strategy(problem, seed)``: a class, or ``functools.partial`` for options.
        name: Name of the study.
        seed: Study seed.
        trials: Designs to evaluate; those of lower fidelity count as their share.
        settings: ``stop``, ``execution``, ``tracking`` and ``output``, see :mod:`cosearch.experiments.settings`;
            without ``tracking`` nothing is tracked.

    Returns:
        What :class:`~cosearch.experiments.study.Study` runs.

    Raises:
        ConfigError: When no target gives a metric that an objective or constraint reads, or a setting is unknown.
    """
    known: dict[str, Any] = {
        "stop": Stop(),
        "execution": Execution(),
        "tracking": Tracking(name="none"),
        "output": Output(),
    }
    if set(settings) - set(known):
        raise ConfigError(f"unknown settings {sorted(set(settings) - set(known))}", "use " + ", ".join(known))
    labelled = {"target": targets} if isinstance(targets, HardwareTarget) else dict(targets)
    sources = {metric.name: label for label, target in labelled.items() for metric in target.metrics()}
    parts = dict.fromkeys(labelled, None)
    exact = exact_metrics(space, labelled, parts, sources)
    fidelities = offered_fidelities(labelled)
    problem = Problem(space, tuple(objectives), tuple(constraints), exact, fidelities)
    for metric in problem.metric_names():
        if metric not in sources:
            raise ConfigError(f"no target gives {metric}", "known metrics: " + ", ".join(sources))
    factory = STRATEGIES.get(strategy) if isinstance(strategy, str) else strategy
    return Experiment(
        name=name,
        seed=seed,
        problem=problem,
        targets=labelled,
        parts=parts,
        sources=sources,
        strategy=factory,
        budget=Budget(trials=trials),
        config={},
        **(known | settings),
    )


def load(path: Path | str, overrides: Sequence[str] = ()) -> Experiment:
    """Load, check and build a configuration file.

    Args:
        path: The YAML file.
        overrides: ``key.path=value`` each.

    Raises:
        ConfigError: With every problem, its file and line.
    """
    from .configuration.validate import validate

    return validate(path, overrides).experiment


def run(what: Experiment | Path | str, *, folder: Path | None = None, progress: bool = False) -> Study:
    """Create a study and run it to its end.

    Args:
        what: An experiment, or the path of a configuration file.
        folder: The study's folder; by default a new one in the configured output folder.
        progress: Show a progress bar.

    Returns:
        The study; its :attr:`~cosearch.experiments.study.Study.results` hold the front.
    """
    study = Study.create(what if isinstance(what, Experiment) else load(what), folder)
    study.run(progress)
    return study


def resume(folder: Path | str, experiment: Experiment | None = None, *, progress: bool = False) -> Study:
    """Go on with a study that was interrupted or killed, or whose budget was raised.

    Args:
        folder: The study's folder.
        experiment: Needed only for studies made in Python, without a configuration file.
        progress: Show a progress bar.
    """
    study = Study.open(Path(folder), experiment)
    study.run(progress)
    return study
