"""Writing files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 ``text`` to a temporary neighbour, then rename it: a kill leaves the old file or the new one.

    Args:
        path: Where; its folder must exist.
        text: What.

    Returns:
        ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return path
