"""Saved policies that a strategy starts from, kept in the study: whoever resumes it starts from the same ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..search.marl.policy_file import ARRAYS, DESCRIPTION
from ..spaces.errors import StoreError
from .experiment import Experiment

FOLDER = "initial_policies"
"""Folder of a study that holds them, numbered from 1."""

OPTION = "initial_policy"
"""Option of strategies that names them."""


def kept(experiment: Experiment, study: Path) -> Experiment:
    """The experiment with copies of its policies in the study's folder; the same one when it has none.

    Args:
        experiment: Made from a configuration.
        study: Its folder.

    Raises:
        StoreError: When a copy cannot be written.
    """
    for keys in _places(experiment.config):
        config = deepcopy(dict(experiment.config))
        block = _at(config, keys)
        block[OPTION] = [_copied(Path(folder), study / FOLDER) for folder in _folders(block)]
        outer = keys[1] if len(keys) > 1 else OPTION
        options = {outer: config[keys[0]][outer]}
        experiment = replace(experiment, config=config, strategy=partial(experiment.strategy, **options))
    return experiment


def overrides_of(config: Mapping[str, Any], study: Path) -> tuple[str, ...]:
    """Overrides that name the copies in a study's folder where it is now, as ``key.path=value``.

    Args:
        config: The study's resolved configuration.
        study: Its folder, which may have been moved.
    """
    found = []
    for keys in _places(config):
        folders = [
            str(study.absolute() / FOLDER / Path(f).name) if Path(f).parent.name == FOLDER else f
            for f in _folders(_at(config, keys))
        ]
        found.append(f"{'.'.join((*keys, OPTION))}={json.dumps(folders)}")
    return tuple(found)


def _places(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Where policies are named: in the options of the strategy, or of one that it wraps."""
    return [keys for keys in (("search",), ("search", "options")) if _folders(_at(config, keys))]


def _at(config: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    block: Any = config
    for key in keys:
        block = block.get(key) if isinstance(block, Mapping) else None
    return block


def _folders(block: Any) -> list[str]:
    named = block.get(OPTION) if isinstance(block, Mapping) else None
    return [named] if isinstance(named, str) else [f for f in named or () if isinstance(f, str)]


def _copied(folder: Path, where: Path) -> str:
    """A copy of a policy in the first free folder; what is there already, or is no policy, stays where it is."""
    files = [folder / DESCRIPTION, folder / ARRAYS]
    if folder.absolute().parent == where.absolute() or not all(file.is_file() for file in files):
        return str(folder)
    try:
        number = 1 + sum(1 for _ in where.glob("*"))
        target = where.absolute() / str(number)
        target.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, target / file.name)
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}", "make room in the study's folder") from error
    return str(target)
