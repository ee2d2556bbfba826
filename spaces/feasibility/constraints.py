"""Declared integer constraints and ``forbid`` clauses, compiled to relations.

Grammar, as JSON or YAML mappings::

    expression := number | "knob" | {sum: [expression, ..]} | {product: [expression, ..]}
    constraint := {divides: [a, b]}                                         b is a multiple of a
                | {sum | product: [expression, ..], at_most | at_least | equals: expression}
                | {expr: expression, at_most | at_least | equals: expression}
                | {if: clause, then: constraint or clause}

Knobs in expressions have integer values (``integer``, or ``ordinal`` with whole numbers). A constraint applies only
to designs in which all its knobs are active; of an implication that concerns the knobs of ``then``, as a clause with
an inactive knob does not hold. Values are exact at any size: where 64 bits may overflow, Python integers are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..conditions import Clause, Condition
from ..errors import SpaceError
from ..knobs import Codes, Knob
from .expressions import Expression, Number, Product, Sum, hint, parse
from .relations import Arithmetic, Both, Comparison, Divides, Holds, Implication, Relation

A = TypeVar("A", bound=Arithmetic)

COMPARISONS = ("at_most", "at_least", "equals")
HEADS = ("divides", "sum", "product", "expr", "if")


def compile_constraints(
    constraints: Sequence[Mapping[str, Any]], forbid: Sequence[Clause], knobs: Mapping[str, Knob]
) -> list[Relation]:
    """Compile what a space declares.

    Args:
        constraints: Constraints in the grammar of this module.
        forbid: Clauses.
        knobs: All knobs of the space, in order.

    Raises:
        SpaceError: When a declaration is wrong; the message names it.
    """
    relations: list[Relation] = []
    for i, clause in enumerate(forbid):
        relations.append(Holds(f"forbid[{i}]", Condition.compile(clause, knobs, f"forbid[{i}]"), forbidden=True))
    compiler = _Compiler(knobs)
    relations += [compiler.constraint(c, f"constraints[{i}]") for i, c in enumerate(constraints)]
    return relations


class _Compiler:
    def __init__(self, knobs: Mapping[str, Knob]) -> None:
        self.knobs = knobs
        self.names = list(knobs)
        self.tables: dict[int, Codes] = {}

    def constraint(self, node: Any, where: str) -> Relation:
        if not is_constraint(node):
            keys = list(node) if isinstance(node, Mapping) else []
            remedy = "use divides, sum, product or expr with " + ", ".join(COMPARISONS) + ", or if with then"
            strange = [key for key in keys if key not in (*HEADS, *COMPARISONS, "then")]
            guess = hint(str(strange[0]), (*HEADS, *COMPARISONS, "then")) + "; " if strange else ""
            raise SpaceError(f"{where}: {node!r} is not a constraint", guess + remedy)
        if "if" in node:
            return self._implication(node, where)
        if "divides" in node:
            a, b = (self._expression(e, where) for e in node["divides"])
            return self._checked(Divides(where, a, b, self.tables))
        return self._comparison(node, where)

    def _implication(self, node: Mapping[str, Any], where: str) -> Relation:
        premise = Condition.compile(node["if"], self.knobs, f"{where}.if")
        then = node["then"]
        if is_constraint(then):
            return Implication(where, premise, self.constraint(then, f"{where}.then"))
        conclusion = Condition.compile(then, self.knobs, f"{where}.then")
        return Implication(where, premise, Holds(where, conclusion, forbidden=False))

    def _comparison(self, node: Mapping[str, Any], where: str) -> Relation:
        head = next(key for key in ("sum", "product", "expr") if key in node)
        left = self._expression(node[head] if head == "expr" else {head: node[head]}, where)
        parts: list[Comparison] = []
        for key in COMPARISONS:
            if key in node:
                right = self._expression(node[key], f"{where}.{key}")
                bound = right.number if isinstance(right, Number) else 0
                minus = Product([Number(-1), right])
                difference = left if isinstance(right, Number) else Sum([left, minus])
                low, high = None if key == "at_most" else bound, None if key == "at_least" else bound
                parts.append(self._checked(Comparison(where, difference, low, high, self.tables)))
        return parts[0] if len(parts) == 1 else Both(where, parts)

    def _expression(self, node: Any, where: str) -> Expression:
        expression = parse(node, self.knobs, where)
        for column in expression.columns:
            if column not in self.tables:
                knob = self.knobs[self.names[column]]
                # The extra last entry is read for inactive knobs (code -1), whose result is then overruled.
                self.tables[column] = np.append(knob.decode(np.arange(knob.n, dtype=np.int64)), 0)
        return expression

    @staticmethod
    def _checked(relation: A) -> A:
        if not relation.scope:
            raise SpaceError(f"{relation.label}: no knob in it", "name at least one knob, or drop the constraint")
        return relation


def is_constraint(node: Any) -> bool:
    """Whether a mapping has the shape of a constraint; in ``then``, anything else is read as a clause."""
    if not isinstance(node, Mapping):
        return False
    keys = set(node)
    if keys == {"divides"}:
        pair = node["divides"]
        return isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    if "if" in keys:
        return keys == {"if", "then"}
    return len(keys & {"sum", "product", "expr"}) == 1 and len(keys) >= 2 and not keys - {*HEADS[1:4], *COMPARISONS}


def renamed(node: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, Any]:
    """Copy of a constraint with every knob name replaced; values inside clauses stay as they are."""
    if "if" in node and is_constraint(node):
        then = node["then"]
        conclusion = renamed(then, name) if is_constraint(then) else renamed_clause(then, name)
        return {"if": renamed_clause(node["if"], name), "then": conclusion}
    return {key: _renamed_expression(value, name) for key, value in node.items()}


def renamed_clause(clause: Clause, name: Callable[[str], str]) -> dict[str, Any]:
    """Copy of a clause with every knob name replaced."""
    return {name(key): value for key, value in clause.items()}


def _renamed_expression(node: Any, name: Callable[[str], str]) -> Any:
    if isinstance(node, str):
        return name(node)
    if isinstance(node, Mapping):
        return {key: _renamed_expression(value, name) for key, value in node.items()}
    return [_renamed_expression(item, name) for item in node] if isinstance(node, Sequence) else node
