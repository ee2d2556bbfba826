"""A calibration as an HTML page: measured against predicted, how far off, and what it rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...spaces.knobs import Codes
from ..outputs.agreement import Compared, agreement_figure
from ..outputs.page import laid_out, number, section, table, value_cell, write_page
from ..outputs.plots import shown
from .calibrate import Calibration
from .figures import HeldOut
from .words import COLUMNS, figure_rows, rests_on

MOST_DOTS = 300
"""Held-out designs drawn at most; the figures are over all."""


def write_calibration_page(
    calibration: Calibration, document: Mapping[str, Any], seen: HeldOut | None, path: Path
) -> None:
    """Write the page with the plot.

    Args:
        calibration: What was fitted.
        document: From :func:`~cosearch.experiments.calibration.figures.calibration_document`.
        seen: What the figures are over.
        path: The HTML file; its folder must exist.
    """
    groups = []
    predictor = calibration.predictor
    if len(calibration.checked[1]) or seen is None:
        codes, y = calibration.used
        found = predictor.predict(predictor.space.designs(codes))
        groups.append(Compared("learnt from", found.mean, found.std, y, _texts(calibration, codes), quiet=True))
    if seen is not None:
        drawn = shown(np.ones(len(seen.y), dtype=bool), MOST_DOTS)
        texts = _texts(calibration, seen.codes[drawn])
        groups.append(Compared("held out", seen.mean[drawn], seen.std[drawn], seen.y[drawn], texts))
    regions = [(r["name"], r["low"], r["high"]) for r in document["regions"]]
    figure = agreement_figure(predictor.metric, calibration.source, groups, regions)
    how = f"Figures are over {document['how']}." if seen else "Too few designs to say how far off predictions are."
    if seen is not None and len(seen.y) > MOST_DOTS:
        how += f" Of them {MOST_DOTS:,} evenly spread ones are drawn."
    note = f"{how} Bars are 90 % intervals; a perfect prediction lies on the dashed line."
    rows = [[value_cell(row[0]), value_cell(row[1]), *map(number, row[2:])] for row in figure_rows(document)]
    heads = ["region", f"predicted {predictor.metric}", *COLUMNS.values()]
    facts = [("predictor", document["predictor"]), ("options", json.dumps(document["options"]))]
    sources = ", ".join(f"{device} ({kind})" for device, kind in document["source_kinds"].items())
    facts += [("space", document["space"]["title"]), ("source devices", sources or "none")]
    facts += [("values of source devices", str(document["n_source_values"])), ("made at", document["made_at"])]
    facts += list(document["fingerprint"].items())
    write_page(
        path,
        f"{predictor.metric} of {calibration.device}",
        rests_on(document),
        _tiles(document),
        [
            section("Predictions against the device", note, '<div class="plot" id="agreement"></div>'),
            section("How far off", "By thirds of the prediction.", table(heads, rows)) if rows else "",
            section(
                "What it rests on", "", table(["fact", "value"], [[value_cell(k), value_cell(v)] for k, v in facts])
            ),
        ],
        {"agreement": laid_out(figure)},
        "Written by cosearch calibrate.",
    )


def _tiles(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    figures = document["figures"]
    tiles = [(str(document["n_measured"]), "measurements of the device in all")]
    if "mdape_pct" in figures:
        tiles.append((f"{figures['mdape_pct']:.1f} %", "median error"))
    if figures:
        tiles.append((f"{figures['spearman']:.3f}", "Spearman's rank correlation"))
        tiles.append((f"{100 * figures['coverage_90']:.0f} %", "inside the 90 % interval"))
    return tiles


def _texts(calibration: Calibration, codes: Codes) -> list[str]:
    designs = calibration.predictor.space.decode(codes)
    return [", ".join(f"{name} {value}" for name, value in list(design.items())[:8]) for design in designs]
