import numpy as np
import pytest

from cosearch.spaces.errors import DesignError, SpaceError
from cosearch.spaces.knobs import Categorical, Integer, Ordinal, Real, knob_from_spec

KNOBS = [
    Categorical(("ws", "os", True, 1, 2.5)),
    Ordinal((3, 5, 7)),
    Ordinal((0.5, 1.0, 2)),
    Integer(-4, 11, step=3),
    Integer(1, 1000, log=True),
    Real(-1.0, 1.0),
    Real(1e-5, 10.0, log=True, levels=101),
]


@pytest.mark.parametrize("knob", KNOBS, ids=repr)
def test_every_code_round_trips_through_its_value_and_the_knob_through_its_spec(knob):
    codes = np.arange(knob.n)
    assert [knob.encode(value) for value in knob.decode(codes).tolist()] == codes.tolist()
    again = knob_from_spec(knob.spec())
    assert again == knob
    assert [knob.value(int(c)) for c in codes[:5]] == again.decode(codes[:5]).tolist()


@pytest.mark.parametrize("knob", KNOBS, ids=repr)
def test_values_outside_are_refused_with_the_value_in_the_message(knob):
    with pytest.raises(DesignError, match="'nonsense'"):
        knob.encode("nonsense")
    with pytest.raises(DesignError, match="123456"):
        knob.encode(123456)


def test_one_and_true_are_different_choices_and_three_equals_3_0():
    knob = Categorical((1, True))
    assert (knob.encode(1), knob.encode(1.0), knob.encode(True)) == (0, 0, 1)


def test_log_integers_give_every_octave_about_the_same_share():
    draws = Integer(1, 1023, log=True).decode(Integer(1, 1023, log=True).sample(np.random.default_rng(0), 200_000))
    edges = np.log(np.array([4, 8, 16, 32, 64, 128, 256, 512, 1024]) - 0.5)
    expected = np.diff(edges) / (np.log(1023.5) - np.log(0.5))
    shares = np.histogram(draws, bins=[4, 8, 16, 32, 64, 128, 256, 512, 1024])[0] / len(draws)
    assert np.allclose(shares, expected, atol=0.005)


def test_log_integers_keep_their_ends():
    knob = Integer(1, 16, log=True)
    counts = np.bincount(knob.sample(np.random.default_rng(1), 20_000), minlength=16)
    assert counts[0] > counts[1] > counts[-1] > 0


def test_log_real_grid_is_geometric():
    values = Real(1e-4, 1.0, log=True, levels=5).decode(np.arange(5))
    assert values == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ([], "no values"),
        ([1, 1.0], "repeat"),
        ([float("nan"), 1], "not a JSON scalar"),
        ([float("inf"), 1], "not a JSON scalar"),
        ([None], "not a JSON scalar"),
        ("abc", "does not declare a knob"),
        (7, "does not declare a knob"),
        ({"type": "integre"}, "'integre' is unknown"),
        ({"type": "integer", "low": 5, "high": 1}, "5..1"),
        ({"type": "integer", "low": 0, "high": 9, "log": True}, "low >= 1"),
        ({"type": "integer", "low": 0, "hihg": 9}, "hihg"),
        ({"type": "real", "low": 0.0, "high": 1.0, "log": True}, "low > 0"),
        ({"type": "real", "low": 0.0, "high": float("inf")}, "finite"),
        ({"type": "ordinal", "values": [3, 1]}, "must rise"),
        ({"type": "ordinal", "values": ["a", "b"]}, "must be numbers"),
    ],
)
def test_wrong_declarations_are_named(declaration, message):
    with pytest.raises(SpaceError, match=message):
        knob_from_spec(declaration)


def test_lists_of_rising_numbers_are_ordinal_and_others_categorical():
    assert isinstance(knob_from_spec([1, 2, 4]), Ordinal)
    assert isinstance(knob_from_spec([4, 2]), Categorical)
    assert isinstance(knob_from_spec([False, True]), Categorical)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, None, [1], {}])
@pytest.mark.parametrize("knob", [Integer(0, 5), Real(0.0, 5.0), Ordinal((1, 2)), Categorical(("x", "y"))])
def test_what_json_may_hold_is_refused_not_raised(knob, value):
    with pytest.raises(DesignError):
        knob.encode(value)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "integer", "low": -(2**63), "high": 2**63 - 1},
        {"type": "integer", "low": 0.5, "high": 3},
        {"type": "real", "low": 1.0, "high": 1.0 + 1e-14},
    ],
)
def test_knobs_without_exact_distinct_codes_are_refused(spec):
    with pytest.raises(SpaceError):
        knob_from_spec(spec)
