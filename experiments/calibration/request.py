"""What a calibration is asked to do, and the predictor that it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...hw_targets.target import Report
from ...predictors.catalog import PREDICTORS
from ...predictors.predictor import Predictor
from ...spaces.errors import ConfigError
from ...spaces.space import Space
from ..configuration.extends import override, read_document
from ..configuration.options import checked_options, named_factory
from ..configuration.problems import Problems
from ..configuration.requirements import PACKAGES
from ..configuration.space_block import build_space
from ..configuration.yaml_source import Document

DEFAULT_SAMPLES = 10
"""Designs measured on a new device unless told otherwise, as in HELP (Lee et al. 2021) and later work."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A calibration.

    Attributes:
        output: Folder of the predictor.
        pool: Tables of source devices.
        sources: Devices of the pool to take; all when empty.
        metric: What is predicted; by default ``latency_ms``, or the first metric.
        table: Table of the new device, which was measured already.
        devices: File that names the new device, which is measured now.
        device: The new device's name; may be left out where there is one only.
        samples: Designs to learn from; of a table all by default.
        check: Designs held out to say how far off the predictions are; with ``samples`` of a table, the rest.
        predictor: Name in the catalogue.
        settings: Its options, ``key=value`` each.
        space: Name of a space, or file with a ``space`` block, for tables that do not say theirs.
        seed: Of everything random.
        report: Progress callback.
        warn: Called with what is worth knowing.
    """

    output: Path
    pool: tuple[Path, ...] = ()
    sources: tuple[str, ...] = ()
    metric: str | None = None
    table: Path | None = None
    devices: Path | None = None
    device: str | None = None
    samples: int | None = None
    check: int = 0
    predictor: str = "few_shot"
    settings: tuple[str, ...] = ()
    space: str | None = None
    seed: int = 0
    report: Report = lambda _what, _share: None
    warn: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        if (self.table is None) == (self.devices is None):
            given = "both --table and --devices" if self.table else "neither --table nor --devices"
            raise ConfigError(given, "give the table of the new device, or the file that says how to measure it")
        if self.sources and not self.pool:
            raise ConfigError("--sources without --pool", "give the tables that hold the source devices")


def predictor_factory(name: str, settings: Sequence[str]) -> Callable[[Space, str], Predictor]:
    """What makes the named predictor for a space and a metric.

    Args:
        name: Name in the catalogue, or ``package.module:attribute``.
        settings: Options, ``key=value`` each; values are YAML.

    Raises:
        ConfigError: When the name or an option is wrong.
    """
    document = override(Document({}, {}, "--predictor"), settings)
    document.data = {**document.data, "name": name}
    problems = Problems(document)
    factory = named_factory(PREDICTORS, document.data, (), problems)
    given = {key: value for key, value in document.data.items() if key != "name"}
    package, extra = PACKAGES.get(("predictors", name), ("", ""))
    if package and find_spec(package) is None:
        problems.add(("name",), f'{name!r} needs the package {package}; pip install "cosearch[{extra}]"')
    options = None if factory is None else checked_options(factory, 2, given, (), problems)
    if factory is None or options is None or problems:
        raise problems.error()
    made, known = factory, options

    def make(space: Space, metric: str) -> Predictor:
        predictor = made(space, metric, **known)
        if not isinstance(predictor, Predictor):
            raise ConfigError(f"{name!r} gave a {type(predictor).__name__}", "name what gives a Predictor")
        return predictor

    return make


def named_space(text: str) -> Space:
    """A space by its registered name, or from the ``space`` block of a YAML file.

    Raises:
        ConfigError: When there is none, or the block is wrong.
    """
    path = Path(text)
    if path.suffix in (".yaml", ".yml") or path.exists():
        document = read_document(path)
    else:
        document = Document({"space": {"name": text}}, {}, "--space")
    problems = Problems(document)
    block: Any = document.data.get("space")
    if not isinstance(block, dict):
        problems.add(("space",), "is missing; add a block such as 'space: {name: elastic_cnn}'")
        raise problems.error()
    space = build_space(block, ("space",), problems)
    if space is None:
        raise problems.error()
    return space
