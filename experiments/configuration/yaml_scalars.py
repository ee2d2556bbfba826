"""Plain scalars by the core schema of YAML 1.2.2 (section 10.3.2).

PyYAML follows YAML 1.1, where ``1e-3`` is text, and ``no``, ``on`` and ``yes`` are truth values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
"""Prefix of YAML's own tags."""


class Loader(yaml.SafeLoader):
    """Composes nodes under the core schema; nothing is ever constructed by tag."""


class Dumper(yaml.CSafeDumper):  # libyaml, which every wheel of PyYAML holds, is ten times faster
    """Quotes text that either version of YAML would read as something else."""


# A table of its own: the inherited one holds the rules of YAML 1.1.
Loader.yaml_implicit_resolvers = {}
# The order decides between integers and floats.
for _kind, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
    ("merge", r"^<<$", ["<"]),
):
    Loader.add_implicit_resolver(TAG + _kind, re.compile(_pattern), _first)
    Dumper.add_implicit_resolver(TAG + _kind, re.compile(_pattern), _first)


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(text: str) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))


CONVERT: dict[str, Callable[[str], Any]] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _float,
}
"""Kind of scalar to what turns its text into a value; ValueError when it cannot."""
