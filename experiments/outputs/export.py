"""The front as files: JSON, YAML and CSV in full precision, every number with its unit, spread and source."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ...hw_targets.metric import UNITS
from ...spaces.errors import ConfigError
from ..configuration.yaml_source import dump_yaml
from .atomic import write_text
from .results import Results

ExportFiles = Callable[[Sequence[dict[str, Any]], Path], list[Path]]
"""Called with the front's members and a folder; returns the files written."""


def front_document(results: Results) -> dict[str, Any]:
    """The front and what is needed to understand it, as plain data.

    Args:
        results: What a study found.

    Returns:
        ``study``, ``seed``, ``space``, ``space_digest``, ``objectives``, ``constraints``, ``feasible``, ``metrics``
        (name to unit, source, target and description) and ``designs``. When no trial was feasible, ``feasible`` is
        false and ``designs`` are those that violate the constraints least.
    """
    meta = results.meta
    return {
        "study": meta["name"],
        "seed": meta["seed"],
        "space": meta["problem"]["space_name"],
        "space_digest": meta["space_digest"],
        "objectives": [asdict(objective) for objective in results.problem.objectives],
        "constraints": [asdict(constraint) for constraint in results.problem.constraints],
        "feasible": len(results.front) > 0,
        "metrics": {
            name: {"unit": UNITS.get(name.rsplit("_", 1)[-1], ""), **source} for name, source in meta["sources"].items()
        },
        "designs": [
            {key: member[key] for key in MEMBER_KEYS if member[key] not in ({}, None)} for member in results.members
        ],
    }


MEMBER_KEYS = ("trial", "digest", "seed", "feasible", "violation", "design", "metrics", "std", "count", "held_out")


def export_rows(results: Results, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the front.

    Args:
        results: What a study found.
        folder: Existing folder; ``pareto.json``, ``pareto.yaml`` and ``pareto.csv`` in it are replaced.
        formats: Any of ``json``, ``yaml`` and ``csv``.

    Returns:
        The files written.

    Raises:
        ConfigError: When a format is unknown.
    """
    document = front_document(results)
    written = []
    for name in formats:
        if name not in _WRITERS:
            raise ConfigError(f"format {name!r} is unknown", f"use any of {', '.join([*_WRITERS, 'files'])}")
        written.append(write_text(folder / f"pareto.{name}", _WRITERS[name](document)))
    return written


def export_front(
    folder: Path, out: Path, formats: Sequence[str], export_files: ExportFiles | None = None
) -> list[Path]:
    """Read a study and write its front.

    Args:
        folder: The study's folder.
        out: Folder to write to; made when it is missing.
        formats: As for :func:`export_rows`, and ``files`` for what the targets' own tools read.
        export_files: Writes those; by default the targets of the study's stored configuration do.

    Returns:
        The files written.

    Raises:
        StoreError: When the folder holds no study, or ``files`` needs a configuration that it does not have.
        ConfigError: When a format is unknown.
    """
    results = Results.read(folder)
    out.mkdir(parents=True, exist_ok=True)
    written = export_rows(results, out, [name for name in formats if name != "files"])
    if "files" in formats:
        export_files = export_files or _by_targets(folder)
        written += export_files(results.members, out)
    return written


def _by_targets(folder: Path) -> ExportFiles:
    from ..study import Study
    from .finish import export_files

    study = Study.open(folder)
    study.prepare(lambda _what, _share: None)
    return partial(export_files, study)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _yaml(document: dict[str, Any]) -> str:
    return dump_yaml(document, compact=True)


def _csv(document: dict[str, Any]) -> str:
    """One line per design; knobs keep their names, metrics get ``_std``, ``_count`` and ``_source`` columns."""
    rows = [_flat(document, design) for design in document["designs"]]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(document: dict[str, Any], design: dict[str, Any]) -> dict[str, Any]:
    row = {"study": document["study"], "study_seed": document["seed"]}
    row |= {key: design.get(key, "") for key in MEMBER_KEYS[:5]}
    row |= {f"knob.{name}": value for name, value in design["design"].items()}
    for name, value in design.get("metrics", {}).items():
        row[name] = value
        for kind in ("std", "count"):
            if name in design.get(kind, {}):
                row[f"{name}_{kind}"] = design[kind][name]
        row[f"{name}_source"] = document["metrics"].get(name, {}).get("source", "")
    row |= {f"held_out.{name}": value for name, value in design.get("held_out", {}).items()}
    return row


_WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {"json": _json, "yaml": _yaml, "csv": _csv}
