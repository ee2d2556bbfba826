"""Request traces of a memory controller: which access arrives when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...spaces.errors import TargetError

IntArray = NDArray[np.int64]

CLOCK_MHZ = 800.0
"""Clock of a trace unless it says otherwise: DDR3-1600's command clock."""

ACCESS_BYTES = 64
"""Bytes of one access unless told otherwise: a burst of 8 on a 64-bit bus."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Requests of one bus master in the order in which it issues them; each is one access of the memory.

    Args:
        name: For people.
        cycles: When each request is to be issued, int64 [n], clock cycles from the start; never falling.
        addresses: Byte addresses, int64 [n]; the burst that holds the byte is accessed.
        writes: bool [n]; the others are reads.
        clock_mhz: Clock that ``cycles`` counts.

    Raises:
        TargetError: When there is no request, columns differ in length, a number is negative, or cycles fall.
    """

    name: str
    cycles: IntArray
    addresses: IntArray
    writes: NDArray[np.bool_]
    clock_mhz: float = CLOCK_MHZ

    def __post_init__(self) -> None:
        whole = (("cycles", np.int64), ("addresses", np.int64), ("writes", np.bool_))
        for column, dtype in whole:
            object.__setattr__(self, column, _frozen(getattr(self, column), dtype))
        lengths = {column: getattr(self, column).shape for column, _ in whole}
        if len(set(lengths.values())) > 1 or self.cycles.ndim != 1:
            raise TargetError(f"trace {self.name!r} has columns of shapes {lengths}", "give three lists of one length")
        if not len(self.cycles):
            raise TargetError(f"trace {self.name!r} has no requests", "give at least one")
        if not (np.isfinite(self.clock_mhz) and self.clock_mhz > 0):
            raise TargetError(f"trace {self.name!r} has a clock of {self.clock_mhz} MHz", "give a positive clock")
        for column in ("cycles", "addresses"):
            negative = np.flatnonzero(getattr(self, column) < 0)
            if negative.size:
                where = (
                    f"request {negative[0]} of trace {self.name!r} has {column} {getattr(self, column)[negative[0]]}"
                )
                raise TargetError(where, "count from 0")
        late = first_fall(self.cycles)
        if late is not None:
            before, at = self.cycles[late - 1], self.cycles[late]
            raise TargetError(
                f"request {late} of trace {self.name!r} is at cycle {at}, after {before}", "sort by cycle"
            )

    def __len__(self) -> int:
        return len(self.cycles)

    def digest(self) -> str:
        """Hash of the requests and their clock, for fingerprints; the name does not count."""
        digest = hashlib.sha256(repr(float(self.clock_mhz)).encode())
        for column in (self.cycles, self.addresses, self.writes):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()[:16]

    def head(self, requests: int) -> Trace:
        """The first ``requests`` requests, or all where there are fewer."""
        part = slice(0, max(1, requests))
        return Trace(self.name, self.cycles[part], self.addresses[part], self.writes[part], self.clock_mhz)


def check_access_bytes(value: object) -> None:
    """Check the size of an access.

    Raises:
        TargetError: When it is no power of two.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or value & (value - 1):
        raise TargetError(f"access_bytes is {value!r}", "give a power of two, such as 64")


def first_fall(cycles: IntArray) -> int | None:
    """Index of the first cycle that is below the one before it, or None."""
    falls = np.flatnonzero(cycles[1:] < cycles[:-1])
    return int(falls[0]) + 1 if falls.size else None


def _frozen(column: ArrayLike, dtype: type) -> NDArray[np.generic]:
    array: NDArray[np.generic] = np.array(column, dtype=dtype)
    array.setflags(write=False)
    return array
