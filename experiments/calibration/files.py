"""What a calibration leaves behind: the predictor, figures as JSON, and a page with the plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...predictors.saved_form import read_description
from ...spaces.catalog import SPACES
from ...spaces.errors import CosearchError, PredictorError
from ...spaces.space import Space
from ..outputs.agreement import Compared, agreement_figure
from ..outputs.atomic import write_text
from ..outputs.page import laid_out, number, section, table, value_cell, write_page
from .calibrate import Calibration
from .figures import HeldOut, calibration_document, held_out

DOCUMENT, PAGE = "calibration.json", "calibration.html"
"""Files beside a saved predictor."""

COLUMNS = {
    "n": "designs",
    "mdape_pct": "median error %",
    "mape_pct": "mean error %",
    "spearman": "Spearman",
    "kendall_tau": "Kendall",
    "coverage_90": "% in 90 % interval",
}
"""Figure to its heading."""


def write_calibration(calibration: Calibration, folder: Path) -> dict[str, Any]:
    """Save the predictor with its figures and its page.

    Args:
        calibration: What was fitted.
        folder: Where; made when it is missing.

    Returns:
        What :func:`~cosearch.experiments.calibration.figures.calibration_document` gives.
    """
    calibration.predictor.save(folder)
    seen = held_out(calibration)
    document = calibration_document(calibration, seen)
    write_text(folder / DOCUMENT, json.dumps(document, indent=2, allow_nan=False) + "\n")
    _write_page(calibration, document, seen, folder / PAGE)
    return document


def read_calibration(folder: Path) -> dict[str, Any]:
    """What a saved calibration says of itself; empty for a predictor that was saved without one.

    Raises:
        PredictorError: When the file is damaged.
    """
    path = folder / DOCUMENT
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PredictorError(f"{path} is not readable ({error})", "calibrate again") from error
    if not isinstance(found, dict):
        raise PredictorError(f"{path} holds no calibration", "calibrate again")
    return found


def calibrated_space(folder: Path) -> Space | None:
    """The registered space that a calibration was made on, which knows more than its knobs; None for others."""
    block = read_calibration(folder).get("space", {}).get("block")
    if not block or ":" in str(block.get("name")):
        return None
    try:
        space = SPACES.get(block["name"])(**{k: v for k, v in block.items() if k != "name"})
    except (CosearchError, TypeError, KeyError):
        return None
    same = isinstance(space, Space) and space.digest == read_description(folder).get("space_digest")
    return space if same else None


def figure_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """Figures over all designs and by region, one list each: name, range of predictions, then :data:`COLUMNS`."""
    if not document["figures"]:
        return []
    regions = [[row["name"], f"{row['low']:.4g} to {row['high']:.4g}", *_shown(row)] for row in document["regions"]]
    return [["all", "", *_shown(document["figures"])], *regions]


def _shown(figures: Mapping[str, Any]) -> list[float | None]:
    """Figures as people read them: three digits, shares in per cent."""
    scaled = {**figures, "coverage_90": 100 * figures["coverage_90"]}
    return [None if scaled.get(key) is None else float(f"{scaled[key]:.3g}") for key in COLUMNS]


def rests_on(document: Mapping[str, Any]) -> str:
    """What a calibration rests on, one line."""
    text = f"{document['metric']} of {document['device']}: {document['predictor']} from {document['n_used']} designs"
    text += f" {document['source']} on it"
    if document["sources"]:
        many = f"{len(document['sources'])} source device" + ("s" if len(document["sources"]) > 1 else "")
        text += f" and {document['n_source_values']} of {many}"
    return f"{text}, {document['made_at'][:10]}"


def _write_page(calibration: Calibration, document: Mapping[str, Any], seen: HeldOut | None, path: Path) -> None:
    groups = []
    predictor = calibration.predictor
    if len(calibration.checked[1]) or seen is None:
        codes, y = calibration.used
        found = predictor.predict(predictor.space.designs(codes))
        groups.append(Compared("learnt from", found.mean, found.std, y, _texts(calibration, codes), quiet=True))
    if seen is not None:
        groups.append(Compared("held out", seen.mean, seen.std, seen.y, _texts(calibration, seen.codes)))
    regions = [(r["name"], r["low"], r["high"]) for r in document["regions"]]
    figure = agreement_figure(predictor.metric, calibration.source, groups, regions)
    how = f"Figures are over {document['how']}." if seen else "Too few designs to say how far off predictions are."
    note = f"{how} Bars are 90 % intervals; a perfect prediction lies on the dashed line."
    rows = [[value_cell(row[0]), value_cell(row[1]), *map(number, row[2:])] for row in figure_rows(document)]
    heads = ["region", f"predicted {predictor.metric}", *COLUMNS.values()]
    facts = [("predictor", document["predictor"]), ("options", json.dumps(document["options"]))]
    facts += [("space", document["space"]["title"]), ("source devices", ", ".join(document["sources"]) or "none")]
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
    shown = [(str(document["n_measured"]), "measurements of the device in all")]
    if "mdape_pct" in figures:
        shown.append((f"{figures['mdape_pct']:.1f} %", "median error"))
    if figures:
        shown.append((f"{figures['spearman']:.3f}", "Spearman's rank correlation"))
        shown.append((f"{100 * figures['coverage_90']:.0f} %", "inside the 90 % interval"))
    return shown


def _texts(calibration: Calibration, codes: Any) -> list[str]:
    designs = calibration.predictor.space.decode(codes)
    return [", ".join(f"{name} {value}" for name, value in list(design.items())[:8]) for design in designs]
