"""Outcomes as rows of the benchmark's table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..harness import Row, row
from .protocol import Devices, Outcome
from .splits import Split, present

METRICS = ("spearman_all", "spearman_pp", "mape_pct", "coverage90", "choose_s", "adapt_s")


def groups(space: str, split: Split, devices: Devices, held_out: tuple[str, ...]) -> dict[str, list[str]]:
    """What a mean is taken over: name of the mean to its devices.

    A set that lacks devices says how many it has; held-out devices have a mean of their own.
    """
    wanted, _ = present(split.test, devices.test)
    found = {mean_name(space, split, wanted): wanted}
    others = [device for device in devices.test if device not in wanted and device not in held_out]
    found[f"{space}/{split.name} ({len(others)} other devices)" if wanted else f"{space}/{split.name}"] = others
    found[f"{space}/{split.name} (held out)"] = [device for device in devices.test if device in held_out]
    return {name: members for name, members in found.items() if members}


def mean_name(space: str, split: Split, devices: list[str]) -> str:
    """What the mean over those of a set's test devices that there are is called."""
    complete = len(devices) == len(split.test)
    return f"{space}/{split.name}" + ("" if complete else f" ({len(devices)} of {len(split.test)} devices)")


def rows_of(label: str, place: str, outcome: Outcome, means: dict[str, list[str]]) -> Iterator[Row]:
    """One method in one set: its means, its devices, and what was timed once.

    Args:
        label: The method.
        place: Space and set.
        outcome: What it did.
        means: From :func:`groups`.
    """
    wall = outcome.wall_s
    for n in sorted({n for _, n in outcome.figures}):
        budget = f"{n} measurements"
        for name, members in means.items():
            found = [outcome.figures[device, n] for device in members if (device, n) in outcome.figures]
            if len(found) == len(members):
                for metric in [metric for metric in METRICS if all(metric in figures for figures in found)]:
                    by_seed = np.mean([figures[metric] for figures in found], axis=0).tolist()
                    yield row(label, name, metric, by_seed, budget=budget, wall_s=wall)
        for (device, measured), figures in outcome.figures.items():
            if measured == n:
                for metric in [metric for metric in METRICS if metric in figures]:
                    yield row(label, f"{place}/{device}", metric, figures[metric], budget=budget, wall_s=wall)
    for metric, value in outcome.once.items():
        yield row(label, place, metric, value, wall_s=wall)
