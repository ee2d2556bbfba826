"""Designs: one as an immutable JSON-able mapping, many as an array of codes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from .knobs import INACTIVE, Codes, Value

if TYPE_CHECKING:
    from .space import Space

DIGEST_BYTES = 10

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class Design(Mapping[str, Value]):
    """One point of a design space: knob name to plain value, inactive knobs left out.

    Equal designs have equal digests, in every process and on every machine.

    Args:
        values: Knob values, JSON scalars; names of joint spaces are dotted (``arch.depth``).
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    @classmethod
    def adopt(cls, values: dict[str, Value]) -> Self:
        """Wrap a mapping without copying it; the caller must not keep it."""
        design = cls.__new__(cls)
        design._values = values
        return design

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Design):
            # Through JSON, so that 1 and True differ and equal designs have equal digests.
            return self._values == other._values and self.to_json() == other.to_json()
        return self._values == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __repr__(self) -> str:
        return f"Design({self._values!r})"

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return _CANONICAL.encode(self._values)

    @property
    def digest(self) -> str:
        """20 hexadecimal digits of BLAKE2b over :meth:`to_json`."""
        return digest_of(self.to_json())

    def part(self, prefix: str) -> Design:
        """The knobs of one part of a joint space, without their prefix."""
        dot = prefix + "."
        return Design({k[len(dot) :]: v for k, v in self._values.items() if k.startswith(dot)})


def digest_of(text: str) -> str:
    """20 hexadecimal digits of BLAKE2b over UTF-8 ``text``."""
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


class Designs(Sequence[Design]):
    """A batch of designs of one space, held as codes; what a target scores.

    Args:
        space: The space.
        codes: int64 [n, n_knobs], canonical (inactive knobs are -1).
    """

    __slots__ = ("codes", "space")

    def __init__(self, space: Space, codes: Codes) -> None:
        self.space = space
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> Design: ...
    @overload
    def __getitem__(self, index: slice) -> Designs: ...
    def __getitem__(self, index: int | slice) -> Design | Designs:
        if isinstance(index, slice):
            return Designs(self.space, self.codes[index])
        return self.space.decode(self.codes[index : index + 1 or None])[0]

    def __iter__(self) -> Iterator[Design]:
        return iter(self.space.decode(self.codes))

    def column(self, name: str) -> NDArray[Any]:
        """Values of one knob, [n].

        int64 or float64 for numeric knobs (float64 with NaN where the knob is inactive in some row), object
        otherwise (None where inactive).
        """
        index = self.space.index(name)
        codes = self.codes[:, index]
        active = codes != INACTIVE
        values = self.space.knob(name).decode(np.where(active, codes, 0))
        if active.all():
            return values
        column: NDArray[Any] = values.astype(object if values.dtype == object else np.float64)
        column[~active] = None if column.dtype == object else np.nan
        return column

    def part(self, prefix: str) -> Designs:
        """The same rows in one part of a joint space."""
        space, columns = self.space.part(prefix)
        return Designs(space, self.codes[:, columns])
