"""The report: one HTML page that needs no network and no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from .atomic import write_text
from .plots import MAX_POINTS, front_figures, hypervolume_figure, parallel_figure
from .report_data import ReportData, report_data

__all__ = ["ReportData", "report_data", "write_report"]

MAX_ROWS = 300
"""Front members in the table at most; the exported files hold all."""

Cell = tuple[str, str, bool]
"""HTML, key to sort by, whether it is a number."""


def write_report(data: ReportData, path: Path) -> Path:
    """Write the page.

    Args:
        data: What to show.
        path: The HTML file; its folder must exist.

    Returns:
        ``path``.
    """
    from plotly.offline import get_plotlyjs

    figures = {f"front{i}": _laid_out(figure) for i, figure in enumerate(front_figures(data))}
    body = [_front_section(data, len(figures))]
    parallel = parallel_figure(data)
    if parallel:
        figures["parallel"] = _laid_out(parallel)
        body.append(_parallel_section(data))
    body.append(_members_section(data))
    if data.history:
        figures["hypervolume"] = _laid_out(hypervolume_figure(data))
        note = "How much of the objective space the front dominates, up to the reference point; it can only grow."
        body.append(_section("Hypervolume over the trials", note, '<div class="plot" id="hypervolume"></div>'))
    body += [_failures_section(data), _facts_section(data), _environment_section(data)]
    page = Template(files(__package__).joinpath("templates/report.html").read_text(encoding="utf-8"))
    text = page.substitute(
        title=escape(data.name),
        subtitle=escape(data.subtitle),
        tiles=_tiles(data),
        body="\n".join(part for part in body if part),
        footer=f"{escape(data.ending)}. Written by cosearch.",
        plotly=get_plotlyjs(),
        # The page's script must not end inside a knob's value.
        figures=json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
    )
    return write_text(path, text)


def _laid_out(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure with the page's look."""
    axis = {"gridcolor": "@grid", "zeroline": False, "linecolor": "@rule", "automargin": True}
    layout: dict[str, Any] = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "color": "@ink",
            "size": 13,
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif",
        },
        "margin": {"t": 40, "l": 64, "r": 24, "b": 56},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@quiet", "activecolor": "@accent"},
        "hoverlabel": {"align": "left", "bgcolor": "@card", "bordercolor": "@rule", "font": {"color": "@ink"}},
        **figure["layout"],
    }
    for name in [key for key in layout if key.startswith(("xaxis", "yaxis"))]:
        layout[name] = axis | layout[name]
    return {"data": figure["data"], "layout": layout}


def _tiles(data: ReportData) -> str:
    failed = sum(data.counts.get(state, 0) for state in ("failed", "crashed", "timed_out"))
    done = data.counts.get("done", len(data.ids))
    share = 100.0 * int(data.feasible.sum()) / max(len(data.ids), 1)
    tiles = [
        (f"{done + failed:,}", "trials evaluated"),
        (f"{int(data.front.sum()):,}", "designs on the front"),
        (f"{share:.1f} %", "of the trials feasible"),
        (f"{data.history[-1][1]:.5g}" if data.history else "—", "hypervolume"),
        (f"{failed:,}", "failed trials"),
    ]
    return "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in tiles
    )


def _section(title: str, note: str, content: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{escape(title)}</h2><p class="note">{escape(note)}</p>{content}</section>'


def _front_section(data: ReportData, n_figures: int) -> str:
    notes = [_what_is_drawn(data)]
    if any(any(m["std"].values()) for m in data.members):
        notes.append("Bars are one standard deviation.")
    for name, mask in (("dominated", data.feasible & ~data.front), ("infeasible", ~data.feasible)):
        if (n := int(mask.sum())) > MAX_POINTS:
            notes.append(f"Of {n:,} {name} trials, {MAX_POINTS:,} evenly spread ones are drawn.")
    if any(
        "range" in axis
        for figure in front_figures(data)
        for axis in figure["layout"].values()
        if isinstance(axis, dict)
    ):
        notes.append("Some distant trials lie outside the view: double-click to see all.")
    title = "Pareto front" if len(data.objectives) > 1 else "Best design"
    if not data.is_feasible:
        title = "No feasible design"
    many = " many" if n_figures > 1 else ""
    plots = "".join(f'<div class="plot" id="front{i}"></div>' for i in range(n_figures))
    kind = "" if data.is_feasible else "warning"
    return _section(title, " ".join(notes), f'<div class="plots{many}">{plots}</div>', kind)


def _what_is_drawn(data: ReportData) -> str:
    if not data.is_feasible:
        return "No trial met every constraint; the highlighted designs violate them least."
    if len(data.objectives) == 1:
        return "Every trial in order; the line is the best feasible value so far."
    text = "Every trial, the front in colour: nothing found is at least as good in all objectives and better in one."
    if len(data.objectives) == 2:
        return text
    colour = "; the front is coloured by the third objective" if len(data.objectives) == 3 else ""
    return f"{text} Grey dots are dominated, red crosses break a constraint{colour}."


def _parallel_section(data: ReportData) -> str:
    note = f"One line per design, coloured by {data.objectives[0].metric}. "
    note += "Drag along an axis to pick a range; drag its name to move it."
    return _section("What the designs have in common", note, '<div class="plot" id="parallel"></div>')


def _members_section(data: ReportData) -> str:
    metrics = list(dict.fromkeys(name for m in data.members for name in m["metrics"]))
    held_out = list(dict.fromkeys(name for m in data.members for name in m["held_out"]))
    varying = data.varying or data.knobs
    goals = {o.metric: f" {o.arrow}" for o in data.objectives}
    violation = [] if data.is_feasible else ["violation"]
    heads = [
        "trial",
        *violation,
        *(n + goals.get(n, "") for n in metrics),
        *(f"held out: {n}" for n in held_out),
        *varying,
    ]
    rows = []
    for member in data.members[:MAX_ROWS]:
        cells = [_number(member["trial"]), *(_number(member[name]) for name in violation)]
        cells += [_measured(member, name) for name in metrics]
        cells += [_number(member["held_out"].get(name)) for name in held_out]
        cells += [_value(member["design"].get(name)) for name in varying]
        rows.append(cells)
    notes = ["Click a column to sort by it; ± is one standard deviation, n the number of repeats."]
    if len(data.members) > MAX_ROWS:
        notes.append(f"The first {MAX_ROWS} of {len(data.members):,} are shown; the exported files hold all.")
    if held_out:
        notes.append("Held-out numbers were taken once, on data that the search never saw.")
    same = {name: data.members[0]["design"][name] for name in data.knobs if name not in varying}
    if same:
        notes.append("The same in all: " + ", ".join(f"{name} = {value}" for name, value in same.items()) + ".")
    title = "Designs on the front" if data.is_feasible else "Least violating designs"
    return _section(title, " ".join(notes), f'<div class="scroll">{_table(heads, rows, "sortable")}</div>')


def _failures_section(data: ReportData) -> str:
    if not data.failures:
        return ""
    rows = [[_number(n), _number(first), (escape(text), text, False)] for text, n, first in data.failures[:50]]
    note = "Trials that gave no numbers, by message; a strategy sees them as worse than any other."
    return _section("Failures", note, _table(["trials", "first", "message"], rows))


def _facts_section(data: ReportData) -> str:
    heads = ["metric", "goal", "constraint", "unit", "source", "target", "what it is"]
    metrics = _table(heads, [[_value(cell) for cell in row] for row in data.sources])
    settings = _table(["setting", "value"], [[_value(cell) for cell in row] for row in data.settings])
    left = _section("Where the numbers come from", "No predicted or modelled number is a measurement.", metrics)
    right = _section("How it was searched", "The seed and the configuration repeat this study.", settings)
    return f"{left}{right}"


def _environment_section(data: ReportData) -> str:
    if not data.environment:
        return ""
    rows = [[_value(name), _value(value)] for name, value in data.environment.items()]
    return f"<section><details><summary>Environment</summary>{_table(['fact', 'value'], rows)}</details></section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], kind: str = "") -> str:
    numeric = [all(row[i][2] for row in rows) and bool(rows) for i in range(len(heads))]
    marks = [' class="number"' if n else "" for n in numeric]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(heads, marks, strict=True))
    lines = []
    for row in rows:
        cells = (
            f'<td{mark} data-key="{escape(key)}">{html}</td>' for (html, key, _), mark in zip(row, marks, strict=True)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def _measured(member: Mapping[str, Any], name: str) -> Cell:
    html, key, numeric = _number(member["metrics"].get(name))
    std, count = member["std"].get(name), member["count"].get(name)
    if std is not None and np.isfinite(std):
        html += f" <i>± {std:.2g}</i>"
    if count is not None:
        html += f" <i>n {count}</i>"
    return html, key, numeric


def _number(value: float | None) -> Cell:
    if value is None:
        return "—", "", True
    return (f"{value:,}" if isinstance(value, int) else f"{value:.5g}"), repr(value), True


def _value(value: object) -> Cell:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return escape(f"{value:g}" if isinstance(value, float) else str(value)), repr(value), True
    if value is None:
        return "—", "", True
    return escape(str(value)), str(value), False
