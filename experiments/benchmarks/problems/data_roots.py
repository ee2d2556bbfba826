"""Where benchmark data lies: a folder of reference data, and perhaps held-out data laid out alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....spaces.errors import CosearchError

Roots = Sequence[Path]


def find(roots: Roots, relative: str) -> Path | None:
    """The file in the first root that has it, or None."""
    return next((root / relative for root in roots if (root / relative).is_file()), None)


def require(roots: Roots, relative: str) -> Path:
    """The file in the first root that has it.

    Raises:
        CosearchError: When none has.
    """
    path = find(roots, relative)
    if path is None:
        places = ", ".join(map(str, roots)) or "no folder"
        raise CosearchError(f"{relative} is not in {places}", "name a folder of reference data with --data")
    return path


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file; no pickles."""
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}
