"""Measurements as files: ``NAME.csv`` with the rows, ``NAME.json`` beside it with what the rows depend on."""

from __future__ import annotations

import csv
import difflib
import io
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import CosearchError, MeasurementsError
from ..spaces.space import Space
from .design_cells import Place, design_cells, design_codes
from .measurement_side import read_side, side_path, side_text, space_of
from .measurement_table import Measurements, joined
from .metric import Metric
from .target import FloatArray

__all__ = ["Measurements", "append_rows", "joined", "read_measurements", "table_header", "write_measurements"]


def table_header(space: Space, metrics: Sequence[str]) -> list[str]:
    """Columns of a table: device, knobs, each metric with spread and count, and the failure of a design.

    Raises:
        MeasurementsError: When a knob is called like one of the other columns.
    """
    others = ["device", *(f"{m}{end}" for m in metrics for end in ("", "_std", "_count")), "failure"]
    twice = sorted(set(others) & set(space.names))
    if twice:
        raise MeasurementsError(f"knob {twice[0]!r} is called like another column", "rename the knob or the metric")
    return ["device", *space.names, *others[1:]]


def write_measurements(path: Path, table: Measurements) -> list[Path]:
    """Write a table whole or not at all.

    Args:
        path: ``NAME.csv``; its folder must exist.
        table: What to write.

    Returns:
        The table and the side file ``NAME.json``.

    Raises:
        MeasurementsError: When the disk is full, or a file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table_header(table.space, table.metrics))
    writer.writerows(_rows(table, table.metrics))
    return [_replace(side_path(path), side_text(table)), _replace(path, text.getvalue())]


def append_rows(path: Path, table: Measurements, metrics: Sequence[str]) -> None:
    """Append rows to a table that :func:`write_measurements` began, and wait until the disk has them.

    Args:
        path: ``NAME.csv``.
        table: Rows to append; it may lack metrics.
        metrics: All metrics of the file, in its order.

    Raises:
        MeasurementsError: When they cannot be written; then the file is as it was.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_rows(table, metrics))
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        before = os.fstat(handle).st_size
        try:
            content = memoryview(text.getvalue().encode())
            while content:
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(handle, before)
            raise _unwritten(path, error) from error
    finally:
        os.close(handle)


def read_measurements(path: Path, space: Space | None = None) -> Measurements:
    """Read a table.

    Args:
        path: ``NAME.csv``, with ``NAME.json`` beside it or without; the columns are ``device``, the space's knobs, and
            metrics, perhaps with ``METRIC_std``, ``METRIC_count`` and ``failure``. Any order; an empty cell is an
            inactive knob, or a value that is missing.
        space: The design space; without it the side file says which.

    Raises:
        MeasurementsError: When it cannot be read, is of another space, or a cell is wrong; with file and line.
    """
    side = read_side(side_path(path))
    known, block = space_of(path, side, space)
    header, rows, lines = _read_rows(path)
    metrics = _metric_columns(path, header, known)
    columns = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))

    def place(row: int) -> str:
        return f"{path}:{lines[row]}"

    def numbers(name: str) -> FloatArray:
        return _numbers(name, columns[name], place)

    def counts(name: str) -> NDArray[np.int64]:
        found = numbers(name)
        return np.where(np.isfinite(found), found, 0.0).astype(np.int64)

    failures = columns.get("failure", ())
    return Measurements(
        known,
        tuple(columns["device"]),
        design_codes(known, [columns[name] for name in known.names], place),
        {m: numbers(m) for m in metrics},
        {m: numbers(f"{m}_std") for m in metrics if f"{m}_std" in columns},
        {m: counts(f"{m}_count") for m in metrics if f"{m}_count" in columns},
        side.get("sources", {}),
        side.get("fingerprints", {}),
        {row: text for row, text in enumerate(failures) if text},
        block,
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def _rows(table: Measurements, metrics: Sequence[str]) -> list[tuple[str, ...]]:
    n = len(table)
    columns: list[Sequence[str]] = [table.device, *design_cells(table.space, table.codes)]
    for m in metrics:
        for kind in (table.values, table.std, table.count):
            found = kind.get(m)
            columns.append([""] * n if found is None else [_number(v) for v in found.tolist()])
    # In one line, so that a file torn by a crash is cut at its last line break.
    columns.append([" ".join(table.failures.get(row, "").split()) for row in range(n)])
    return list(zip(*columns, strict=True))


def _number(value: float) -> str:
    # NaN is a missing value, 0 repeats an unknown number of them.
    unknown = value == 0 if isinstance(value, int) else math.isnan(value)
    return "" if unknown else repr(value)


def _replace(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    return path


def _unwritten(path: Path, error: OSError) -> MeasurementsError:
    remedy = "make room on the disk, or name another file; what was written before is whole"
    return MeasurementsError(f"{path}: cannot be written ({error.strerror})", remedy)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_rows(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            for row in reader:
                if len(row) == 0:
                    continue
                if len(row) != len(header):
                    problem = f"{path}:{reader.line_num}: {len(row)} cells under {len(header)} columns"
                    raise MeasurementsError(problem, "write one cell for each column")
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MeasurementsError(f"{path}: cannot be read ({error})", "check the path; the file is a CSV") from error
    return header, rows, lines


def _metric_columns(path: Path, header: list[str], space: Space) -> list[str]:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise MeasurementsError(f"{path}:1: column {twice[0]!r} appears twice", "keep one of them")
    for needed in ("device", *space.names):
        if needed not in header:
            close = difflib.get_close_matches(needed, header, n=1)
            guess = f"is {close[0]!r} meant? " if close else ""
            raise MeasurementsError(f"{path}:1: no column {needed!r}", f"{guess}add it; the knobs are {space.names}")
    others = [name for name in header if name not in {"device", "failure", *space.names}]
    spreads = {f"{name}{end}" for name in others for end in ("_std", "_count")}
    metrics = [name for name in others if name not in spreads]
    table_header(space, metrics)
    for name in metrics:
        try:
            Metric(name, "measured", "")
        except CosearchError as error:
            raise MeasurementsError(
                f"{path}:1: column {name!r} is no knob, and {error.problem}", error.remedy
            ) from error
    return metrics


def _numbers(name: str, texts: Sequence[str], place: Place) -> FloatArray:
    values = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if not text:
            continue
        try:
            values[row] = float(text)
        except ValueError as error:
            problem = f"{place(row)}: {name}: {text!r} is not a number"
            raise MeasurementsError(problem, "correct it, or leave the cell empty") from error
        if np.isinf(values[row]):
            raise MeasurementsError(f"{place(row)}: {name} is infinite", "leave the cell empty")
    return values
