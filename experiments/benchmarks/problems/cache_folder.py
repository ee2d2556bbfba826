"""Results that take a while, kept as ``.npz`` files in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def cache_folder() -> Path:
    """``cosearch/benchmarks`` under ``XDG_CACHE_HOME``, by default under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cosearch" / "benchmarks"


def digest_of_arrays(arrays: Sequence[NDArray[Any]], *words: object) -> str:
    """20 hexadecimal digits of BLAKE2b over array contents and settings."""
    state = hashlib.blake2b(digest_size=10)
    for word in words:
        state.update(repr(word).encode())
    for array in arrays:
        state.update(f"{array.dtype}{array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def cached(name: str, make: Callable[[], Arrays]) -> dict[str, NDArray[Any]]:
    """What ``make`` gives, read from the cache when it was made before.

    Args:
        name: File name without suffix; holds a digest of everything that the result depends on.
        make: Gives arrays without objects.
    """
    path = cache_folder() / f"{name}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    arrays = dict(make())
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place, so that processes that start together never read half a file.
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        np.savez(file, allow_pickle=False, **arrays)
    Path(file.name).replace(path)
    return arrays
