import itertools

import numpy as np
import pytest

from cosearch.spaces.errors import SpaceError
from cosearch.spaces.space import Space

KNOBS = {
    "a": {"type": "integer", "low": 1, "high": 9},
    "b": {"type": "integer", "low": -3, "high": 12},
    "c": [1, 2, 4, 8],
    "mode": ["fast", "slow"],
    "d": {"type": "integer", "low": 2, "high": 6, "step": 2, "active_if": {"mode": "slow"}},
}


def divides(a, b):
    return b == 0 if a == 0 else b % a == 0


CASES = [
    ({"divides": ["a", "b"]}, lambda a, b, c, mode, d: divides(a, b)),
    ({"divides": ["b", "a"]}, lambda a, b, c, mode, d: divides(b, a)),
    ({"divides": [3, {"sum": ["a", "b"]}]}, lambda a, b, c, mode, d: divides(3, a + b)),
    ({"divides": [{"product": [2, "c"]}, {"product": ["a", "b"]}]}, lambda a, b, c, mode, d: divides(2 * c, a * b)),
    ({"divides": ["c", 4]}, lambda a, b, c, mode, d: divides(c, 4)),
    ({"sum": ["a", "b", "c"], "at_most": 7}, lambda a, b, c, mode, d: a + b + c <= 7),
    ({"sum": ["a", {"product": [-2, "b"]}], "at_least": 3}, lambda a, b, c, mode, d: a - 2 * b >= 3),
    ({"product": ["a", "b"], "at_most": "c"}, lambda a, b, c, mode, d: a * b <= c),
    ({"product": ["a", "b", "b"], "equals": {"product": ["c", "b"]}}, lambda a, b, c, mode, d: a * b * b == c * b),
    (
        {"product": ["b", {"sum": ["a", -4]}], "at_least": 2, "at_most": 9},
        lambda a, b, c, mode, d: 2 <= b * (a - 4) <= 9,
    ),
    ({"expr": "a", "at_most": "b"}, lambda a, b, c, mode, d: a <= b),
    ({"expr": "a", "at_least": 2, "at_most": {"sum": ["b", "c"]}}, lambda a, b, c, mode, d: 2 <= a <= b + c),
    ({"expr": "d", "at_most": "a"}, lambda a, b, c, mode, d: d is None or d <= a),
    ({"divides": ["d", {"sum": ["a", "b"]}]}, lambda a, b, c, mode, d: d is None or divides(d, a + b)),
    (
        {"if": {"mode": "fast"}, "then": {"product": ["a", "c"], "at_most": 8}},
        lambda a, b, c, mode, d: mode != "fast" or a * c <= 8,
    ),
    (
        {"if": {"a": {"at_least": 5}, "c": [1, 2]}, "then": {"b": 0}},
        lambda a, b, c, mode, d: not (a >= 5 and c in (1, 2)) or b == 0,
    ),
    ({"if": {"d": 4}, "then": {"a": [1, 2]}}, lambda a, b, c, mode, d: d != 4 or a in (1, 2)),
    ({"if": {"c": 8}, "then": {"d": 2}}, lambda a, b, c, mode, d: c != 8 or d is None or d == 2),
    (
        {"if": {"mode": "slow"}, "then": {"if": {"c": 1}, "then": {"divides": ["d", "a"]}}},
        lambda a, b, c, mode, d: mode != "slow" or c != 1 or divides(d, a),
    ),
]


def every_design():
    for a, b, c, mode in itertools.product(range(1, 10), range(-3, 13), (1, 2, 4, 8), ("fast", "slow")):
        for d in (2, 4, 6) if mode == "slow" else (None,):
            yield a, b, c, mode, d


def listed(space):
    return {(x["a"], x["b"], x["c"], x["mode"], x.get("d")) for x in space.decode(space.enumerate())}


@pytest.mark.parametrize(("constraint", "rule"), CASES, ids=lambda x: str(x) if isinstance(x, dict) else "")
def test_each_kind_agrees_with_brute_force(constraint, rule):
    space = Space(KNOBS, constraints=[constraint])
    expected = {design for design in every_design() if rule(*design)}
    assert listed(space) == expected
    assert space.size() == len(expected)
    everything = Space(KNOBS).enumerate()
    assert space.is_valid(everything).sum() == len(expected)


@pytest.mark.parametrize("seed", range(12))
def test_random_conjunctions_agree_with_brute_force(seed):
    rng = np.random.default_rng(seed)
    chosen = [CASES[i] for i in rng.choice(len(CASES), 3, replace=False)]
    space = Space(KNOBS, constraints=[c for c, _ in chosen], forbid=[{"a": [3, 4], "mode": "slow"}])
    expected = {
        design
        for design in every_design()
        if all(rule(*design) for _, rule in chosen) and not (design[0] in (3, 4) and design[3] == "slow")
    }
    assert listed(space) == expected
    assert space.size() == len(expected)


def test_products_beyond_64_bits_are_exact():
    names = [f"k{i}" for i in range(8)]
    knobs = {name: [1, 1_000_003] for name in names}
    bound = 1_000_003**7
    space = Space(knobs, constraints=[{"product": names, "at_most": bound}])
    assert space.size() == 2**8 - 1
    assert Space(knobs, constraints=[{"product": names, "at_most": bound - 1}]).size() == 2**8 - 1 - 8
    assert Space(knobs, constraints=[{"divides": [1_000_003**8, {"product": names}]}]).size() == 1


def test_a_long_sum_is_listed_by_propagation():
    knobs = {f"k{i}": {"type": "integer", "low": 0, "high": 1000} for i in range(3)}
    space = Space(knobs, constraints=[{"sum": list(knobs), "equals": 5}])
    assert space.size() == 21


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ({"divides": ["a", "bb"]}, r"constraints\[0\].*'bb' does not exist.*did you mean 'b'"),
        ({"divides": ["mode", 2]}, "categorical knob 'mode' has no integer values"),
        ({"divides": ["a"]}, "is not a constraint"),
        ({"devides": ["a", "b"]}, "did you mean 'divides'"),
        ({"sum": ["a", "b"]}, "at_most, at_least, equals"),
        ({"sum": ["a", "b"], "at_mots": 3}, "did you mean 'at_most'"),
        ({"sum": "ab", "at_most": 3}, "give sum a list"),
        ({"sum": [], "at_most": 3}, "give sum a list"),
        ({"sum": ["a", {"max": ["b"]}], "at_most": 3}, r"\{'max': \['b'\]\} is not an expression"),
        ({"sum": ["a", 0.5], "at_most": 3}, "0.5 is not an integer"),
        ({"sum": ["a", True], "at_most": 3}, "True is not an expression"),
        ({"sum": [1, 2], "at_most": 3}, "no knob in it"),
        ({"expr": "real", "at_most": 3}, "real knob 'real' has no integer values"),
        ({"expr": "huge", "at_most": 3}, "2,000,001 values"),
        ({"if": {"mod": "fast"}, "then": {"a": 1}}, r"constraints\[0\].if.*'mod'.*did you mean 'mode'"),
        ({"if": {"mode": "fats"}, "then": {"a": 1}}, "'fats' is not a value"),
        ({"if": {"mode": "fast"}}, "is not a constraint"),
        ("a < b", "is not a constraint"),
    ],
)
def test_wrong_constraints_are_named_with_a_remedy(constraint, message):
    more = {"real": {"type": "real", "low": 0, "high": 1}, "huge": {"type": "integer", "low": 0, "high": 2_000_000}}
    with pytest.raises(SpaceError, match=message):
        Space(KNOBS | more, constraints=[constraint])


def test_a_knob_may_be_called_like_a_keyword():
    space = Space(
        {"sum": [1, 2, 3], "then": [1, 2]},
        constraints=[{"if": {"then": 1}, "then": {"sum": 2}}, {"sum": ["sum", "then"], "at_most": 4}],
    )
    assert [tuple(d.values()) for d in space.decode(space.enumerate())] == [(1, 2), (2, 1), (2, 2)]
