import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosearch.spaces.check_space import check_space
from cosearch.spaces.errors import InfeasibleError, SpaceError
from cosearch.spaces.gemm_tile import gemm_tile
from cosearch.spaces.space import Space

INTEGERS = ("i0", "i1", "i2")


@st.composite
def spaces(draw):
    knobs = {"mode": ["x", "y", True]}
    for name in INTEGERS:
        low = draw(st.integers(-2, 3))
        knobs[name] = {
            "type": "integer",
            "low": low,
            "high": low + draw(st.integers(0, 7)),
            "step": draw(st.integers(1, 2)),
        }
    knobs["lr"] = {"type": "real", "low": 1e-4, "high": 1.0, "log": True, "levels": draw(st.integers(2, 9))}
    knobs["log"] = {"type": "integer", "low": 1, "high": draw(st.integers(1, 64)), "log": True}
    for name in draw(st.sets(st.sampled_from(["i1", "i2", "lr", "log"]))):
        knobs[name]["active_if"] = {"mode": draw(st.sampled_from(["x", "y", True]))}
    constraint = st.one_of(
        st.tuples(st.sampled_from(INTEGERS), st.sampled_from(INTEGERS)).map(lambda p: {"divides": list(p)}),
        st.integers(-5, 20).map(lambda n: {"sum": list(INTEGERS), "at_most": n}),
        st.integers(-5, 20).map(lambda n: {"product": ["i0", "i1"], "at_least": n}),
        st.just({"if": {"mode": "x"}, "then": {"expr": "i0", "at_most": "log"}}),
    )
    forbid = [{"mode": "y", "i0": knobs["i0"]["low"]}] if draw(st.booleans()) else []
    return Space(knobs, constraints=draw(st.lists(constraint, max_size=3)), forbid=forbid)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spaces(), st.integers(0, 2**32 - 1))
def test_random_spaces_keep_the_contract(space, seed):
    if space.size() == 0:
        with pytest.raises(InfeasibleError):
            space.sample(np.random.default_rng(seed), 1)
        return
    check_space(space, n=24, seed=seed)


@pytest.mark.parametrize(
    "make",
    [
        gemm_tile,
        lambda: Space({"only": [7]}),
        lambda: Space({f"k{i}": list(range(2, 13)) for i in range(6)}),
        lambda: Space(
            {"x": {"type": "real", "low": 0.0, "high": 1.0}, "y": {"type": "integer", "low": 0, "high": 10**12}}
        ),
    ],
    ids=["gemm_tile", "one", "grid", "wide"],
)
def test_named_spaces_keep_the_contract(make):
    check_space(make, n=64)


class _Crooked(Space):
    def sample(self, rng, n):
        codes = super().sample(rng, n)
        codes[0, 0] = self.knob(self.names[0]).n
        return codes


class _Forgetful(Space):
    def mutate(self, codes, rng, rate=None):
        return super().mutate(codes, np.random.default_rng(), rate)


@pytest.mark.parametrize(
    ("kind", "message"), [(_Crooked, "sample gave an invalid"), (_Forgetful, "different rows for the same")]
)
def test_the_conformance_check_can_fail(kind, message):
    with pytest.raises(AssertionError, match=message):
        check_space(kind({"a": list(range(1, 50)), "b": list(range(1, 50))}))


def test_mutation_changes_every_row_and_reaches_the_ends():
    space = Space({f"k{i}": list(range(1, 12)) for i in range(4)})
    rng = np.random.default_rng(0)
    codes = space.sample(rng, 4000)
    mutants = space.mutate(codes, rng)
    changed = mutants != codes
    assert changed.any(axis=1).all()
    assert 1.2 < changed.sum(axis=1).mean() < 1.6
    assert np.bincount(mutants.ravel(), minlength=11).min() > 0.7 * codes.size / 11
    assert (space.mutate(codes, rng, rate=1.0) != codes).all()


def test_local_moves_of_a_wide_knob_are_short():
    space = Space({"x": {"type": "integer", "low": 0, "high": 9999}})
    codes = np.full((4000, 1), 5000)
    length = np.abs(space.mutate(codes, np.random.default_rng(0)) - codes)
    assert 0.4 < (length < 1200).mean() - 0.12 < 0.6


def test_neighbours_are_the_nearest_feasible_values_on_both_sides():
    space = Space(
        {
            "a": {"type": "integer", "low": 1, "high": 24},
            "b": {"type": "integer", "low": 1, "high": 24},
            "c": ["x", "y", "z"],
        },
        constraints=[{"divides": ["b", "a"]}],
    )
    (code,) = space.encode([{"a": 12, "b": 4, "c": "y"}])
    near = {tuple(d.values()) for d in space.decode(space.neighbours(code))}
    assert near == {(8, 4, "y"), (16, 4, "y"), (12, 3, "y"), (12, 6, "y"), (12, 4, "x"), (12, 4, "z")}


SCRIPT = """
import json, sys
import numpy as np
from cosearch.spaces.space import Space
space = Space(**json.loads(sys.argv[1]))
codes = space.sample(np.random.default_rng(5), 20)
codes = space.mutate(codes, np.random.default_rng(6))
print(json.dumps([space.digest, [d.digest for d in space.decode(codes)]]))
"""


def test_digests_and_draws_are_the_same_in_processes_with_other_hash_seeds():
    space = Space(
        {
            "mode": ["x", "y", "z"],
            "a": {"type": "integer", "low": 1, "high": 30},
            "b": {"type": "integer", "low": 1, "high": 30, "active_if": {"mode": ["x", "z"]}},
            "c": {"type": "real", "low": 0.1, "high": 1.0, "active_if": {"mode": "x"}},
        },
        constraints=[{"divides": ["a", "b"]}],
        forbid=[{"mode": "z", "a": 1}],
    )
    codes = space.mutate(space.sample(np.random.default_rng(5), 20), np.random.default_rng(6))
    here = [space.digest, [d.digest for d in space.decode(codes)]]
    for hash_seed in ("0", "4242"):
        command = [sys.executable, "-P", "-c", SCRIPT, json.dumps(space.spec())]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert json.loads(done.stdout) == here


def test_a_known_digest_never_changes():
    (design,) = Space({"b": [True, False], "a": [3, 5], "c": ["os", "ws"]}).decode(np.array([[0, 1, 1]]))
    assert design.to_json() == '{"a":5,"b":true,"c":"ws"}'
    assert design.digest == "31399f3b0b7708794d0e"


def test_spaces_without_knobs_and_unknown_names_are_refused():
    with pytest.raises(SpaceError, match="no knobs"):
        Space({})
    space = Space({"rows": [1, 2]}, name="array")
    with pytest.raises(SpaceError, match="'array' has no knob 'row'"):
        space.knob("row")
    with pytest.raises(SpaceError, match="only joint spaces"):
        space.part("rows")
    with pytest.raises(SpaceError, match=r"knob 'x'.*no values"):
        Space({"x": []})
