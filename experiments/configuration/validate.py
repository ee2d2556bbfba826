"""Validation: everything that can be known to be wrong before a study starts, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...spaces.errors import InfeasibleError
from ..experiment import Experiment
from .build import build_parts, complete
from .config import Config
from .extends import read_document
from .load import locate_modules, parse
from .probe import Probe, probe
from .problems import Problems
from .requirements import check_execution, check_packages, check_programs, execution_warnings
from .yaml_source import Document


@dataclass(frozen=True)
class Validation:
    """A configuration that can run.

    Attributes:
        config: The checked configuration.
        experiment: What it builds.
        space_size: Number of designs; None when counting is not feasible.
        probe: What random designs showed; None when scoring them would be work.
        warnings: What is allowed but probably not meant.
    """

    config: Config
    experiment: Experiment
    space_size: int | None
    probe: Probe | None
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """Estimated scoring time of the whole budget with one worker."""
        return None if self.probe is None else self.probe.seconds * self.config.budget.trials

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        space = self.experiment.problem.space
        return {
            "name": self.config.name,
            "space": {"name": space.name, "knobs": space.n_knobs, "designs": self.space_size},
            "targets": {label: [m.name for m in t.metrics()] for label, t in self.experiment.targets.items()},
            "objectives": [o.model_dump() for o in self.config.objectives],
            "constraints": [c.model_dump() for c in self.config.constraints],
            "search": self.config.search.name,
            "trials": self.config.budget.trials,
            "probed": self.probe.n_designs if self.probe else 0,
            "probe_feasible": self.probe.n_feasible if self.probe else None,
            "scoring_seconds": self.seconds,
            "warnings": list(self.warnings),
        }


def validate(path: Path | str, overrides: Sequence[str] = ()) -> Validation:
    """Check a configuration file and everything it names; nothing is written.

    Args:
        path: The YAML file.
        overrides: ``key.path=value`` each.

    Raises:
        ConfigError: With every problem, its file and line.
    """
    return validate_document(locate_modules(read_document(Path(path), overrides), Path(path)))


def validate_document(document: Document) -> Validation:
    """Check what :func:`~cosearch.experiments.configuration.extends.read_document` read.

    Raises:
        ConfigError: With every problem.
    """
    problems = Problems(document)
    config = parse(document, problems)
    warnings: list[str] = []
    if config is not None:
        warnings += check_packages(config, problems)
        check_execution(config, problems)
    parts = build_parts(document.data, problems)
    experiment = complete(config, parts, problems) if config is not None else None
    if config is None or experiment is None:
        raise problems.error()
    check_programs(experiment, problems)
    found = _probe(experiment, problems)
    if problems:
        raise problems.error()
    size = experiment.problem.space.size()
    warnings += execution_warnings(experiment) + _probe_warnings(config, size, found)
    return Validation(config, experiment, size, found, tuple(warnings))


def _probe(experiment: Experiment, problems: Problems) -> Probe | None:
    try:
        return probe(experiment)
    except InfeasibleError as error:
        problems.add_error(("space",), error)
        return None


def _probe_warnings(config: Config, size: int | None, found: Probe | None) -> list[str]:
    warnings = []
    if size is not None and size < config.budget.trials:
        warnings.append(f"budget.trials: {config.budget.trials} trials, but the space has only {size} designs")
    if found is not None and found.n_failed == found.n_designs:
        warnings.append(f"targets: none of {found.n_designs} random designs could be scored")
    elif found is not None and found.n_feasible == 0:
        warnings.append(
            f"constraints: none of {found.n_designs} random designs meets them; loosen them if that surprises"
        )
    return warnings
