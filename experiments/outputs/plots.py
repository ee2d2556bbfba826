"""Figures of a report as plain plotly specifications; colours such as ``@accent`` are filled in by the page's theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .report_data import ReportData

Figure = dict[str, Any]

MAX_POINTS = 5000
"""Dominated or infeasible trials drawn at most; more make a page slow and no picture clearer."""

MAX_AXES = 16
"""Axes of the parallel coordinates at most; more cannot be read."""

FOCUS_QUANTILE = 0.9
"""Share of the dominated trials that the first view of a front must show."""

SCALE = [[0.0, "#1d4ed8"], [0.5, "#a855f7"], [1.0, "#f97316"]]


def front_figures(data: ReportData) -> list[Figure]:
    """The trials and the front: one figure for two objectives, one for each pair of three or more.

    With one objective, its value over the trials.
    """
    if len(data.objectives) == 1:
        return [_single_objective(data)]
    pairs = list(combinations(range(len(data.objectives)), 2))
    if len(data.objectives) > 3:
        pairs = [(0, other) for other in range(1, len(data.objectives))]
    return [_pair(data, x, y) for x, y in pairs]


def hypervolume_figure(data: ReportData) -> Figure:
    """Hypervolume and size of the front over the finished trials."""
    n, hypervolume, size = ([row[i] for row in data.history] for i in range(3))
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "name": "hypervolume", "x": n, "y": _short(hypervolume),
             "line": {"shape": "hv", "color": "@accent", "width": 2.5}, "fill": "tozeroy", "fillcolor": "@wash"},
            {"type": "scatter", "mode": "lines", "name": "front size", "x": n, "y": size, "yaxis": "y2",
             "line": {"shape": "hv", "color": "@second", "width": 1.5, "dash": "dot"}},
        ],
        "layout": {
            "xaxis": {"title": {"text": "finished trials"}},
            "yaxis": {"title": {"text": "hypervolume"}, "rangemode": "tozero"},
            "yaxis2": {"title": {"text": "front size"}, "overlaying": "y", "side": "right", "showgrid": False,
                       "rangemode": "tozero", "tickmode": "auto", "nticks": 6},
        },
    }  # fmt: skip


def parallel_figure(data: ReportData) -> Figure | None:
    """Knobs and metrics of the front's members as parallel coordinates; None for fewer than two members."""
    if len(data.members) < 2:
        return None
    metrics = list(
        dict.fromkeys([o.metric for o in data.objectives] + [m for row in data.members for m in row["metrics"]])
    )
    goals = {o.metric: o.arrow for o in data.objectives}
    room = max(MAX_AXES - len(metrics), 0)
    knobs = [_axis(name, [m["design"].get(name) for m in data.members]) for name in data.varying[:room]]
    numbers = [
        _axis(f"{name} {goals.get(name, '')}".strip(), [m["metrics"].get(name) for m in data.members])
        for name in metrics[:MAX_AXES]
    ]
    first = _short([m["metrics"][metrics[0]] for m in data.members])
    return {
        "data": [{
            "type": "parcoords", "dimensions": knobs + numbers, "labelangle": -20, "labelside": "top",
            "labelfont": {"color": "@ink", "size": 13}, "tickfont": {"color": "@quiet", "size": 11},
            "rangefont": {"color": "rgba(0,0,0,0)", "size": 1}, "unselected": {"line": {"opacity": 0.08}},
            "line": {"color": first, "colorscale": SCALE},
        }],
        "layout": {"margin": {"t": 110, "l": 70, "r": 70, "b": 30}},
    }  # fmt: skip


def shown(mask: NDArray[np.bool_], limit: int = MAX_POINTS) -> NDArray[np.int64]:
    """Rows where ``mask`` [n] holds, at most ``limit``, evenly spread over the trials; int64."""
    rows = np.flatnonzero(mask)
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).round().astype(np.int64)]


def _pair(data: ReportData, x: int, y: int) -> Figure:
    ox, oy = data.objectives[x], data.objectives[y]
    across, up = data.values[ox.metric], data.values[oy.metric]
    traces = []
    for name, mask, marker in (
        (
            "infeasible",
            ~data.feasible,
            {"symbol": "x-thin", "size": 6, "opacity": 0.6, "line": {"width": 1, "color": "@bad"}},
        ),
        ("dominated", data.feasible & ~data.front, {"size": 5, "color": "@dots"}),
    ):
        rows = shown(mask)
        if len(rows):
            traces.append(_dots(name, across[rows], up[rows], [f"trial {i}" for i in data.ids[rows].tolist()], marker))
    traces.append(_front(data, x, y))
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": ox.label}, **_focus(ox.metric, data)},
            "yaxis": {"title": {"text": oy.label}, **_focus(oy.metric, data)},
            "hovermode": "closest",
            "showlegend": len(data.objectives) == 2,
        },
    }


def _dots(name: str, x: NDArray[Any], y: NDArray[Any], text: Sequence[str], marker: Figure) -> Figure:
    hover = "%{text}<br>%{x}<br>%{y}<extra>" + name + "</extra>"
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": _short(x), "y": _short(y), "text": list(text),
        "marker": marker, "hovertemplate": hover,
    }  # fmt: skip


def _front(data: ReportData, x: int, y: int) -> Figure:
    """The members with error bars; joined by the attained steps for two objectives, coloured by the third for three."""
    ox, oy = data.objectives[x], data.objectives[y]
    members = sorted(data.members, key=lambda m: float(m["metrics"][ox.metric]))
    columns = [_short([m["metrics"][o.metric] for m in members]) for o in (ox, oy)]
    marker: Figure = {"size": 9, "color": "@accent", "line": {"width": 1.2, "color": "@card"}}
    trace: Figure = {
        "type": "scatter", "mode": "markers", "name": data.members_name, "x": columns[0], "y": columns[1],
        "text": [_hover(m) for m in members], "hovertemplate": "%{text}<extra></extra>", "marker": marker,
    }  # fmt: skip
    if len(data.objectives) == 2 and data.is_feasible:
        shape = "hv" if ox.goal == "minimize" else "vh"
        trace |= {"mode": "lines+markers", "line": {"shape": shape, "color": "@accent", "width": 1.6}}
    if len(data.objectives) == 3:
        third = data.objectives[3 - x - y]
        bar = {"title": {"text": third.metric, "side": "right"}, "thickness": 10, "outlinewidth": 0}
        marker |= {"color": _short([m["metrics"][third.metric] for m in members]), "colorscale": SCALE, "colorbar": bar}
    for key, objective in (("error_x", ox), ("error_y", oy)):
        spread = [m["std"].get(objective.metric) for m in members]
        if any(spread):
            bars = [value or 0.0 for value in spread]
            # A bar in the accent colour would be read off the colour scale.
            colour = "@quiet" if len(data.objectives) == 3 else "@accent"
            trace[key] = {"type": "data", "array": _short(bars), "thickness": 1.2, "width": 3, "color": colour}
    return trace


def _single_objective(data: ReportData) -> Figure:
    (objective,) = data.objectives
    values = data.values[objective.metric]
    best = np.minimum.accumulate if objective.goal == "minimize" else np.maximum.accumulate
    feasible = np.flatnonzero(data.feasible)
    rows, bad = shown(data.feasible), shown(~data.feasible)
    traces = [_dots("feasible", data.ids[rows], values[rows], [""] * len(rows), {"size": 5, "color": "@dots"})]
    if len(bad):
        marker = {"symbol": "x-thin", "size": 6, "opacity": 0.6, "line": {"width": 1, "color": "@bad"}}
        traces.append(_dots("infeasible", data.ids[bad], values[bad], [""] * len(bad), marker))
    if len(feasible):
        line = best(values[feasible])
        keep = np.flatnonzero(
            np.r_[True, np.diff(line) != 0, True][: len(line)] | (np.arange(len(line)) == len(line) - 1)
        )
        traces.append({
            "type": "scatter", "mode": "lines", "name": "best so far", "x": data.ids[feasible][keep].tolist(),
            "y": _short(line[keep]), "line": {"shape": "hv", "color": "@accent", "width": 2},
        })  # fmt: skip
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "trial"}},
            "yaxis": {"title": {"text": objective.label}, **_focus(objective.metric, data)},
        },
    }


def _focus(metric: str, data: ReportData) -> Figure:
    """A range that shows the whole front and most trials when outliers would squeeze it into a corner."""
    values = data.values[metric]
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    ends = [m["metrics"][metric] + sign * (m["std"].get(metric) or 0.0) for m in data.members for sign in (-1, 1)]
    low, high = np.quantile(values, [1 - FOCUS_QUANTILE, FOCUS_QUANTILE])
    low, high = min([low, *ends]), max([high, *ends])
    margin = 0.06 * (high - low)
    if margin == 0 or np.ptp(values) < 1.6 * (high - low):
        return {}
    return {"range": _short([low - margin, high + margin])}


def _axis(label: str, column: Sequence[Any]) -> Figure:
    """One parallel coordinate: numbers as they are, everything else as evenly spaced levels."""
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column)
    label = label if len(label) <= 26 else label[:25] + "…"
    if numeric:
        levels = sorted(set(column))
        ticks: Figure = {"tickvals": levels, "ticktext": [f"{v:g}" for v in levels]} if len(levels) <= 8 else {}
        return {"label": label, "values": _short(column), **ticks}
    names = sorted({_name(v) for v in column}, key=_by_number)
    place = {name: i for i, name in enumerate(names)}
    step = max(1, len(names) // 20)
    return {
        "label": label, "values": [place[_name(v)] for v in column], "range": [-0.3, len(names) - 0.7],
        "tickvals": list(range(0, len(names), step)), "ticktext": names[::step],
    }  # fmt: skip


def _name(value: object) -> str:
    return "—" if value is None else str(value)


def _by_number(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), "")
    except ValueError:
        return (1, 0.0, name)


def _hover(member: Mapping[str, Any]) -> str:
    metrics = [f"{name} <b>{value:.6g}</b>" for name, value in member["metrics"].items()]
    knobs = [escape(f"{name} = {value}") for name, value in list(member["design"].items())[:12]]
    return "<br>".join([f"<b>trial {member['trial']}</b>", *metrics, *knobs])


def _short(values: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """Six significant digits: enough for a picture, a third of the size."""
    return [None if v is None or not np.isfinite(v) else float(f"{v:.6g}") for v in values]
