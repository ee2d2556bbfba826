"""From a configuration to an experiment: names looked up, options checked, everything built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...hw_targets.target import HardwareTarget
from ...search.catalog import STRATEGIES
from ...search.objective import Problem
from ...search.strategy import Strategy
from ...spaces.errors import CosearchError, FidelityError, InfeasibleError
from ...spaces.space import Space
from ..exact_metrics import exact_metrics
from ..experiment import Experiment
from ..fidelities import offered_fidelities, targets_with_fidelities
from .config import Config
from .options import attempt, checked_options, named_factory, option_in
from .problems import Problems
from .space_block import build_space
from .target_block import build_targets, check_bounds, check_objectives, metric_sources

StrategyFactory = Callable[[Problem, int], Strategy]


@dataclass(frozen=True)
class Parts:
    """What could be built of a configuration; None or missing where a problem was noted.

    Attributes:
        space: The design space.
        targets: Targets by label.
        sources: Metric to target label.
        strategy: Gives a strategy for a problem and a seed.
    """

    space: Space | None
    targets: dict[str, HardwareTarget]
    sources: dict[str, str]
    strategy: StrategyFactory | None


def build(config: Config) -> Experiment:
    """Build an experiment.

    Args:
        config: From :func:`cosearch.experiments.configuration.load.load`.

    Raises:
        ConfigError: With every problem, when a name is unknown, an option wrong, or a metric has no target.
    """
    problems = Problems(config.document)
    parts = build_parts(config.resolved(), problems)
    experiment = complete(config, parts, problems)
    if experiment is None:
        raise problems.error()
    return experiment


def build_parts(data: Mapping[str, Any], problems: Problems) -> Parts:
    """Build what can be built of plain data that may hold mistakes.

    Args:
        data: A configuration; blocks that are not mappings are passed over.
        problems: Takes everything that is wrong.
    """
    blocks = {key: data.get(key) for key in ("space", "targets", "search")}
    space = build_space(blocks["space"], ("space",), problems) if isinstance(blocks["space"], Mapping) else None
    asked = blocks["targets"] if isinstance(blocks["targets"], Mapping) else {}
    targets = build_targets(asked, space, problems)
    check_bounds(data.get("constraints"), problems)
    check_objectives(data.get("objectives"), problems)
    # A target that failed may be the one that gives a metric.
    sources = metric_sources(data, targets, problems) if targets and len(targets) == len(asked) else {}
    search = blocks["search"] if isinstance(blocks["search"], Mapping) else None
    return Parts(space, targets, sources, _strategy(search, problems) if search is not None else None)


def complete(config: Config, parts: Parts, problems: Problems) -> Experiment | None:
    """The experiment, or None when a problem was noted; the strategy is tried out on the problem."""
    if problems or parts.space is None or parts.strategy is None:
        return None
    objectives = tuple(o.build() for o in config.objectives)
    constraints = tuple(c.build() for c in config.constraints)
    labelled = {label: config.targets[label].part for label in parts.targets}
    exact = exact_metrics(parts.space, parts.targets, labelled, parts.sources)
    problem = Problem(parts.space, objectives, constraints, exact, offered_fidelities(parts.targets))
    strategy = parts.strategy
    try:
        attempt(lambda: strategy(problem, config.seed))
    except InfeasibleError as error:
        problems.add_error(("space",), error)
        return None
    except FidelityError as error:
        known = " or ".join(targets_with_fidelities())
        problems.add(("search", "name"), f"{config.search.name!r}: {error.problem}; use {known}, or one of your own")
        return None
    except CosearchError as error:
        problems.add_error(("search", *option_in(error, config.search.model_extra or {})), error)
        return None
    return Experiment(
        name=config.name,
        seed=config.seed,
        problem=problem,
        targets=parts.targets,
        parts=labelled,
        sources=parts.sources,
        strategy=strategy,
        budget=config.budget,
        stop=config.stop,
        execution=config.execution,
        tracking=config.tracking,
        output=config.output,
        config=config.resolved(),
    )


def _strategy(block: Mapping[str, Any], problems: Problems) -> StrategyFactory | None:
    factory = named_factory(STRATEGIES, block, ("search",), problems)
    if factory is None:
        return None
    given = {key: value for key, value in block.items() if key != "name"}
    options = checked_options(factory, 2, given, ("search",), problems)
    return None if options is None else partial(factory, **options)
