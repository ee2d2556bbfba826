"""Checked reading of the fields of a device file: every error names file, field and value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ...spaces.errors import TargetError


class Fields:
    """A JSON object of a device file.

    Args:
        path: File, for messages.
        where: Dotted path of the object in the file, empty for all of it.
        data: What was read.

    Raises:
        TargetError: When it is no object.
    """

    def __init__(self, path: Path, where: str, data: Any) -> None:
        self.path = path
        self.where = where
        if not isinstance(data, Mapping):
            found = f"{where} is {data!r}" if where else "the file holds no object"
            raise TargetError(f"{path}: {found}", "give a JSON object")
        self._data = data

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def names(self) -> list[str]:
        """Names of the fields, in the file's order; at least one."""
        if not self._data:
            raise TargetError(f"{self.path}: {self.where} is empty", "list at least one")
        return list(self._data)

    def refuse(self, name: str, value: object, remedy: str) -> NoReturn:
        """Raise the error of a wrong field."""
        where = f"{self.where}.{name}" if self.where else name
        raise TargetError(f"{self.path}: {where} is {value!r}", remedy)

    def only(self, *names: str) -> None:
        """Refuse fields that are not among ``names``."""
        for name in self._data:
            if name not in names:
                self.refuse(name, self._data[name], f"remove it; known fields: {', '.join(names)}")

    def _get(self, name: str) -> Any:
        if name not in self._data:
            where = f"{self.where}.{name}" if self.where else name
            raise TargetError(f"{self.path}: {where} is missing", "add it; the shipped devices show how")
        return self._data[name]

    def part(self, name: str) -> Fields:
        """The object under ``name``."""
        return Fields(self.path, f"{self.where}.{name}" if self.where else name, self._get(name))

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self._get(name)
        if not isinstance(value, str) or not value.strip():
            self.refuse(name, value, "give a text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(name, value, "give a list of texts, [] for none")
        return tuple(value)

    def number(self, name: str) -> float:
        """A finite number, not negative."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            self.refuse(name, value, "give a number of 0 or more")
        return float(value)

    def positive(self, name: str) -> float:
        """A finite number above 0."""
        value = self.number(name)
        if not value > 0:
            self.refuse(name, value, "give a number above 0")
        return value

    def cycles(self, name: str) -> int:
        """A whole number of 0 or more."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.refuse(name, value, "give a whole number of clock cycles, 0 or more")
        return int(value)

    def power_of_two(self, name: str) -> int:
        """A power of two."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1 or value & (value - 1):
            self.refuse(name, value, "give a power of two")
        return int(value)
