"""Figures of a calibration as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hw_targets.metric import counted_sources

COLUMNS = {
    "n": "designs",
    "mdape_pct": "median error %",
    "mape_pct": "mean error %",
    "spearman": "Spearman",
    "kendall_tau": "Kendall",
    "coverage_90": "% in 90 % interval",
}
"""Figure to its heading."""


def figure_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """Figures over all designs and by region, one list each: name, range of predictions, then :data:`COLUMNS`."""
    if not document["figures"]:
        return []
    regions = [[row["name"], f"{row['low']:.4g} to {row['high']:.4g}", *_shown(row)] for row in document["regions"]]
    return [["all", "", *_shown(document["figures"])], *regions]


def _shown(figures: Mapping[str, Any]) -> list[float | None]:
    """Figures as people read them: three digits, shares in per cent."""
    scaled = {**figures, "coverage_90": 100 * figures["coverage_90"]}
    return [figures["n"], *(None if scaled.get(k) is None else float(f"{scaled[k]:.3g}") for k in COLUMNS if k != "n")]


def rests_on(document: Mapping[str, Any]) -> str:
    """What a calibration rests on, one line."""
    text = f"{document['metric']} of {document['device']}: {document['predictor']} from {document['n_used']} designs"
    text += f" {document['source']} on it"
    if document["sources"]:
        many = f"{len(document['sources'])} source device" + ("s" if len(document["sources"]) > 1 else "")
        kinds = counted_sources(document["source_kinds"].values())
        text += f" and {document['n_source_values']} of {many} ({kinds})"
    return f"{text}, {document['made_at'][:10]}"
