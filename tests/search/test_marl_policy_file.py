import json

import numpy as np
import pytest

pytest.importorskip("torch")

from cosearch.search.check_problems import conditional, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.marl.mappo import Mappo
from cosearch.search.marl.model_based_mappo import ModelBasedMappo
from cosearch.search.marl.policy_file import ARRAYS, DESCRIPTION, load_policy, save_policy
from cosearch.search.objective import Objective, Problem
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space


@pytest.fixture(scope="module")
def trained():
    return Simulation(lambda p, s: Mappo(p, s, groups={"size": ["width", "depth"]}), conditional(), 0).run(40).strategy


def test_a_policy_comes_back_as_it_was(trained, tmp_path):
    assert save_policy(trained, tmp_path / "new" / "one") == [tmp_path / "new/one" / f for f in (DESCRIPTION, ARRAYS)]
    policy = load_policy(tmp_path / "new" / "one", conditional().problem)
    assert policy.agents.names == trained.agents.names
    assert policy.metrics == ("loss", "cost")
    for name, array in trained.actor.parameters.arrays().items():
        np.testing.assert_array_equal(policy.actor.parameters.arrays()[name], array)


def test_saving_needs_no_ask(trained, tmp_path):
    fresh = Mappo(conditional().problem, 0, groups={"size": ["width", "depth"]})
    fresh.tell(trained.archive.completed, trained.archive.running[:0])
    save_policy(fresh, tmp_path)
    policy = load_policy(tmp_path, conditional().problem)
    for name, array in trained.trained().parameters.arrays().items():
        np.testing.assert_array_equal(policy.actor.parameters.arrays()[name], array)


def test_models_have_policies_too(tmp_path):
    strategy = Simulation(lambda p, s: ModelBasedMappo(p, s, startup=10), easy(), 0).run(20).strategy
    fresh = ModelBasedMappo(easy().problem, 0, startup=10)
    save_policy(fresh, tmp_path / "untrained")
    fresh.tell(strategy.archive.completed, strategy.archive.running)
    save_policy(fresh, tmp_path / "trained")
    before, after = (load_policy(tmp_path / n, easy().problem).actor.parameters for n in ("untrained", "trained"))
    assert not before.arrays()["out"].any()
    assert after.arrays()["out"].any()


def test_preferences_are_matched_by_metric(trained, tmp_path):
    save_policy(trained, tmp_path)
    space = conditional().problem.space
    one = Problem(space, (Objective("cost"),))
    policy = load_policy(tmp_path, one)
    assert policy.preferences(one, np.ones((2, 1))).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    other = Problem(space, (Objective("energy"),))
    assert policy.preferences(other, np.ones((1, 1))).tolist() == [[0.5, 0.5]]
    assert len(Mappo(other, initial_policy=str(tmp_path)).ask(3)) == 3


def test_constraints_may_differ(trained, tmp_path):
    save_policy(trained, tmp_path)
    spec = conditional().problem.space.spec()
    space = Space(spec["knobs"], forbid=[{"depth": {"at_least": 5}}, {"width": {"at_least": 9}}], name="tighter")
    codes = Mappo(Problem(space, conditional().problem.objectives), initial_policy=[str(tmp_path)]).ask(20)
    assert len(codes) == 20
    assert space.is_valid(codes).all()


def test_other_knobs_are_refused(trained, tmp_path):
    save_policy(trained, tmp_path)
    knobs = conditional().problem.space.spec()["knobs"]
    wider = Space(knobs | {"width": {"type": "integer", "low": 0, "high": 31}}, name="wider")
    for space, name in ((wider, "'width'"), (easy().problem.space, "'depth'")):
        with pytest.raises(StrategyError, match=name):
            Mappo(Problem(space, easy().problem.objectives), initial_policy=str(tmp_path))


def test_damaged_files_are_refused(trained, tmp_path):
    with pytest.raises(StrategyError, match="no readable policy"):
        Mappo(easy().problem, initial_policy=str(tmp_path / "missing"))
    save_policy(trained, tmp_path)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps(description | {"version": 99}))
    with pytest.raises(StrategyError, match="version"):
        load_policy(tmp_path, conditional().problem)
    description["form"]["width"] = 5
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(StrategyError, match="does not fit"):
        load_policy(tmp_path, conditional().problem)
    np.savez(tmp_path / ARRAYS, out=np.array([{}], dtype=object))
    with pytest.raises(StrategyError, match="no readable policy"):
        load_policy(tmp_path, conditional().problem)


@pytest.mark.parametrize("name", [DESCRIPTION, ARRAYS])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 and then nothing", b"[" * 100_000, b"[1, 2]", b"3", b"null", b"\xff\xfe\x00", b"{}"]
)
def test_files_of_other_content_are_refused(trained, tmp_path, name, content):
    save_policy(trained, tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StrategyError, match="save") as caught:
        load_policy(tmp_path, conditional().problem)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_cut_arrays_are_refused(trained, tmp_path, cut):
    save_policy(trained, tmp_path)
    whole = (tmp_path / ARRAYS).read_bytes()
    for content in (whole[: int(cut * len(whole))], whole[: len(whole) // 3] + b"0" * 9 + whole[len(whole) // 3 + 9 :]):
        (tmp_path / ARRAYS).write_bytes(content)
        with pytest.raises(StrategyError, match="no readable policy"):
            load_policy(tmp_path, conditional().problem)


@pytest.mark.parametrize("other", [np.arange(3.0), np.array(["text"]), np.array([np.nan], np.float32)])
def test_other_arrays_are_refused(trained, tmp_path, other):
    save_policy(trained, tmp_path)
    with np.load(tmp_path / ARRAYS) as file:
        arrays = dict(file)
    np.savez(tmp_path / ARRAYS, **arrays | {"out": other})
    with pytest.raises(StrategyError, match="32-bit"):
        load_policy(tmp_path, conditional().problem)
    with (tmp_path / ARRAYS).open("wb") as file:
        np.save(file, other)
    with pytest.raises(StrategyError, match="no readable policy"):
        load_policy(tmp_path, conditional().problem)


@pytest.mark.parametrize(
    "change",
    [
        {"order": []},
        {"order": [1, 2]},
        {"order": "width"},
        {"order": None},
        {"groups": ["width"]},
        {"groups": {"a": ["nothing"]}},
        {"groups": {"a": 3}},
        {"objectives": []},
        {"objectives": [1, 2]},
        {"objectives": ["loss", "loss"]},
        {"objectives": "loss"},
        {"knobs": []},
        {"form": {}},
        {"form": []},
        {"form": {"sharing": "none"}},
        {"form": {"observe": ["own"]}},
        {"form": {"width": "32"}},
        {"form": {"width": 10**12}},
        {"form": {"width": -1}},
        {"form": {"learning_rate": None}},
        {"form": {"learning_rate": float("inf")}},
        {"form": {"depth": 2}},
    ],
)
def test_wrong_descriptions_are_refused(trained, tmp_path, change):
    save_policy(trained, tmp_path)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    if change.get("form"):
        change = {"form": description["form"] | change["form"]}
    (tmp_path / DESCRIPTION).write_text(json.dumps(description | change))
    with pytest.raises(StrategyError, match="save the policy again") as caught:
        load_policy(tmp_path, conditional().problem)
    assert str(tmp_path) in str(caught.value)


def test_an_order_that_conditions_contradict_is_refused(trained, tmp_path):
    save_policy(trained, tmp_path)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps(description | {"order": description["order"][::-1]}))
    with pytest.raises(StrategyError, match="condition"):
        load_policy(tmp_path, conditional().problem)
