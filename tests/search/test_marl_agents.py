import tracemalloc

import numpy as np
import pytest

from cosearch.search.marl.agents import Agents, digits
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space

pytest.importorskip("torch")

from cosearch.search.check_problems import conditional, single, tiny
from cosearch.search.marl.episodes import observed, roll_out
from cosearch.search.marl.networks import Form, TurnNetwork
from cosearch.search.marl.preferences import preferences


def actor(agents, n_preferences=2, sharing="separate", observe="own", scale=0.0):
    network = TurnNetwork(
        agents, n_preferences, agents.most_actions, Form(sharing, observe, 16, 0.01), np.random.default_rng(0)
    )
    if scale:
        rng = np.random.default_rng(1)
        noisy = {k: scale * rng.standard_normal(v.shape) for k, v in network.parameters.arrays().items()}
        network.parameters.load(noisy)
        network.refresh()
    return network


def spaces():
    wide = {"a": {"type": "integer", "low": 0, "high": 999}, "b": {"type": "integer", "low": 0, "high": 4999}}
    return [
        conditional().problem.space,
        tiny().problem.space,
        single().problem.space,
        Space(wide, constraints=[{"sum": ["a", "b"], "at_most": 700}], name="wide"),
    ]


@pytest.mark.parametrize("sharing", ["separate", "shared", "joint"])
@pytest.mark.parametrize("space", spaces(), ids=lambda space: space.name)
def test_agents_only_choose_legal_designs(space, sharing):
    agents = Agents(space)
    weights = observed(preferences(np.arange(200), 2))
    drawn = roll_out(agents, actor(agents, sharing=sharing, scale=2.0), weights, np.random.default_rng(2))
    codes = agents.codes(drawn.choices)
    complete = (codes >= -1).all(axis=1)
    assert complete.all() or agents.may_halt
    assert complete.sum() > 100
    assert space.is_valid(codes[complete]).all()
    assert (agents.choices(codes[complete]) == drawn.choices[complete]).all()
    assert (agents.all_legal(drawn.choices[complete]) == drawn.legal[complete]).all()


def test_episodes_stop_at_a_dead_end():
    space = conditional().problem.space
    agents = Agents(space)

    class NothingLegal(Agents):
        def legal(self, choices, turn):
            legal, active = super().legal(choices, turn)
            return (legal & False if turn == 2 else legal), active

    stuck = NothingLegal(space)
    drawn = roll_out(stuck, actor(agents), observed(preferences(np.arange(20), 2)), np.random.default_rng(0))
    active = stuck.legal(drawn.choices, 2)[1]
    assert active.any()
    assert (drawn.choices[active, 2:] == -2).all()
    assert (agents.codes(drawn.choices)[~active] >= -1).all()


@pytest.mark.parametrize("sharing", ["separate", "shared", "joint"])
@pytest.mark.parametrize("observe", ["own", "earlier"])
def test_one_turn_at_a_time_is_all_turns_at_once(sharing, observe):
    space = conditional().problem.space
    agents = Agents(space, {"pair": ["width", "depth"]})
    network = actor(agents, sharing=sharing, observe=observe, scale=1.0)
    codes = space.sample(np.random.default_rng(0), 8)
    hot, weights = agents.one_hot(agents.choices(codes)), observed(preferences(np.arange(8), 2))
    whole = network.forward(hot, weights).detach().numpy()
    for turn in range(agents.n_turns):
        np.testing.assert_allclose(network.step(turn, hot, weights), whole[:, turn], rtol=1e-4, atol=1e-5)


def test_what_agents_observe():
    space = Space({name: [0, 1] for name in "abcd"}, name="four")
    agents = Agents(space, {"left": ["a", "b"]})
    own, earlier = agents.visible(False), agents.visible(True)
    assert own[1].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert own[3].sum() == 0
    assert earlier[3].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert agents.names == ("left", "c", "d")


def test_large_knobs_are_chosen_by_digits():
    assert digits(64) == (1, 64)
    assert digits(65) == (2, 9)
    assert digits(64**3) == (3, 64)
    space = Space({"a": {"type": "integer", "low": 0, "high": 999}}, name="large")
    agents = Agents(space)
    codes = np.arange(1000)[:, None]
    assert agents.most_actions == 32
    assert (agents.codes(agents.choices(codes)) == codes).all()


def test_huge_knobs_need_little_memory():
    knob = {"type": "integer", "low": 0, "high": 1_000_000}
    agents = Agents(Space({"size": knob, "mode": ["on", "off"], "delay": knob | {"active_if": {"mode": "on"}}}))
    codes = agents.space.sample(np.random.default_rng(0), 96)
    tracemalloc.start()
    legal = agents.all_legal(agents.choices(codes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    assert legal.any(axis=(1, 2)).all()


def test_digits_end_where_the_values_end():
    space = Space({"mode": ["on", "off"], "a": {"type": "integer", "low": 0, "high": 699, "active_if": {"mode": "on"}}})
    agents = Agents(space)
    codes = space.enumerate()
    choices = agents.choices(codes)
    listed = agents.masks.legal(np.where(np.arange(2) < 1, codes, -2), 1)
    for turn in (1, 2):
        got, active = agents.legal(choices, turn)
        want = agents._by_digit(listed, choices, 1, turn)
        assert (got[:, : agents.n_actions[turn]] == want).all()
        assert (active == (codes[:, 0] == 0)).all()
        assert not got.all(axis=1).all()


@pytest.mark.parametrize("order", [["a"], ["a", "b", "b"], "abc", ["a", "b", "d"], ["c", "b", "a"], [1, 2, 3]])
def test_orders_are_checked(order):
    space = Space({"a": [1, 2], "b": {"type": "ordinal", "values": [1, 2], "active_if": {"a": 1}}, "c": [1, 2]})
    with pytest.raises(StrategyError, match="order"):
        Agents(space, order=order)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"one": ["widht"]}, "widht"),
        ({"one": ["width"], "two": ["width"]}, "two"),
        ({"one": []}, "one"),
        ({"one": "width"}, "one"),
        ({"depth": ["width"]}, "depth"),
        ({"one": 3}, "one"),
        (["width"], "mapping"),
    ],
)
def test_groups_are_checked(groups, words):
    with pytest.raises(StrategyError, match=words):
        Agents(conditional().problem.space, groups)
