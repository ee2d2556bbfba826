"""Settings of learners: read from options, checked one by one."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from ...spaces.errors import StrategyError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


def overridden(defaults: S, options: Mapping[str, Any] | None) -> S:
    """Settings in which some fields differ from the defaults.

    Args:
        defaults: A dataclass.
        options: Field name to value.

    Raises:
        StrategyError: When they are no mapping, there is no such field, or its value is of another type or out of
            range.
    """
    if not isinstance(options, Mapping | None):
        raise StrategyError(f"learning is {options!r}", "give a mapping of settings to values")
    given = dict(options or {})
    known = {f.name: getattr(defaults, f.name) for f in fields(defaults)}
    for name, value in given.items():
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise StrategyError(f"learning: unknown setting {name!r}", guess + "known: " + ", ".join(known))
        default = known[name]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            given[name] = float(value)
        elif type(value) is not type(default):
            raise StrategyError(f"learning: {name} is {value!r}", f"give a value like {default!r}")
    return replace(defaults, **given)


def one_of(settings: object, name: str, allowed: Sequence[str]) -> None:
    """Check a choice.

    Raises:
        StrategyError: When it is not among the allowed ones.
    """
    if getattr(settings, name) not in allowed:
        raise StrategyError(f"{name} {getattr(settings, name)!r} is unknown", f"use one of {', '.join(allowed)}")


def positive(settings: object, *names: str) -> None:
    """Check finite numbers above 0.

    Raises:
        StrategyError: When one is not.
    """
    for name in names:
        if not 0 < getattr(settings, name) < math.inf:
            raise StrategyError(f"{name} {getattr(settings, name)} is out of range", "use a finite number above 0")


def at_least(settings: object, least: float, *names: str) -> None:
    """Check lower bounds of finite numbers.

    Raises:
        StrategyError: When a value is below, or not finite.
    """
    for name in names:
        if not least <= getattr(settings, name) < math.inf:
            raise StrategyError(
                f"{name} {getattr(settings, name)} is out of range", f"use a finite number, {least} or more"
            )


def count(name: str, value: object, least: int) -> int:
    """A whole number given as an option.

    Raises:
        StrategyError: When it is of another type, or below ``least``.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise StrategyError(f"{name} is {value!r}", f"use a whole number, {least} or more")
    return int(value)


def share(settings: object, *names: str) -> None:
    """Check shares.

    Raises:
        StrategyError: When one is outside 0 .. 1.
    """
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise StrategyError(f"{name} {getattr(settings, name)} is no share", "use 0 .. 1")
