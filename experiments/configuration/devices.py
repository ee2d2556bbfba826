"""Files that name devices: one space, and the targets that measure or model its designs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ...hw_targets.target import HardwareTarget
from ...spaces.catalog import SPACES
from ...spaces.space import Space
from ..settings import Settings
from .build import build_parts
from .config import Block, TargetBlock, plain_block
from .explain import check
from .extends import read_document
from .load import locate_modules, look_in_python_path, parse
from .problems import Problems
from .requirements import PACKAGES
from .space_block import build_space
from .target_block import build_targets
from .yaml_source import Document


class DevicesSettings(Settings):
    """What a devices file may say.

    Attributes:
        version: Version of this format.
        space: The design space, as in an experiment.
        devices: Label to a target with its options, as in an experiment.
        python_path: Folders in which ``module:attribute`` names are also looked up; the file's own folder by default.
    """

    version: Literal[1] = 1
    space: Block
    devices: dict[str, TargetBlock] = Field(min_length=1)
    python_path: tuple[str, ...] = ()


@dataclass(frozen=True)
class DevicesFile:
    """Devices that can be used.

    Attributes:
        space: The design space.
        space_block: How the file names the space, as plain data; None when it is written out there.
        devices: Label to target.
        parts: Label to the part of a joint space that the target sees; None is the whole design.
    """

    space: Space
    space_block: Mapping[str, Any] | None
    devices: dict[str, HardwareTarget]
    parts: Mapping[str, str | None] = field(default_factory=dict)


SECTIONS = ("space", "devices")


def load_devices(path: Path | str) -> DevicesFile:
    """Load a devices file and build everything it names.

    Args:
        path: The YAML file; of an experiment, the targets are the devices.

    Raises:
        ConfigError: With every problem, its file and line.
    """
    document = read_document(Path(path))
    if "targets" in document.data and "devices" not in document.data:
        return _of_experiment(locate_modules(document, Path(path)))
    return _build(locate_modules(document, Path(path), SECTIONS))


def _of_experiment(document: Document) -> DevicesFile:
    problems = Problems(document)
    config = parse(document, problems)
    parts = build_parts(document.data, problems)
    if problems or config is None or parts.space is None:
        raise problems.error()
    named = plain_block(config.space)
    labelled = {label: config.targets[label].part for label in parts.targets}
    return DevicesFile(parts.space, named if _is_registered(named) else None, parts.targets, labelled)


def _build(document: Document) -> DevicesFile:
    problems = Problems(document)
    settings = check(DevicesSettings, document.data, (), problems)
    look_in_python_path(document)
    block, asked = (document.data.get(key) for key in SECTIONS)
    space = build_space(block, ("space",), problems) if isinstance(block, Mapping) else None
    blocks = asked if isinstance(asked, Mapping) else {}
    devices = build_targets(blocks, space, problems, "devices")
    _check_packages(blocks, problems)
    for label, target in devices.items():
        program = target.needs.program
        if program and shutil.which(program) is None:
            message = f"needs the program {program!r}, not found on PATH; install it or extend PATH"
            problems.add(("devices", label), message)
    if problems or settings is None or space is None:
        raise problems.error()
    named = plain_block(settings.space)
    parts = {label: settings.devices[label].part for label in devices}
    return DevicesFile(space, named if _is_registered(named) else None, devices, parts)


def _check_packages(blocks: Mapping[str, Any], problems: Problems) -> None:
    for label, block in blocks.items():
        name = block.get("name") if isinstance(block, Mapping) else None
        package, extra = PACKAGES.get(("targets", str(name)), ("", ""))
        if package and find_spec(package) is None:
            remedy = f'pip install "cosearch[{extra}]"'
            message = f"{name!r} needs the package {package}, which is not installed; {remedy}"
            problems.add(("devices", label, "name"), message)


def _is_registered(block: Mapping[str, Any]) -> bool:
    return block.get("name") in {row[0] for row in SPACES.rows()}
