"""The report: one HTML page that needs no network and no other file."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from .agreement import Compared, agreement_figure
from .page import Cell, laid_out, number, section, table, value_cell, write_page
from .plots import MAX_POINTS, front_figures, hypervolume_figure, parallel_figure
from .prediction_check import PredictionCheck
from .report_data import ReportData, report_data

__all__ = ["ReportData", "report_data", "write_report"]

MAX_ROWS = 300
"""Front members in the table at most; the exported files hold all."""


def write_report(data: ReportData, path: Path) -> Path:
    """Write the page.

    Args:
        data: What to show.
        path: The HTML file; its folder must exist.

    Returns:
        ``path``.
    """
    figures = {f"front{i}": laid_out(figure) for i, figure in enumerate(front_figures(data))}
    body = [_front_section(data, len(figures))]
    parallel = parallel_figure(data)
    if parallel:
        figures["parallel"] = laid_out(parallel)
        body.append(_parallel_section(data))
    body.append(_members_section(data))
    for check in data.checks:
        if check.n:
            figures[f"check-{check.metric}"] = laid_out(_check_figure(check))
        body.append(_check_section(check))
    if data.history:
        figures["hypervolume"] = laid_out(hypervolume_figure(data))
        note = "How much of the objective space the front dominates, up to the reference point; it can only grow."
        body.append(section("Hypervolume over the trials", note, '<div class="plot" id="hypervolume"></div>'))
    body += [_failures_section(data), _facts_section(data), _environment_section(data)]
    return write_page(
        path, data.name, data.subtitle, _tiles(data), body, figures, f"{data.ending}. Written by cosearch."
    )


def _tiles(data: ReportData) -> list[tuple[str, str]]:
    failed = sum(data.counts.get(state, 0) for state in ("failed", "crashed", "timed_out"))
    done = data.counts.get("done", len(data.ids))
    share = 100.0 * int(data.feasible.sum()) / max(len(data.ids), 1)
    return [
        (f"{done + failed:,}", "trials evaluated"),
        (f"{int(data.front.sum()):,}", "designs on the front"),
        (f"{share:.1f} %", "of the trials feasible"),
        (f"{data.history[-1][1]:.5g}" if data.history else "—", "hypervolume"),
        (f"{failed:,}", "failed trials"),
    ]


def _front_section(data: ReportData, n_figures: int) -> str:
    notes = [_what_is_drawn(data)]
    if any(any(m["std"].values()) for m in data.members):
        notes.append("Bars are one standard deviation.")
    predicted = [o.metric for o in data.objectives if o.source == "predicted"]
    if predicted:
        notes.append(f"Predicted, not measured: {', '.join(predicted)}.")
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
    return section(title, " ".join(notes), f'<div class="plots{many}">{plots}</div>', kind)


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
    return section("What the designs have in common", note, '<div class="plot" id="parallel"></div>')


def _members_section(data: ReportData) -> str:
    metrics = list(dict.fromkeys(name for m in data.members for name in m["metrics"]))
    held_out = list(dict.fromkeys(name for m in data.members for name in m["held_out"]))
    varying = data.varying or data.knobs
    marks = {row[0]: " (predicted)" for row in data.sources if row[4] == "predicted"}
    for objective in data.objectives:
        marks[objective.metric] = f"{marks.get(objective.metric, '')} {objective.arrow}"
    violation = [] if data.is_feasible else ["violation"]
    heads = [
        "trial",
        *violation,
        *(n + marks.get(n, "") for n in metrics),
        *(f"held out: {n}" for n in held_out),
        *varying,
    ]
    rows = []
    for member in data.members[:MAX_ROWS]:
        cells = [number(member["trial"]), *(number(member[name]) for name in violation)]
        cells += [_measured(member, name) for name in metrics]
        cells += [number(member["held_out"].get(name)) for name in held_out]
        cells += [value_cell(member["design"].get(name)) for name in varying]
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
    return section(title, " ".join(notes), f'<div class="scroll">{table(heads, rows, "sortable")}</div>')


def _check_section(check: PredictionCheck) -> str:
    if not check.n:
        return section(f"{check.metric} is predicted", f"{check.sentence()}.", "", "warning")
    note = f"{check.sentence()}. Bars are 90 % intervals."
    return section(f"How far off {check.metric} was", note, f'<div class="plot" id="check-{check.metric}"></div>')


def _check_figure(check: PredictionCheck) -> dict[str, Any]:
    dots = Compared("front", check.predicted, check.std, check.truth, check.labels)
    return agreement_figure(check.metric, check.source, [dots])


def _failures_section(data: ReportData) -> str:
    if not data.failures:
        return ""
    rows = [[number(n), number(first), (escape(text), text, False)] for text, n, first in data.failures[:50]]
    note = "Trials that gave no numbers, by message; a strategy sees them as worse than any other."
    return section("Failures", note, table(["trials", "first", "message"], rows))


def _facts_section(data: ReportData) -> str:
    heads = ["metric", "goal", "constraint", "unit", "source", "target", "what it is"]
    metrics = table(heads, [[value_cell(cell) for cell in row] for row in data.sources])
    settings = table(["setting", "value"], [[value_cell(cell) for cell in row] for row in data.settings])
    left = section("Where the numbers come from", "No predicted or modelled number is a measurement.", metrics)
    right = section("How it was searched", "The seed and the configuration repeat this study.", settings)
    return f"{left}{right}"


def _environment_section(data: ReportData) -> str:
    if not data.environment:
        return ""
    rows = [[value_cell(name), value_cell(value)] for name, value in data.environment.items()]
    return f"<section><details><summary>Environment</summary>{table(['fact', 'value'], rows)}</details></section>"


def _measured(member: Mapping[str, Any], name: str) -> Cell:
    html, key, numeric = number(member["metrics"].get(name))
    std, count = member["std"].get(name), member["count"].get(name)
    if std is not None and np.isfinite(std):
        html += f" <i>± {std:.2g}</i>"
    if count is not None:
        html += f" <i>n {count}</i>"
    return html, key, numeric
