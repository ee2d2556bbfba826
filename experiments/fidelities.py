"""The fidelities of a study: all that its targets offer."""

from __future__ import annotations

from collections.abc import Mapping

from ..hw_targets.catalog import TARGETS
from ..hw_targets.target import HardwareTarget


def offered_fidelities(targets: Mapping[str, HardwareTarget]) -> tuple[float, ...]:
    """What a strategy may ask for: every fidelity of every target, rising to 1.

    At each of them a target is evaluated at the nearest one of its own that is no lower, in full if need be.

    Args:
        targets: Label to target.
    """
    return tuple(sorted({1.0}.union(*(target.fidelities() for target in targets.values()))))


def targets_with_fidelities() -> list[str]:
    """Names of our own targets that offer more than full evaluations."""
    built_in = [name for name, origin, _ in TARGETS.rows() if origin == "built-in"]
    return [name for name in built_in if _overrides(TARGETS.get(name))]


def _overrides(factory: object) -> bool:
    return isinstance(factory, type) and getattr(factory, "fidelities", None) is not HardwareTarget.fidelities
