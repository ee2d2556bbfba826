"""The design space: knobs, conditions and constraints, worked on in batches of integer codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .conditions import Clause, Condition
from .design import Design, Designs, digest_of
from .errors import DesignError, SpaceError
from .feasibility.feasible import FeasibleSet
from .knobs import INACTIVE, Codes, Knob, Value, knob_from_spec
from .spec import canonical_json, split_active_if, topological_order


class Space:
    """A finite set of designs.

    A design's *encoding* is a row of an int64 array [n_knobs]: one code per knob, ``-1`` where the knob is inactive,
    so equal designs have equal rows. Every method takes and returns batches.

    Args:
        knobs: Name to knob, or to a declaration that :func:`knob_from_spec` reads; a mapping declaration may hold
            ``active_if``, a clause over other knobs under which this knob matters.
        forbid: Clauses; a design for which one holds is not in the space.
        constraints: Integer constraints, see :mod:`cosearch.spaces.feasibility.constraints`.
        name: Shown to people.

    Raises:
        SpaceError: When a declaration is wrong; the message names the knob or clause.
    """

    def __init__(
        self,
        knobs: Mapping[str, Knob | Mapping[str, Any] | Sequence[Value]],
        *,
        forbid: Sequence[Clause] = (),
        constraints: Sequence[Mapping[str, Any]] = (),
        name: str = "space",
    ) -> None:
        if not knobs:
            raise SpaceError("the space has no knobs", "declare at least one under 'knobs'")
        declared, active_if = split_active_if(knobs)
        self.name = name
        self._knobs: dict[str, Knob] = {}
        for key, spec in declared.items():
            try:
                self._knobs[key] = knob_from_spec(spec)
            except SpaceError as error:
                raise SpaceError(f"knob {key!r}: {error.problem}", error.remedy) from error
        self.names: tuple[str, ...] = tuple(self._knobs)
        self._index = {key: i for i, key in enumerate(self.names)}
        self._active_if = {key: Condition.compile(c, self._knobs, f"{key}.active_if") for key, c in active_if.items()}
        self._order = topological_order(self._active_if, self.names)
        self.feasible = FeasibleSet(self._knobs, self._active_if, forbid, constraints)
        self._declaration: dict[str, Any] = {
            "knobs": {
                key: knob.spec() | ({"active_if": dict(active_if[key])} if key in active_if else {})
                for key, knob in self._knobs.items()
            },
            "forbid": [dict(clause) for clause in forbid],
            "constraints": [dict(c) for c in constraints],
        }
        self._switches = self._grouped_conditions()
        self._skewed = [i for i, knob in enumerate(self._knobs.values()) if not knob.uniform]
        self._always: Codes = np.array([i for k, i in self._index.items() if k not in self._active_if], dtype=np.int64)

    # --- what the space is ---------------------------------------------------------------------------------------

    @property
    def n_knobs(self) -> int:
        """Number of knobs, the width of an encoding."""
        return len(self.names)

    @cached_property
    def cardinalities(self) -> Codes:
        """Number of values of each knob, int64 [n_knobs]."""
        return np.array([k.n for k in self._knobs.values()], dtype=np.int64)

    @cached_property
    def ordered(self) -> NDArray[np.bool_]:
        """Whether each knob is ordered, bool [n_knobs]."""
        return np.array([k.ordered for k in self._knobs.values()], dtype=bool)

    @property
    def is_conditional(self) -> bool:
        """Whether some knob has an ``active_if``."""
        return bool(self._active_if)

    def knob(self, name: str) -> Knob:
        """The knob of that name.

        Raises:
            SpaceError: When there is none.
        """
        self.index(name)
        return self._knobs[name]

    def index(self, name: str) -> int:
        """Column of a knob in an encoding.

        Raises:
            SpaceError: When there is no such knob.
        """
        if name not in self._index:
            raise SpaceError(f"space {self.name!r} has no knob {name!r}", "known knobs: " + ", ".join(self.names))
        return self._index[name]

    def part(self, prefix: str) -> tuple[Space, Codes]:
        """Sub-space of a joint space and its columns, int64.

        Raises:
            SpaceError: When the space is not joint or has no such part.
        """
        raise SpaceError(f"space {self.name!r} has no part {prefix!r}", "only joint spaces have parts")

    def spec(self) -> dict[str, Any]:
        """The JSON-able declaration: ``Space(**space.spec())`` is an equal space."""
        return self._declaration

    @property
    def digest(self) -> str:
        """Digest of :meth:`spec`, stable across processes: two spaces with one digest hold the same designs."""
        return digest_of(canonical_json(self._declaration))

    def size(self) -> int | None:
        """Exact number of designs, or None when counting is not feasible."""
        return self.feasible.count()

    # --- designs and codes ---------------------------------------------------------------------------------------

    def designs(self, codes: Codes) -> Designs:
        """Wrap int64 ``codes`` [n, n_knobs] as a batch of designs."""
        return Designs(self, codes)

    def decode(self, codes: Codes) -> list[Design]:
        """Designs of int64 ``codes`` [n, n_knobs]; inactive knobs are left out."""
        codes = np.atleast_2d(codes)
        inactive = codes == INACTIVE
        columns = [knob.decode(np.maximum(codes[:, j], 0)).tolist() for j, knob in enumerate(self._knobs.values())]
        rows = zip(*columns, strict=True)
        names = self.names
        if not inactive.any():
            return [Design.adopt(dict(zip(names, row, strict=True))) for row in rows]
        return [
            Design.adopt(dict(compress(zip(names, row, strict=True), active)))
            for row, active in zip(rows, (~inactive).tolist(), strict=True)
        ]

    def encode(self, designs: Iterable[Mapping[str, Value]]) -> Codes:
        """Codes of designs, int64 [n, n_knobs].

        Raises:
            DesignError: When a design misses an active knob, sets an unknown or inactive one, or has a bad value.
        """
        rows = [self._encode_one(design) for design in designs]
        codes = np.array(rows, dtype=np.int64).reshape(len(rows), self.n_knobs)
        wrong = codes != self.canonical(np.where(codes == INACTIVE, 0, codes))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            state = "missing" if codes[row, column] == INACTIVE else "set although its active_if does not hold"
            raise DesignError(f"knob {self.names[column]!r} is {state} in design {row}", "set the active knobs, only")
        return codes

    def _encode_one(self, design: Mapping[str, Value]) -> list[int]:
        for key in design:
            if key not in self._index:
                raise DesignError(f"design has unknown knob {key!r}", "known knobs: " + ", ".join(self.names))
        row = []
        for key, knob in self._knobs.items():
            try:
                row.append(knob.encode(design[key]) if key in design else INACTIVE)
            except DesignError as error:
                raise DesignError(f"knob {key!r}: {error.problem}", error.remedy) from error
        return row

    def canonical(self, codes: Codes, rng: np.random.Generator | None = None) -> Codes:
        """Set inactive knobs to -1, and knobs that became active to a value.

        Args:
            codes: int64 [n, n_knobs].
            rng: Draws the values of newly active knobs; without it they take their first value.

        Returns:
            A new int64 [n, n_knobs].
        """
        result = np.array(codes, dtype=np.int64, ndmin=2)
        missing = result == INACTIVE
        if missing.any():
            self._fill(result, missing, rng)
        for condition, columns in self._switches:
            inactive = ~condition.holds(result)
            if isinstance(columns, slice):
                result[:, columns][inactive] = INACTIVE
            else:
                result[np.ix_(inactive, columns)] = INACTIVE
        return result

    def _fill(self, codes: Codes, missing: NDArray[np.bool_], rng: np.random.Generator | None) -> None:
        """Give knobs a value where they miss one, in place."""
        if rng is None:
            codes[missing] = 0
            return
        draws = (rng.random(codes.shape) * self.cardinalities).astype(np.int64)
        np.copyto(codes, draws, where=missing)
        for column in self._skewed:
            rows = np.flatnonzero(missing[:, column])
            codes[rows, column] = self._knobs[self.names[column]].sample(rng, len(rows))

    def _grouped_conditions(self) -> list[tuple[Condition, Codes | slice]]:
        """Distinct conditions with the columns that they switch, every knob after those that it depends on."""
        level: dict[str, int] = {}
        groups: dict[tuple[int, tuple[int, ...], tuple[bytes, ...]], list[str]] = {}
        for key in self._order:
            condition = self._active_if.get(key)
            level[key] = 0 if condition is None else 1 + max(level[self.names[c]] for c in condition.columns)
            if condition is not None:
                tables = tuple(table.tobytes() for table in condition.tables)
                groups.setdefault((level[key], condition.columns, tables), []).append(key)
        ordered = sorted(groups.items(), key=lambda item: item[0][0])
        switches: list[tuple[Condition, Codes | slice]] = []
        for _, keys in ordered:
            columns = sorted(self._index[key] for key in keys)
            adjacent = columns[-1] - columns[0] + 1 == len(columns)
            where = slice(columns[0], columns[-1] + 1) if adjacent else np.array(columns, dtype=np.int64)
            switches.append((self._active_if[keys[0]], where))
        return switches

    # --- the feasible set ----------------------------------------------------------------------------------------

    def is_valid(self, codes: Codes) -> NDArray[np.bool_]:
        """Whether each row of int64 ``codes`` [n, n_knobs] is a canonical, allowed design; bool [n]."""
        codes = np.atleast_2d(np.asarray(codes, dtype=np.int64))
        inside: NDArray[np.bool_] = np.all((codes >= INACTIVE) & (codes < self.cardinalities), axis=1)
        everywhere = bool(inside.all())
        rows = codes if everywhere else codes[inside]
        good: NDArray[np.bool_] = np.all(rows[:, self._always] != INACTIVE, axis=1)
        for condition, columns in self._switches:
            good &= ((rows[:, columns] != INACTIVE) == condition.holds(rows)[:, None]).all(axis=1)
        if self.feasible.components:
            good &= self.feasible.holds(rows)
        if everywhere:
            return good
        inside[inside] = good
        return inside

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` designs, int64 [n, n_knobs], repeats possible.

        Knobs tied by constraints are uniform over their feasible combinations; every other knob is uniform over its
        values, given that it is active.

        Raises:
            InfeasibleError: When the space holds no design, or none could be found.
        """
        codes = self.feasible.sample(rng, n)
        return self.canonical(codes) if self._switches else codes

    def repair(self, codes: Codes, rng: np.random.Generator | None = None) -> Codes:
        """Nearest-feasible designs of arbitrary int64 ``codes`` [n, n_knobs]; valid rows are unchanged.

        Args:
            codes: int64 [n, n_knobs]; values outside a knob's range are clipped.
            rng: Draws newly active knobs and breaks ties; without it the result is deterministic.

        Raises:
            InfeasibleError: When the space holds no design.
        """
        return self.settle(np.clip(np.atleast_2d(codes), INACTIVE, self.cardinalities - 1), rng)

    def settle(self, codes: Codes, rng: np.random.Generator | None = None, avoid: Codes | None = None) -> Codes:
        """:meth:`repair` for int64 ``codes`` [n, n_knobs] within their ranges.

        Args:
            codes: int64 [n, n_knobs], -1 or a value of the knob.
            rng: See :meth:`repair`.
            avoid: int64 [n, n_knobs], designs that the rows shall not fall back to where constraints were violated,
                unless there is nothing else.

        Raises:
            InfeasibleError: When the space holds no design.
        """
        canonical = self.canonical(codes, rng)
        if not self.feasible.components:
            return canonical
        bad = np.flatnonzero(~self.feasible.holds(canonical))
        if len(bad):
            mended = self.feasible.repair(canonical[bad], rng, None if avoid is None else avoid[bad])
            canonical[bad] = self.canonical(mended, rng)
        return canonical

    def enumerate(self, limit: int = 1_000_000) -> Codes | None:
        """All designs, int64 [size, n_knobs] in lexicographic order; None when there are more than ``limit``."""
        return self.feasible.enumerate(limit)

    # --- moves ---------------------------------------------------------------------------------------------------

    def mutate(self, codes: Codes, rng: np.random.Generator, rate: float | None = None) -> Codes:
        """Feasible mutants, see :func:`cosearch.spaces.variation.mutate`."""
        from .variation import mutate

        return mutate(self, codes, rng, rate)

    def crossover(self, a: Codes, b: Codes, rng: np.random.Generator) -> Codes:
        """Feasible children, see :func:`cosearch.spaces.variation.crossover`."""
        from .variation import crossover

        return crossover(self, a, b, rng)

    def neighbours(self, code: Codes) -> Codes:
        """Feasible one-knob changes, see :func:`cosearch.spaces.variation.neighbours`."""
        from .variation import neighbours

        return neighbours(self, code)
