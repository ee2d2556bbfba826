"""The frame of an HTML page that needs nothing else: cards, tables, and figures by plotly, which is inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from .atomic import write_text

Cell = tuple[str, str, bool]
"""HTML, key to sort by, whether it is a number."""


def write_page(
    path: Path,
    title: str,
    subtitle: str,
    tiles: Iterable[tuple[str, str]],
    sections: Iterable[str],
    figures: Mapping[str, Any],
    footer: str,
) -> Path:
    """Write a page.

    Args:
        path: The HTML file; its folder must exist.
        title: Plain text.
        subtitle: Plain text.
        tiles: (value, what it is) of the headline numbers, plain text.
        sections: HTML, see :func:`section`; a figure is drawn in ``<div class="plot" id="ID"></div>``.
        figures: That ID to a figure from :func:`laid_out`.
        footer: Plain text.

    Returns:
        ``path``.
    """
    from plotly.offline import get_plotlyjs

    page = Template(files(__package__).joinpath("templates/report.html").read_text(encoding="utf-8"))
    text = page.substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        tiles="".join(f'<div class="tile"><b>{escape(v)}</b><span>{escape(name)}</span></div>' for v, name in tiles),
        body="\n".join(part for part in sections if part),
        footer=escape(footer),
        plotly=get_plotlyjs(),
        # The page's script must not end inside a knob's value.
        figures=json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
    )
    return write_text(path, text)


def laid_out(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure with the page's look.

    Args:
        figure: ``data`` and ``layout`` of a plotly figure; colours such as ``@accent`` are the theme's.
    """
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


def section(title: str, note: str, content: str, kind: str = "") -> str:
    """A card: title and note as plain text, content as HTML."""
    return f'<section class="{kind}"><h2>{escape(title)}</h2><p class="note">{escape(note)}</p>{content}</section>'


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], kind: str = "") -> str:
    """An HTML table; columns of numbers are set right.

    Args:
        heads: Column names.
        rows: One cell for each column.
        kind: CSS class; ``sortable`` lets readers sort.
    """
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


def number(value: float | None) -> Cell:
    """A number as a cell, a dash where there is none."""
    if value is None:
        return "—", "", True
    return (f"{value:,}" if isinstance(value, int) else f"{value:.5g}"), repr(value), True


def value_cell(value: object) -> Cell:
    """Anything as a cell, escaped."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return escape(f"{value:g}" if isinstance(value, float) else str(value)), repr(value), True
    if value is None:
        return "—", "", True
    return escape(str(value)), str(value), False
