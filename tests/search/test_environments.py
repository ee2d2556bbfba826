"""Environments around design problems: the checks of Gymnasium and PettingZoo, rewards, masks and budgets."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.function import FunctionTarget
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.systolic.target import SystolicArray
from cosearch.hw_targets.target import Columns, HardwareTarget
from cosearch.search.check_problems import CheckProblem, conditional, tiny
from cosearch.search.environments import DesignEnv, DesignParallelEnv
from cosearch.search.environments.reward import FAILED, FEASIBLE_FLOOR, Reward
from cosearch.search.environments.task import DesignTask
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.spaces.errors import CosearchError, InfeasibleError, StrategyError
from cosearch.spaces.feasibility import components
from cosearch.spaces.gemm_tile import gemm_tile
from cosearch.spaces.memory_controller import memory_controller
from cosearch.spaces.space import Space
from cosearch.spaces.systolic_array import systolic_array


class CheckTarget(HardwareTarget):
    """Scores the designs of a check problem by its formula; counts what it was asked."""

    def __init__(self, check: CheckProblem) -> None:
        self.check, self.asked = check, 0

    def metrics(self) -> tuple[Metric, ...]:
        # The names of the check problems carry no units.
        return tuple(_named(name) for name in self.check.problem.metric_names())

    def evaluate(self, designs, seeds) -> Columns:
        assert len(seeds) == len(designs)
        assert designs.space.is_valid(designs.codes).all()
        self.asked += len(designs)
        values = self.check.metrics(designs.codes)
        failed = np.isnan(values["loss"])
        return Columns(values, failures={int(i): "failed" for i in np.flatnonzero(failed)})


def _named(name: str) -> Metric:
    metric = Metric("x_ratio", "simulated", name)
    object.__setattr__(metric, "name", name)
    return metric


def systolic() -> tuple[Problem, HardwareTarget]:
    space = systolic_array()
    objectives = (Objective("cycles", reference=2e8), Objective("energy_macs"))
    return Problem(space, objectives, (Constraint("area_pe", at_most=60_000.0),)), SystolicArray(space, "mobilenet_v2")


def with_check(check: CheckProblem) -> tuple[Problem, HardwareTarget]:
    return check.problem, CheckTarget(check)


def gemm() -> tuple[Problem, HardwareTarget]:
    problem = Problem(gemm_tile(max_block_tile=64, max_warp_tile=32, max_stages=3), conditional().problem.objectives)
    return with_check(CheckProblem(problem, conditional().metrics))


def memory() -> tuple[Problem, HardwareTarget]:
    space = memory_controller(wide=True)
    objectives = (Objective("mean_latency_ns"), Objective("energy_uj"))
    return Problem(space, objectives), TARGETS.get("dram")(space, traces=[{"name": "random", "requests": 50}])


PROBLEMS = {
    "plain": systolic,
    "dram": memory,
    "conditional": lambda: with_check(conditional()),
    "constrained": gemm,
    "tiny": lambda: with_check(tiny()),
}


@pytest.mark.parametrize("scaling", [None, "running"])
@pytest.mark.parametrize("name", sorted(PROBLEMS))
@pytest.mark.parametrize(("simultaneous", "steps"), [(True, 1), (True, 3), (False, 1)])
def test_gymnasium_accepts_it(name: str, simultaneous: bool, steps: int, scaling) -> None:
    from gymnasium.utils.env_checker import check_env

    problem, target = PROBLEMS[name]()
    env = DesignEnv(problem, target, simultaneous=simultaneous, steps=steps, reward=Reward(problem, scaling=scaling))
    # Without a registered id there is no other way to be rendered.
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_pettingzoo_accepts_it(name: str) -> None:
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    def make(steps: int = 3) -> DesignParallelEnv:
        problem, target = PROBLEMS[name]()
        half = problem.space.n_knobs // 2
        groups = {"front": problem.space.names[:half], "back": problem.space.names[half:]}
        return DesignParallelEnv(problem, target, steps=steps, groups=groups if steps == 3 else None)

    parallel_api_test(make(), num_cycles=20)
    parallel_api_test(make(steps=1), num_cycles=20)
    parallel_seed_test(make, num_cycles=10)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_masked_random_walks_make_designs(name: str) -> None:
    problem, target = PROBLEMS[name]()
    env = DesignEnv(problem, target, simultaneous=False)
    env.action_space.seed(0)
    for episode in range(20):
        observation, info = env.reset(seed=0 if episode == 0 else None)
        terminated = False
        while not terminated:
            before = observation["design"].copy()
            action = env.action_space.sample(mask=info["action_mask"])
            knob = int(observation["knob"])
            observation, reward, terminated, truncated, info = env.step(action)
            assert before[knob] == -2
            assert observation["design"][knob] == action
            assert not info["repaired"]
            assert not info["dead_end"]
            assert not truncated
            assert observation in env.observation_space
        codes = problem.space.encode([info["design"]])
        assert np.array_equal(codes[0], observation["design"])
        if env.task.reward.scaling == "reference":
            assert env.evaluate_many(codes).rewards[0] == reward


def test_a_wrong_value_counts_as_the_nearest_legal_one() -> None:
    problem, target = with_check(tiny())
    env = DesignEnv(problem, target, simultaneous=False)
    env.reset(seed=0)
    names = [problem.space.names[c] for c in env._masks.order]
    assert names == ["a", "b"]
    env.step(0)
    observation, _, terminated, _, info = env.step(0)  # a = 1 forbids b = 1
    assert terminated
    assert info["repaired"]
    assert observation["design"].tolist() == [0, 1]


def test_a_forbidden_design_is_repaired_and_agents_are_told() -> None:
    problem, target = with_check(tiny())
    env = DesignEnv(problem, target)
    env.reset(seed=0)
    info = env.step(np.array([0, 0]))[-1]
    assert info["repaired"]
    assert problem.space.is_valid(problem.space.encode([info["design"]]))[0]
    env.reset()
    assert not env.step(np.array([1, 1]))[-1]["repaired"]
    both = DesignParallelEnv(problem, target)
    both.reset(seed=0)
    infos = both.step({"a": 0, "b": 0})[-1]
    assert [infos[agent]["repaired"] for agent in "ab"].count(True) == 1


def test_a_dead_end_ends_the_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    """In groups too large to list, propagation can miss that two sums contradict each other."""
    monkeypatch.setattr(components, "MAX_ROWS", 2)
    values = {"type": "integer", "low": 0, "high": 3}
    together = [{"sum": ["a", "b", "c"], "at_most": 3}]
    together += [{"divides": [5, {"sum": [{"product": ["a", 3]}, "b", {"product": ["c", "c"]}, 1]}]}]
    space = Space({"a": values, "b": values, "c": values}, constraints=together)
    env = DesignEnv(*with_check(replace(tiny(), problem=Problem(space, tiny().problem.objectives))), simultaneous=False)
    endings = set()
    for seed in range(60):
        _, info = env.reset(seed=seed)
        terminated = False
        while not terminated:
            legal = np.flatnonzero(info["action_mask"])
            _, reward, terminated, _, info = env.step(legal[seed % len(legal)])
        endings.add(info["dead_end"])
        if info["dead_end"]:
            assert reward == FAILED
            assert "design" not in info
        else:
            assert reward > FAILED
    assert endings == {False, True}


def test_exact_constraints_cost_no_evaluation() -> None:
    base = tiny()
    problem = replace(
        base.problem,
        constraints=(Constraint("loss", at_most=2.0),),
        exact={"loss": lambda codes: base.metrics(codes)["loss"]},
    )
    target = CheckTarget(base)
    env = DesignEnv(problem, target)
    env.reset(seed=0)
    codes = problem.space.enumerate()
    assert codes is not None
    allowed = base.metrics(codes)["loss"] <= 2.0
    assert 0 < allowed.sum() < len(codes)
    for code, fine in zip(codes, allowed, strict=True):
        asked = target.asked
        env.reset()
        _, reward, _, _, info = env.step(code)
        assert info["evaluated"] == fine
        assert target.asked == asked + fine
        assert (reward >= FEASIBLE_FLOOR) == fine


def test_repeats_are_free_and_the_budget_truncates() -> None:
    check = tiny()
    target = CheckTarget(check)
    env = DesignEnv(check.problem, target, budget=2, preference=np.array([0.5, 0.5]), steps=2)
    env.reset(seed=0)
    first = env.step(np.array([1, 1]))
    again = env.step(np.array([1, 1]))
    assert first[1] == again[1]
    assert again[-1]["budget_left"] == 1
    assert not again[3]
    env.reset()
    assert env.step(np.array([1, 2]))[3]
    assert target.asked == 2
    env.reset()
    assert env.step(np.array([1, 2]))[-1]["budget_left"] == 0
    env.reset()
    with pytest.raises(StrategyError, match="budget of 2"):
        env.step(np.array([2, 0]))


def test_preferences_are_redrawn_and_can_be_given() -> None:
    problem, target = with_check(conditional())
    env, agents = DesignEnv(problem, target), DesignParallelEnv(problem, target)
    drawn = [env.reset(seed=5)[0]["preference"], env.reset()[0]["preference"], env.reset(seed=5)[0]["preference"]]
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    given = {"preference": [1.0, 3.0]}
    assert env.reset(options=given)[0]["preference"].tolist() == [0.25, 0.75]
    assert agents.reset(options=given)[0]["width"]["preference"].tolist() == [0.25, 0.75]
    fixed = DesignEnv(problem, target, preference=np.array([1.0, 0.0]))
    assert fixed.reset(seed=1)[0]["preference"].tolist() == [1.0, 0.0]
    with pytest.raises(StrategyError, match="preference"):
        env.reset(options={"preference": [1.0, -1.0]})


def test_a_batch_is_scored_as_single_designs_are() -> None:
    problem, target = systolic()
    scaled = replace(problem, objectives=(Objective("cycles", reference=2e8), Objective("energy_macs", reference=1e9)))
    codes = problem.space.sample(np.random.default_rng(0), 50)
    preferences = np.random.default_rng(1).dirichlet(np.ones(2), 50)
    batch = DesignTask(scaled, target).score(codes, preferences)
    env = DesignEnv(scaled, target)
    single = []
    for code, preference in zip(codes, preferences, strict=True):
        env.reset(options={"preference": preference})
        single.append(env.step(code)[1])
    assert single == pytest.approx(batch.rewards.tolist())
    assert len(set(single)) > 40


def test_knobs_in_no_group_have_agents_of_their_own() -> None:
    problem, target = with_check(conditional())
    names = problem.space.names
    env = DesignParallelEnv(problem, target, groups={"pair": [names[1], names[0]]})
    assert env.possible_agents == ["pair", *names[2:]]
    assert env.action_space("pair").nvec.tolist() == problem.space.cardinalities[[1, 0]].tolist()


@pytest.mark.parametrize("groups", [{"one": ["a", "b"], "two": ["b"]}, {"one": "ab"}, {"one": []}, ["a"], {1: ["a"]}])
def test_groups_are_checked(groups) -> None:
    problem, target = with_check(tiny())
    with pytest.raises(StrategyError, match="groups"):
        DesignParallelEnv(problem, target, groups=groups)


@pytest.mark.parametrize("simultaneous", [True, False])
def test_no_steps_without_an_episode(simultaneous) -> None:
    problem, target = with_check(tiny())
    env = DesignEnv(problem, target, simultaneous=simultaneous)
    action = np.array([1, 1]) if simultaneous else 1
    with pytest.raises(StrategyError, match="reset"):
        env.step(action)
    env.reset(seed=0)
    while not env.step(action)[2]:
        pass
    with pytest.raises(StrategyError, match="reset"):
        env.step(action)
    team = DesignParallelEnv(problem, target)
    team.reset(seed=0)
    team.step({"a": 1, "b": 1})
    with pytest.raises(StrategyError, match="reset"):
        team.step({"a": 1, "b": 1})


@pytest.mark.parametrize("action", [[1], [[1, 1]], [1, -1], [1, 99], [1.0, 1.0], "ab", None, [1, [1]]])
def test_actions_are_checked(action) -> None:
    problem, target = with_check(tiny())
    env = DesignEnv(problem, target)
    env.reset(seed=0)
    with pytest.raises(StrategyError, match="action"):
        env.step(action)
    team = DesignParallelEnv(problem, target, groups={"all": ["a", "b"]})
    team.reset(seed=0)
    with pytest.raises(StrategyError, match=r"action .* of agent 'all'"):
        team.step({"all": action})


@pytest.mark.parametrize("action", [1.5, "a", None, [1, 1]])
def test_one_knob_takes_one_number(action) -> None:
    env = DesignEnv(*with_check(tiny()), simultaneous=False)
    env.reset(seed=0)
    with pytest.raises(StrategyError, match="one whole number"):
        env.step(action)


@pytest.mark.parametrize(("actions", "words"), [({"a": 0}, "'b'"), ({"a": 0, "b": 0, "c": 0}, "'c'")])
def test_every_agent_acts(actions, words) -> None:
    env = DesignParallelEnv(*with_check(tiny()))
    env.reset(seed=0)
    with pytest.raises(StrategyError, match=words):
        env.step(actions)


def test_what_does_not_fit_is_refused() -> None:
    problem, target = with_check(tiny())
    with pytest.raises(StrategyError, match="gives no energy_mj"):
        DesignEnv(Problem(problem.space, (Objective("energy_mj"),)), target)
    with pytest.raises(StrategyError, match="steps"):
        DesignEnv(problem, target, simultaneous=False, steps=2)
    with pytest.raises(StrategyError, match="no reference for loss"):
        Reward(Problem(problem.space, (Objective("loss"),)), scaling="reference")
    empty = Space({"a": [1, 2], "b": [1, 2]}, constraints=[{"sum": ["a", "b"], "at_most": 1}])
    nothing = Problem(empty, problem.objectives)
    for make in (DesignEnv, DesignParallelEnv):
        with pytest.raises(InfeasibleError, match="holds no design"):
            make(nothing, target)


def test_failures_of_a_target_are_the_worst_rewards() -> None:
    space = Space({"x": {"type": "integer", "low": 0, "high": 3}})

    def score(design):
        if design["x"] == 2:
            raise ValueError("broken")
        return {"cost_ms": float(design["x"])}

    env = DesignEnv(Problem(space, (Objective("cost_ms", reference=4.0),)), FunctionTarget(space, score, ["cost_ms"]))
    rewards = []
    for x in range(4):
        env.reset()
        rewards.append(env.step(np.array([x]))[1])
    assert rewards == pytest.approx([-0.05, -0.25, FAILED, -0.75])


def test_a_missing_package_is_named_with_its_remedy() -> None:
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "import cosearch.search.environments as e\n"
        "try: e.DesignEnv\nexcept Exception as error: print(type(error).__name__, error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith(CosearchError.__name__)
    assert 'pip install "cosearch[rl]"' in result.stdout
