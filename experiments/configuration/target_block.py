"""The ``targets`` block of a configuration, and which target gives which metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...hw_targets.catalog import TARGETS
from ...hw_targets.metric import UNITS
from ...hw_targets.target import HardwareTarget
from ...spaces.errors import CosearchError
from ...spaces.space import Space
from .options import attempt, checked_options, named_factory, option_in, options_of
from .problems import Problems, nearest
from .yaml_source import KeyPath


def build_targets(
    blocks: Mapping[str, Any], space: Space | None, problems: Problems, section: str = "targets"
) -> dict[str, HardwareTarget]:
    """Targets by label; those with problems are missing.

    Args:
        blocks: Label to plain data.
        space: The design space; None checks names and options only.
        problems: Takes everything that is wrong.
        section: Key under which the blocks stand.
    """
    targets: dict[str, HardwareTarget] = {}
    for label, block in blocks.items():
        if isinstance(block, Mapping):
            target = _build_target(block, space, (section, label), problems)
            if target is not None:
                targets[label] = target
    return targets


def _build_target(
    block: Mapping[str, Any], space: Space | None, path: KeyPath, problems: Problems
) -> HardwareTarget | None:
    factory = named_factory(TARGETS, block, path, problems)
    if factory is None:
        return None
    given = {key: value for key, value in block.items() if key not in ("name", "part")}
    inner = {key: given[key] for key in sorted(options_of(factory, HardwareTarget) & given.keys())}
    options = checked_options(factory, 1, {k: v for k, v in given.items() if k not in inner}, path, problems)
    part = block.get("part")
    if space is not None and isinstance(part, str):
        try:
            space, _ = space.part(part)
        except CosearchError as error:
            problems.add_error((*path, "part"), error)
            return None
    nested = {key: _nested(value, space, (*path, key), problems) for key, value in inner.items()}
    if options is None or space is None or any(problems.touch((*path, key)) for key in inner):
        return None
    options |= nested
    try:
        target = attempt(lambda: factory(space, **options))
    except CosearchError as error:
        problems.add_error((*path, *option_in(error, given)), error)
        return None
    if isinstance(target, HardwareTarget):
        return target
    problems.add((*path, "name"), f"{block['name']!r} gave a {type(target).__name__}; name what gives a HardwareTarget")
    return None


def _nested(block: Any, space: Space | None, path: KeyPath, problems: Problems) -> HardwareTarget | None:
    """A target that another one takes as an option; null is none."""
    if isinstance(block, Mapping):
        return _build_target(block, space, path, problems)
    if block is not None:
        problems.add(path, f"must be a target such as {{name: torch_cpu}}, got {block!r}")
    return None


def metric_sources(
    data: Mapping[str, Any], targets: Mapping[str, HardwareTarget], problems: Problems
) -> dict[str, str]:
    """Metric to the label of the target that gives it, for every metric of every target.

    Of metrics that no objective or constraint reads, the first target that gives one wins.

    Args:
        data: The whole configuration.
        targets: All targets, by label.
        problems: Takes metrics without a target, or with several.
    """
    givers: dict[str, list[str]] = {}
    for label, target in targets.items():
        for given in target.metrics():
            givers.setdefault(given.name, []).append(label)
    chosen = _chosen(data.get("metrics") or {}, givers, targets, problems)
    held_out = {metric.name for target in targets.values() for metric in target.held_out_metrics()}
    for section in ("objectives", "constraints"):
        for i, entry in enumerate(_entries(data.get(section))):
            metric = entry.get("metric")
            if isinstance(metric, str) and metric not in chosen:
                problems.add((section, i, "metric"), _no_single_source(metric, givers, held_out))
    return {metric: chosen.get(metric, labels[0]) for metric, labels in givers.items()}


def _chosen(
    asked: Mapping[str, Any], givers: Mapping[str, list[str]], targets: Mapping[str, Any], problems: Problems
) -> dict[str, str]:
    for metric, label in asked.items():
        if metric not in givers:
            problems.add(("metrics", metric), f"no target gives it; {nearest(metric, givers)}")
        elif label not in givers[metric]:
            hint = nearest(str(label), targets if label not in targets else givers[metric])
            problems.add(("metrics", metric), f"target {label!r} does not give it; {hint}")
    single = {metric: labels[0] for metric, labels in givers.items() if len(labels) == 1}
    return single | {m: label for m, label in asked.items() if label in givers.get(m, ())}


def _no_single_source(metric: str, givers: Mapping[str, list[str]], held_out: set[str]) -> str:
    if metric in givers:
        labels = givers[metric]
        return f"targets {' and '.join(labels)} both give {metric!r}; choose under 'metrics': {metric}: {labels[0]}"
    if metric in held_out:
        return f"{metric!r} is held out to confirm the front; use one of: {', '.join(givers)}"
    return f"no target gives {metric!r}; {nearest(metric, givers) or 'add a target that does'}"


def check_bounds(constraints: Any, problems: Problems) -> None:
    """Note constraints that no design can meet, because of the unit of their metric."""
    for i, entry in enumerate(_entries(constraints)):
        metric, at_most, at_least = entry.get("metric"), entry.get("at_most"), entry.get("at_least")
        unit = metric.rsplit("_", 1)[-1] if isinstance(metric, str) else ""
        if unit in UNITS and isinstance(at_most, int | float) and at_most < 0:
            problems.add(
                ("constraints", i, "at_most"), f"no design can meet it: {metric} is never below 0; raise the bound"
            )
        if unit == "pct" and isinstance(at_least, int | float) and at_least > 100:
            problems.add(
                ("constraints", i, "at_least"), f"no design can meet it: {metric} is at most 100; lower the bound"
            )


def check_objectives(objectives: Any, problems: Problems) -> None:
    """Note metrics that are declared as an objective twice."""
    seen: set[str] = set()
    for i, entry in enumerate(_entries(objectives)):
        metric = str(entry.get("metric"))
        if metric in seen:
            problems.add(("objectives", i, "metric"), f"{metric!r} is an objective already; declare each metric once")
        seen.add(metric)


def _entries(section: Any) -> list[Mapping[str, Any]]:
    """The entries of a list, with {} for whatever is not a mapping, so that indices stay."""
    if not isinstance(section, Sequence) or isinstance(section, str):
        return []
    return [entry if isinstance(entry, Mapping) else {} for entry in section]
