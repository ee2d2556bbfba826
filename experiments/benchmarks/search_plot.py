"""Mean curves of searches with their spread, as one page that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...search.objective import FloatArray
from .method import Method
from .search_cases import Results
from .search_run import SearchRun

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#6cc5b0", "#a463f2", "#97bbf5", "#9c6b4e", "#ff8ab7", "#9498a0")
"""Observable's categorical colours, ten of them; dashes tell further ones apart."""

DASHES = ("solid", "dash", "dot", "dashdot")
HEIGHT = 460
START = 20
"""Evaluation whose lowest mean the vertical axis starts at; before, everything rises steeply."""

MARGIN = 0.02


def write_plot(path: Path, results: Results) -> None:
    """Write a page with one diagram per problem: mean share of the hypervolume, and one standard deviation around it.

    Args:
        path: The HTML file.
        results: The searches.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(figure(results).to_html(include_plotlyjs=True), encoding="utf-8")


def figure(results: Results) -> Figure:
    """The diagrams; a click on a method in the legend hides it everywhere."""
    from plotly.subplots import make_subplots

    problems = list(dict.fromkeys(problem for problem, _ in results))
    methods = list(dict.fromkeys(method for _, method in results))
    shown: Figure = make_subplots(
        rows=len(problems), cols=1, subplot_titles=problems, vertical_spacing=0.25 / len(problems)
    )
    for (problem, method), runs in results.items():
        first = next(other for other, m in results if m == method) == problem
        _add(shown, 1 + problems.index(problem), method, methods.index(method), runs, first)
    for number, problem in enumerate(problems, 1):
        curves = [mean_curve(runs)[0] for (where, _), runs in results.items() if where == problem]
        low, high = min(c[min(START, len(c)) - 1] for c in curves), max(c[-1] for c in curves)
        shown.update_yaxes(range=[low - MARGIN, high + MARGIN], row=number, col=1)
    shown.update_xaxes(title_text="evaluations")
    shown.update_yaxes(title_text="share of the front's hypervolume")
    shown.update_layout(height=HEIGHT * len(problems), template="plotly_white", title="Search efficiency")
    return shown


def _add(shown: Figure, row: int, method: Method, number: int, runs: list[SearchRun], in_legend: bool) -> None:
    mean, spread = mean_curve(runs)
    x = np.arange(1, len(mean) + 1)
    colour = COLOURS[number % len(COLOURS)]
    line = {"color": colour, "dash": DASHES[number // len(COLOURS) % len(DASHES)]}
    band = np.concatenate([mean + spread, (mean - spread)[::-1]])
    shown.add_scatter(
        x=np.concatenate([x, x[::-1]]), y=band, fill="toself", fillcolor=colour, opacity=0.15, line={"width": 0},
        hoverinfo="skip", legendgroup=method.label, showlegend=False, row=row, col=1,
    )  # fmt: skip
    shown.add_scatter(
        x=x, y=mean, mode="lines", line=line, name=method.label, legendgroup=method.label, showlegend=in_legend,
        row=row, col=1,
    )  # fmt: skip


def mean_curve(runs: list[SearchRun]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the shares after each evaluation that all runs made, float64 [n]."""
    n = min(len(run.shares) for run in runs)
    shares = np.stack([run.shares[:n] for run in runs])
    return shares.mean(axis=0), shares.std(axis=0)
