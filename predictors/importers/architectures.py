"""Lists of architectures as HELP publishes them: what the rows of its latency tables are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...spaces.errors import CosearchError, MeasurementsError
from ...spaces.fbnet import BLOCKS, FBNet
from ...spaces.knobs import Codes
from ...spaces.nas_bench_201 import NasBench201
from ...spaces.once_for_all import STAGES, OnceForAll
from ...spaces.space import Space
from .torch_file import read_torch_file

NAMES = ("str_arch2idx.pt", "metainfo.pt", "ofa_archs.pt")
"""What HELP calls its lists, for NAS-Bench-201, FBNet and Once-for-All."""

OFA_BLOCKS = 4
"""Blocks of a stage in a list, whatever its depth."""


@dataclass(frozen=True, slots=True)
class Architectures:
    """Designs in the order of a table.

    Args:
        space: Their space.
        block: How a configuration names the space.
        codes: int64 [n, n_knobs].
    """

    space: Space
    block: Mapping[str, Any]
    codes: Codes

    def __len__(self) -> int:
        return len(self.codes)


def find_architectures(folder: Path, given: Path | None) -> Architectures:
    """Read the list that is given, or the one of :data:`NAMES` that lies in a folder or beside it.

    Raises:
        MeasurementsError: When there is none, or it cannot be read.
    """
    if given is not None:
        return read_architectures(given)
    for place in (folder, folder.parent):
        for name in NAMES:
            if (place / name).is_file():
                return read_architectures(place / name)
    remedy = (
        f"give the list with --architectures: one of {', '.join(NAMES)}, or a text with one NAS-Bench-201 cell a line"
    )
    raise MeasurementsError(f"{folder}: no list of architectures", remedy)


def read_architectures(path: Path) -> Architectures:
    """Read a list.

    Args:
        path: HELP's ``str_arch2idx.pt`` (text to index), ``metainfo.pt`` (``op_idx_list`` of FBNet) or ``ofa_archs.pt``
            (``ks``, ``e``, ``d``, ``r``), or a text file with a NAS-Bench-201 architecture on each line.

    Raises:
        MeasurementsError: When it cannot be read or is none of these.
    """
    data: Any = read_torch_file(path) if path.suffix == ".pt" else _lines(path)
    rows: Any = data.get("arch") if isinstance(data, dict) and "arch" in data else data
    try:
        if isinstance(rows, dict):
            return _cells(_by_index(rows))
        if isinstance(rows, list) and rows and isinstance(rows[0], str):
            return _cells(rows)
        if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "op_idx_list" in rows[0]:
            return _fbnet([row["op_idx_list"] for row in rows])
        if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "ks" in rows[0]:
            return _once_for_all(rows)
    except CosearchError as error:
        raise MeasurementsError(f"{path}: {error.problem}", error.remedy) from error
    except (LookupError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise MeasurementsError(f"{path}: an architecture is damaged ({error!r})", "get the file again") from error
    raise MeasurementsError(f"{path}: no list of architectures", f"give one of {', '.join(NAMES)}, or a text file")


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MeasurementsError(f"{path}: cannot be read ({error})", "check the path") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _by_index(index: dict[str, int]) -> list[str]:
    if sorted(index.values()) != list(range(len(index))):
        raise ValueError("indices are not 0, 1, 2, ...")
    return sorted(index, key=index.__getitem__)


def _cells(texts: list[str]) -> Architectures:
    space = NasBench201()
    return Architectures(space, {"name": "nas_bench_201"}, space.codes_of(texts))


def _fbnet(choices: list[Any]) -> Architectures:
    block = {"name": "fbnet", "resolution": 32, "classes": 100, "small_images": True}
    space = FBNet(resolution=32, classes=100, small_images=True)
    codes = np.array(choices)
    whole = codes.dtype.kind in "iu" and codes.shape == (len(choices), space.n_knobs)
    if not whole or codes.min() < 0 or codes.max() >= len(BLOCKS):
        raise ValueError(f"not {space.n_knobs} numbers of 0 to {len(BLOCKS) - 1}")
    return Architectures(space, block, codes.astype(np.int64))


def _once_for_all(rows: Sequence[Mapping[str, Any]]) -> Architectures:
    # HELP does not name the width; its accuracies, up to 78.1 %, are out of reach for the supernet of width 1.0.
    space = OnceForAll(width=1.2)
    columns: dict[str, list[int]] = {"resolution": [int(row["r"]) for row in rows]}
    for s in range(len(STAGES)):
        columns[f"stage{s + 1}_depth"] = [int(row["d"][s]) for row in rows]
        for b in range(OFA_BLOCKS):
            place = OFA_BLOCKS * s + b
            columns[f"stage{s + 1}_block{b + 1}_kernel"] = [int(row["ks"][place]) for row in rows]
            columns[f"stage{s + 1}_block{b + 1}_expand"] = [int(row["e"][place]) for row in rows]
    codes = np.empty((len(rows), space.n_knobs), np.int64)
    for name, values in columns.items():
        known = {int(value): space.knob(name).encode(int(value)) for value in set(values)}
        codes[:, space.index(name)] = [known[value] for value in values]
    return Architectures(space, {"name": "once_for_all", "width": 1.2}, space.canonical(codes))
