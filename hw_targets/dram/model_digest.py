"""What code results were made with, for fingerprints."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...spaces.design import digest_of


@cache
def digest_of_modules(*names: str) -> str:
    """Hash of the sources of modules and packages beside this one."""
    folder = Path(__file__).parent
    packages = [sorted((folder / name).glob("*.py")) or [folder / f"{name}.py"] for name in names]
    return digest_of("".join(file.read_text(encoding="utf-8") for files in packages for file in files))
