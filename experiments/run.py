"""From a configuration file to a finished study, and on from where one was left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .configuration.validate import validate
from .study import Study, Summary

LOCAL = ("execution.name=local", "execution.address=null")
"""Overrides that run any configuration without Ray."""


def run(
    config: Path | str,
    overrides: Sequence[str] = (),
    *,
    folder: Path | None = None,
    progress: bool = False,
    warn: Callable[[str], None] = lambda _text: None,
) -> Summary:
    """Validate a configuration, create its study and run it.

    Args:
        config: The YAML file.
        overrides: ``key.path=value`` each.
        folder: The study's folder; by default a new one in ``output.folder``.
        progress: Show a progress bar.
        warn: Called with what is allowed but probably not meant.

    Raises:
        ConfigError: With every problem; nothing was written.
        StoreError: When the folder cannot be written or holds a study already.
    """
    checked = validate(config, overrides)
    for text in checked.warnings:
        warn(text)
    return Study.create(checked.experiment, folder).run(progress=progress)


def resume(folder: Path, overrides: Sequence[str] = (), *, progress: bool = False) -> Summary:
    """Go on with a study, after an interruption or with a larger budget.

    Args:
        folder: The study's folder.
        overrides: Changes to its configuration, ``budget.trials=500``; they are kept.
        progress: Show a progress bar.

    Raises:
        StoreError: When there is no study, or its space changed.
    """
    return Study.open(folder, overrides=tuple(overrides)).run(progress=progress)
