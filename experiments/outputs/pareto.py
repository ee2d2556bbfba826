"""The front as a table, whole or one pick of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...spaces.errors import ConfigError
from .results import Results

KNOB_COLUMNS = 8
"""Designs of more knobs are left out of a table of several; the exported files hold them."""


@dataclass(frozen=True)
class FrontTable:
    """A front, or the least violating designs, ready to show.

    Attributes:
        study: Name of the study.
        feasible: Whether these designs meet every constraint.
        columns: Column names.
        rows: One row of values or short texts per design, best first objective first; of infeasible designs, which have
            a column ``violation`` more, the least violating first.
        members: The same designs in full, as in :attr:`cosearch.experiments.outputs.results.Results.members`.
        hypervolume: Of the whole front.
        size: Members of the whole front.
    """

    study: str
    feasible: bool
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    members: list[dict[str, Any]]
    hypervolume: float
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the texts of the table."""
        return {
            "study": self.study,
            "feasible": self.feasible,
            "front_size": self.size,
            "hypervolume": self.hypervolume,
            "designs": self.members,
        }


def front_table(folder: Path, pick: str | None = None) -> FrontTable:
    """Read the front of a study.

    Args:
        folder: The study's folder.
        pick: ``knee`` for the member that bulges most, ``nearest:METRIC=VALUE,...`` for the one nearest to a wish; None
            for all. When none is feasible, any pick is the least violating design.

    Raises:
        StoreError: When the folder holds no study.
        ConfigError: When the pick is neither.
        StrategyError: When the wish names no objective.
    """
    results = Results.read(folder)
    members = results.members
    feasible = results.is_feasible
    if pick is not None:
        chosen = set(_picked(results, pick).tolist())
        members = [m for m in members if m["trial"] in chosen] if feasible else members[:1]
    metrics = results.problem.metric_names()
    held_out = tuple(dict.fromkeys(name for m in members for name in m["held_out"]))
    knobs = results.problem.space.names
    if len(knobs) > KNOB_COLUMNS and len(members) > 1:
        knobs = ()
    rows = [
        (
            m["trial"],
            *(() if feasible else (f"{m['violation']:.4g}",)),
            *(_number(m["metrics"].get(name), m["std"].get(name)) for name in metrics),
            *(m["held_out"].get(name) for name in held_out),
            *(m["design"].get(name, "-") for name in knobs),
        )
        for m in members
    ]
    columns = ("trial", *(() if feasible else ("violation",)), *metrics, *held_out, *knobs)
    front = results.front
    name = str(results.meta["name"])
    return FrontTable(name, feasible, columns, rows, members, front.hypervolume(), len(front))


def _picked(results: Results, pick: str) -> Any:
    kind, _, wishes = pick.partition(":")
    if kind == "knee" and not wishes:
        return results.front.knee().ids
    if kind == "nearest" and wishes:
        try:
            pairs = dict(wish.split("=", 1) for wish in wishes.split(","))
            targets = {name.strip(): float(value) for name, value in pairs.items()}
        except ValueError as error:
            raise ConfigError(f"--pick {pick}: {error}", "write nearest:latency_ms=2,top1_pct=95") from error
        return results.front.nearest(**targets).ids
    raise ConfigError(f"--pick {pick!r} is unknown", "use 'knee' or 'nearest:METRIC=VALUE,...'")


def _number(value: float | None, std: float | None) -> str | float | None:
    """A number with its spread, rounded to where the spread begins to matter."""
    return value if value is None or std is None else f"{value:.4g} ± {std:.1g}"
