"""Settings of a memory controller as rows of integers, which the simulator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.memory_controller import CONTROLLER, FURTHER, REFERENCE, UNLISTED

CHOICES: Mapping[str, tuple[Value, ...]] = {
    name: (*values, *UNLISTED.get(name, ()))
    for name, values in {**CONTROLLER, **FURTHER}.items()
    if isinstance(values[0], str) and name != "address_mapping"
}
"""Knobs whose setting is the position of their value."""

FIELDS = (
    "page_policy",
    "scheduler",
    "scheduler_buffer",
    "request_buffer_size",
    "resp_queue",
    "refresh_policy",
    "refresh_max_postponed",
    "refresh_max_pulledin",
    "arbiter",
    "max_active_transactions",
    "cmd_mux",
    "power_down_policy",
    "page_timeout_cycles",
    "address_mapping",
    "channels",
    "ranks",
)
"""Knobs in the order of their columns; ``address_mapping`` is a position in a list of mappings."""

NUMBERS: Mapping[str, int] = {
    "request_buffer_size": 1,
    "refresh_max_postponed": 0,
    "refresh_max_pulledin": 0,
    "max_active_transactions": 1,
    "page_timeout_cycles": 0,
    "channels": 1,
    "ranks": 1,
}
"""Numeric knobs and their smallest values."""

DEFAULTS: Mapping[str, Value] = {**REFERENCE, "channels": 1, "ranks": 1}
"""Values of knobs that are left out or inactive."""

IntArray = NDArray[np.int64]


def setting(name: str, value: Value | None, mappings: Sequence[str]) -> int:
    """The number that stands for a value of a knob.

    Args:
        name: One of :data:`FIELDS`.
        value: Its value, spelt as in :mod:`cosearch.spaces.memory_controller`; None for the default.
        mappings: Known address mappings.

    Raises:
        TargetError: When the simulator cannot have this value.
    """
    value = DEFAULTS[name] if value is None else value
    if name in NUMBERS:
        return _number(name, value)
    known = tuple(mappings) if name == "address_mapping" else CHOICES[name]
    if value not in known:
        raise TargetError(f"knob {name} has the value {value!r}", f"use {', '.join(map(str, known))}")
    return known.index(value)


def settings(columns: Mapping[str, Sequence[Value]], mappings: Sequence[str] = (), n: int | None = None) -> IntArray:
    """Settings of designs.

    Args:
        columns: Knob to values [n]; None stands for the default; knobs left out have their default.
        mappings: Known address mappings; the default one when empty.
        n: Number of designs; by default that of the columns.

    Returns:
        int64 [n, 16], columns in the order of :data:`FIELDS`.

    Raises:
        TargetError: When a knob is unknown or has a value that the simulator cannot have.
    """
    for name in columns:
        if name not in FIELDS:
            raise TargetError(f"memory controllers have no knob {name!r}", f"use {', '.join(FIELDS)}")
    mappings = tuple(mappings) or (str(DEFAULTS["address_mapping"]),)
    n = len(next(iter(columns.values()))) if n is None else n
    table = np.empty((n, len(FIELDS)), dtype=np.int64)
    for index, name in enumerate(FIELDS):
        values = columns.get(name)
        default = setting(name, None, mappings) if values is None else 0
        table[:, index] = default if values is None else [setting(name, value, mappings) for value in values]
    return table


def _number(name: str, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < NUMBERS[name]:
        raise TargetError(f"knob {name} has the value {value!r}", f"give whole numbers of {NUMBERS[name]} or more")
    number = int(value)
    if name in ("channels", "ranks") and number & (number - 1):
        raise TargetError(f"knob {name} has the value {value!r}", "give powers of two")
    return number
