"""Designs that a person asks for: random ones, those of a file, or the front of a study."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..hw_targets.design_cells import design_codes
from ..spaces.errors import ConfigError, CosearchError
from ..spaces.knobs import Codes
from ..spaces.space import Space

TRIES = 20
"""Batches drawn without a new design before a space is held to have no more."""


def random_designs(space: Space, n: int, seed: int) -> Codes:
    """Distinct random designs.

    Args:
        space: The space.
        n: How many; fewer when the space holds fewer, or hardly more.
        seed: Draws them; a larger ``n`` gives the same ones first.

    Returns:
        int64 [<= n, n_knobs], in the order in which they were drawn.
    """
    rng = np.random.default_rng(seed)
    kept: dict[bytes, Codes] = {}
    vain = 0
    while len(kept) < n and vain < TRIES:
        before = len(kept)
        # One size of batch whatever n is.
        for row in space.sample(rng, 256):
            kept.setdefault(row.tobytes(), row)
        vain = vain + 1 if len(kept) == before else 0
    return np.array(list(kept.values())[:n], dtype=np.int64).reshape(-1, space.n_knobs)


def designs_of_file(space: Space, path: Path) -> Codes:
    """As :func:`read_designs`, repeats dropped."""
    return distinct(read_designs(space, path))


def read_designs(space: Space, path: Path) -> Codes:
    """The designs of a file, row by row.

    Args:
        space: The space.
        path: A CSV with one column for each knob (also ``knob.NAME``, as fronts are written; other columns are passed
            over), or JSON: a list of designs, or what ``cosearch pareto --export`` writes.

    Returns:
        int64 [n, n_knobs].

    Raises:
        ConfigError: When the file cannot be read or holds no designs.
        CosearchError: When a design is not one of the space.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", "check the path") from error
    codes = _of_json(space, path, text) if path.suffix == ".json" else _of_csv(space, path, text)
    if not len(codes):
        raise ConfigError(f"{path}: holds no designs", "give at least one")
    return codes


def designs_of_study(space: Space, folder: Path) -> Codes:
    """The front of a study.

    Args:
        space: The space that the study must have searched.
        folder: The study's folder.

    Returns:
        int64 [n, n_knobs].

    Raises:
        StoreError: When the folder holds no study.
        ConfigError: When the study searched another space.
    """
    from .outputs.results import Results

    results = Results.read(folder)
    if results.problem.space.digest != space.digest:
        problem = f"study {folder} searched space {results.problem.space.name!r} with other knobs or options"
        raise ConfigError(problem, "give the devices the space that it searched")
    return distinct(space.encode([member["design"] for member in results.members]))


def distinct(codes: Codes) -> Codes:
    """Int64 ``codes`` [n, n_knobs] without repeats, in order of first appearance."""
    _, first = np.unique(codes, axis=0, return_index=True)
    return codes[np.sort(first)]


def _of_json(space: Space, path: Path, text: str) -> Codes:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})", "write a list of designs") from error
    entries = data.get("designs") if isinstance(data, Mapping) else data
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError(f"{path}: holds no list", "write a list of designs, or an object with 'designs'")
    rows: list[Mapping[str, Any]] = []
    for i, entry in enumerate(entries):
        design = entry.get("design", entry) if isinstance(entry, Mapping) else entry
        if not isinstance(design, Mapping):
            raise ConfigError(f"{path}: entry {i} is {design!r}", "write a mapping of knobs to values")
        rows.append(design)
    try:
        return space.encode(rows)
    except CosearchError as error:
        raise ConfigError(f"{path}: {error.problem}", error.remedy) from error


def _of_csv(space: Space, path: Path, text: str) -> Codes:
    reader = csv.reader(text.splitlines())
    header = [name.strip().removeprefix("knob.") for name in next(reader, [])]
    if not set(header) & set(space.names):
        raise ConfigError(f"{path}:1: no column is a knob", f"write one for each of {', '.join(space.names)}")
    rows = [(reader.line_num, row) for row in reader if row]
    for line, row in rows:
        if len(row) != len(header):
            raise ConfigError(f"{path}:{line}: {len(row)} cells under {len(header)} columns", "correct the line")
    columns = [[row[header.index(name)].strip() if name in header else "" for _, row in rows] for name in space.names]
    return design_codes(space, columns, lambda row: f"{path}:{rows[row][0]}")
