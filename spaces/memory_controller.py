"""The design space of a DRAM memory controller: page policy, scheduling, refresh, arbitration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import SpaceError
from .knobs import Value
from .space import Space

POWERS = (1, 2, 4, 8, 16, 32, 64, 128)

CONTROLLER: Mapping[str, tuple[Value, ...]] = {
    "page_policy": ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive"),
    "scheduler": ("Fifo", "FrFcfsGrp", "FrFcfs"),
    "scheduler_buffer": ("Bankwise", "ReadWrite", "Shared"),
    "request_buffer_size": POWERS,
    "resp_queue": ("Fifo", "Reorder"),
    "refresh_policy": ("NoRefresh", "AllBank"),
    "refresh_max_postponed": (1, 2, 4, 8),
    "refresh_max_pulledin": (1, 2, 4, 8),
    "arbiter": ("Simple", "Fifo", "Reorder"),
    "max_active_transactions": POWERS,
}
"""The ten knobs of ArchGym's DRAM environment (Krishnan et al., ISCA 2023), with values as DRAMSys spells them."""

ADDRESS_FIELDS = ("channel", "rank", "bank", "row", "column")
"""Fields of an address. The bits of one access stay at the bottom; a bank's group is in its lowest bits."""

ADDRESS_MAPPINGS = (
    "channel-rank-row-bank-column",
    "channel-rank-bank-row-column",
    "row-rank-bank-channel-column",
    "row-rank-bank-column-channel",
    "row-channel-column-rank-bank",
    "row-column-rank-bank-channel",
)
"""Fields from the highest bits to the lowest: what neighbouring accesses spread over stands on the right."""

FURTHER: Mapping[str, tuple[Value, ...]] = {
    "address_mapping": ADDRESS_MAPPINGS,
    "page_timeout_cycles": (0, 16, 32, 64, 128, 256, 512, 1024),
    "power_down_policy": ("NoPowerDown", "Staggered"),
    "cmd_mux": ("Oldest", "Strict"),
    "channels": (1, 2, 4),
    "ranks": (1, 2),
}
"""Knobs of the wide space; a page timeout of 0 leaves pages open."""

REFERENCE: Mapping[str, Value] = {
    "page_policy": "Open",
    "scheduler": "FrFcfs",
    "scheduler_buffer": "Bankwise",
    "request_buffer_size": 8,
    "resp_queue": "Fifo",
    "refresh_policy": "AllBank",
    "refresh_max_postponed": 8,
    "refresh_max_pulledin": 8,
    "arbiter": "Simple",
    "max_active_transactions": 128,
    "address_mapping": ADDRESS_MAPPINGS[0],
    "page_timeout_cycles": 0,
    "power_down_policy": "NoPowerDown",
    "cmd_mux": "Oldest",
}
"""Values of knobs that a space lacks or that are inactive: DRAMSys' ``fr_fcfs`` configuration; channels and ranks are
the device's."""

UNLISTED: Mapping[str, tuple[Value, ...]] = {"refresh_policy": ("PerBank",)}
"""Values that an option may add, for devices that have them."""

LEAST: Mapping[str, int] = {"page_timeout_cycles": 0}
"""Smallest value of a numeric knob, where it is not 1."""

ACTIVE_IF: Mapping[str, tuple[str, tuple[Value, ...]]] = {
    "refresh_max_postponed": ("refresh_policy", ("AllBank", "PerBank")),
    "refresh_max_pulledin": ("refresh_policy", ("AllBank", "PerBank")),
    "max_active_transactions": ("arbiter", ("Fifo", "Reorder")),
    "page_timeout_cycles": ("page_policy", ("Open", "OpenAdaptive")),
}
"""In the wide space: knob to the other knob, and those of its values, under which the knob matters."""


def memory_controller(wide: bool = False, **values: Sequence[Value]) -> Space:
    """Controllers of DRAMSys; 442,368 designs by default, with every knob always active, as ArchGym has them.

    The wide space adds the knobs of :data:`FURTHER`, switches off knobs that do not matter (see :data:`ACTIVE_IF`),
    and forbids the strict command order with schedulers that reorder, as DRAMSys does.

    Args:
        wide: Whether to add the further knobs.
        values: Values of a knob of :data:`CONTROLLER` (or :data:`FURTHER`, when wide), instead of all of them. Numbers
            may be others than listed, rising. ``refresh_policy`` may hold ``PerBank`` too, for devices that refresh
            single banks. ``address_mapping`` may be any order of :data:`ADDRESS_FIELDS`, joined by ``-``.

    Raises:
        SpaceError: When a knob is unknown or cannot have a value.
    """
    tables = {**CONTROLLER, **FURTHER} if wide else dict(CONTROLLER)
    for name, given in values.items():
        if name not in tables:
            further = f"{name!r} is a knob of the wide space; set wide" if name in FURTHER else "remove it"
            raise SpaceError(f"memory controllers have no knob {name}", f"{further}; known: {', '.join(tables)}")
        tables[name] = _checked(name, given)
    if not wide:
        return Space({name: list(table) for name, table in tables.items()}, name="memory_controller")
    knobs = {name: spec for name in tables if (spec := _conditional(name, tables))}
    return Space(knobs, forbid=_forbidden(tables), name="memory_controller")


def address_fields(mapping: str) -> tuple[str, ...]:
    """Fields of an address mapping, from the highest bits to the lowest.

    Raises:
        SpaceError: When it does not name each of :data:`ADDRESS_FIELDS` once.
    """
    fields = tuple(mapping.split("-"))
    if sorted(fields) != sorted(ADDRESS_FIELDS):
        remedy = f"join {', '.join(ADDRESS_FIELDS)} by '-' in any order, highest bits first"
        raise SpaceError(f"address_mapping has the value {mapping!r}", remedy)
    return fields


def _checked(name: str, given: Sequence[Value]) -> tuple[Value, ...]:
    """Values of an option that the knob can have."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SpaceError(f"{name} is {given!r}", "give a list of values")
    listed = ({**CONTROLLER, **FURTHER})[name]
    numeric = isinstance(listed[0], int)
    least = LEAST.get(name, 1)
    for value in given:
        if name == "address_mapping":
            address_fields(str(value))
        elif numeric and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise SpaceError(f"{name} has the value {value!r}", f"give whole numbers of {least} or more")
        elif numeric and name in ("channels", "ranks") and int(value) & (int(value) - 1):
            raise SpaceError(f"{name} has the value {value!r}", "give powers of two")
        elif not numeric and value not in (allowed := (*listed, *UNLISTED.get(name, ()))):
            raise SpaceError(f"{name} has the value {value!r}", "use " + ", ".join(map(str, allowed)))
    return tuple(given)


def _conditional(name: str, tables: Mapping[str, tuple[Value, ...]]) -> dict[str, Any] | None:
    """Declaration of a knob of the wide space; None when the values of other knobs leave it without effect."""
    values = list(tables[name])
    kind = "ordinal" if all(isinstance(value, int) for value in values) else "categorical"
    declared: dict[str, Any] = {"type": kind, "values": values}
    if name not in ACTIVE_IF:
        return declared
    other, wanted = ACTIVE_IF[name]
    present = [value for value in tables[other] if value in wanted]
    if not present:
        return None
    return declared if len(present) == len(tables[other]) else {**declared, "active_if": {other: present}}


def _forbidden(tables: Mapping[str, tuple[Value, ...]]) -> list[dict[str, Any]]:
    reordering = [value for value in tables["scheduler"] if value != "Fifo"]
    return [{"cmd_mux": "Strict", "scheduler": reordering}] if "Strict" in tables["cmd_mux"] and reordering else []
