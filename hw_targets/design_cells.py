"""Knob values as the texts of a table, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from ..spaces.errors import DesignError, MeasurementsError
from ..spaces.knobs import INACTIVE, Categorical, Codes, Knob, Value
from ..spaces.space import Space

Place = Callable[[int], str]
"""Row of a table to where it was written, for messages: ``pool.csv:12``."""


def cell_of(value: Value) -> str:
    """A knob's value as text: numbers as Python writes them, ``true`` and ``false``, other texts as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if value == "" else str(value)


def design_cells(space: Space, codes: Codes) -> list[list[str]]:
    """Designs as texts, one list for each knob; inactive knobs are empty.

    Args:
        space: Their space.
        codes: int64 [n, n_knobs].
    """
    columns = []
    for j, name in enumerate(space.names):
        known, place = np.unique(codes[:, j], return_inverse=True)
        texts = _texts(space.knob(name), known)
        columns.append([texts[i] for i in place.tolist()])
    return columns


def design_codes(space: Space, columns: Sequence[Sequence[str]], place: Place) -> Codes:
    """Codes of designs that are written as texts.

    Args:
        space: Their space.
        columns: For each knob ``n`` texts; empty where the knob is inactive.
        place: Where a row was written.

    Returns:
        int64 [n, n_knobs], valid designs.

    Raises:
        MeasurementsError: When a text is no value of its knob, or a row no design of the space.
    """
    n = len(columns[0]) if columns else 0
    codes = np.full((n, space.n_knobs), INACTIVE, dtype=np.int64)
    for j, (name, column) in enumerate(zip(space.names, columns, strict=True)):
        read = _Reader(space.knob(name))
        for row, text in enumerate(column):
            try:
                codes[row, j] = read(text)
            except DesignError as error:
                raise MeasurementsError(f"{place(row)}: knob {name!r}: {error.problem}", error.remedy) from error
    bad = ~space.is_valid(codes)
    if bad.any():
        row = int(bad.argmax())
        raise _not_a_design(space, codes[row], place(row))
    return codes


def _texts(knob: Knob, codes: Codes) -> list[str]:
    cells = ["" if code == INACTIVE else cell_of(knob.value(int(code))) for code in codes]
    if isinstance(knob, Categorical) and len({cell_of(v) for v in knob.values}) < knob.n:
        # The text '1' beside the number 1.
        return ["" if code == INACTIVE else json.dumps(knob.value(int(code))) for code in codes]
    return cells


class _Reader:
    """Text to code of one knob; each distinct text is understood once."""

    def __init__(self, knob: Knob) -> None:
        self._knob = knob
        self._codes: dict[str, int] = {"": INACTIVE}
        if isinstance(knob, Categorical):
            every = np.arange(knob.n, dtype=np.int64)
            self._codes |= {text: i for i, text in enumerate(_texts(knob, every))}

    def __call__(self, text: str) -> int:
        if text not in self._codes:
            self._codes[text] = self._knob.encode(_value(text))
        return self._codes[text]


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _not_a_design(space: Space, code: Codes, place: str) -> MeasurementsError:
    set_to = {name: space.knob(name).value(int(c)) for name, c in zip(space.names, code, strict=True) if c != INACTIVE}
    try:
        space.encode([set_to])
    except DesignError as error:
        return MeasurementsError(f"{place}: {error.problem.replace(' in design 0', '')}", error.remedy)
    return MeasurementsError(f"{place}: space {space.name!r} does not allow the design {set_to}", "correct its knobs")
