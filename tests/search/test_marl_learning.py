"""That agents learn: each of these fails when the part that it is about does not work."""

import numpy as np
import pytest

pytest.importorskip("torch")

from cosearch.search.check_problems import CheckProblem, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.marl.agents import Agents
from cosearch.search.marl.critics import StateCritic, credit_along
from cosearch.search.marl.episodes import Episodes, observed, roll_out
from cosearch.search.marl.ippo import Ippo
from cosearch.search.marl.mappo import Mappo
from cosearch.search.marl.model_based_mappo import ModelBasedMappo
from cosearch.search.marl.policy_file import save_policy
from cosearch.search.marl.ppo import Ppo
from cosearch.search.marl.ppo_settings import PpoSettings
from cosearch.search.marl.sac import Sac
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space

MODEL_FREE = [Mappo, Ippo, Ppo, Sac]
ONE = np.ones(1)


def coupled(shift=0, constraints=()):
    """Six knobs of four values, of which neighbours must fit each other: no knob has a best value of its own."""
    space = Space({f"k{i}": [0, 1, 2, 3] for i in range(6)}, name="coupled")

    def metrics(codes):
        apart = np.abs(codes[:, ::2] - codes[:, 1::2] + 1).sum(axis=1)
        return {"loss": apart + np.abs(codes[:, 0] - shift) * 0.5, "rare": np.abs(codes[:, :4] - 3).sum(axis=1) * 1.0}

    return CheckProblem(Problem(space, (Objective("loss"),), tuple(constraints)), metrics)


def told(strategy_class, problem, n, seed=0, **options):
    return Simulation(lambda p, s: strategy_class(p, s, **options), problem, seed, workers=8, batch=8).run(n)


@pytest.mark.parametrize("strategy_class", MODEL_FREE)
def test_what_agents_draw_gets_better(strategy_class):
    problem = coupled()
    strategy = told(strategy_class, problem, 160).strategy
    random = problem.metrics(problem.problem.space.sample(np.random.default_rng(0), 500))["loss"]
    drawn = problem.metrics(strategy.designs_for(ONE, 300))["loss"]
    assert drawn.mean() < 0.45 * random.mean()


def test_agents_without_influence_get_no_credit():
    space = Space({name: [0, 1, 2] for name in ("matters", "idle", "also")}, name="credit")
    agents, rng = Agents(space), np.random.default_rng(0)
    choices = agents.choices(space.sample(rng, 400))
    turn = {space.names[c]: i for i, c in enumerate(agents.columns)}
    rewards = choices[:, turn["matters"]] + 0.5 * choices[:, turn["also"]] - 1.5
    nothing = np.zeros((400, 0), np.float32)
    episodes = Episodes(choices, agents.all_legal(choices), nothing, rewards.astype(np.float32))
    critic = StateCritic(agents, 0, PpoSettings(gae_lambda=0.0, critic_steps=150), rng)
    critic.fit(episodes, rng)
    size = np.abs(critic.credit(episodes)).mean(axis=0)
    assert size[turn["idle"]] < 0.15 * size[turn["matters"]]
    assert size[turn["idle"]] < 0.3 * size[turn["also"]]


def test_credit_adds_up_to_the_reward():
    values = np.array([[1.0, 2.0, 4.0]], dtype=np.float32)
    acting = np.array([[True, False, True]])
    reward = np.array([5.0], dtype=np.float32)
    assert credit_along(values, acting, reward, 0.0).tolist() == [[3.0, 0.0, 1.0]]
    assert credit_along(values, acting, reward, 1.0).tolist() == [[4.0, 0.0, 1.0]]


@pytest.mark.parametrize("strategy_class", [Mappo, Sac])
def test_one_policy_knows_every_preference(strategy_class):
    strategy = told(strategy_class, easy(), 300).strategy
    random = easy().metrics(easy().problem.space.sample(np.random.default_rng(0), 500))
    for weights, metric in (([1.0, 0.0], "loss"), ([0.0, 1.0], "cost")):
        drawn = easy().metrics(strategy.designs_for(np.array(weights), 200))
        assert drawn[metric].mean() < np.quantile(random[metric], 0.2)
    ends = [strategy.designs_for(np.array(w), 200).mean() for w in ([1.0, 0.0], [0.0, 1.0])]
    # The two targets are all knobs at 3, and all at 5.
    assert ends[0] < ends[1] - 0.7


@pytest.mark.parametrize("weights", [[1.0], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], ["much", "more"]])
def test_preferences_are_checked(weights):
    with pytest.raises(StrategyError, match="preference"):
        Mappo(easy().problem).designs_for(np.array(weights), 1)


def test_curriculum_reaches_a_rare_region():
    # 80 of 4096 designs are feasible, so 200 random ones would hold about 4.
    problem = coupled(constraints=[Constraint("rare", at_most=1.0)])
    found = told(Mappo, problem, 200, curriculum=150).told
    assert found.feasible.sum() > 25


@pytest.mark.parametrize("strategy_class", [Mappo, Sac, ModelBasedMappo])
def test_agents_of_a_related_problem_start_ahead(strategy_class, tmp_path):
    for shift in (0, 1):
        save_policy(told(Mappo, coupled(shift), 200).strategy, tmp_path / str(shift))
    folders = [str(tmp_path / "0"), str(tmp_path / "1")]
    # Another knob value is best, the couplings are the same.
    problem = coupled(2)
    random = problem.metrics(problem.problem.space.sample(np.random.default_rng(0), 500))["loss"]
    for initial in (folders[1], folders):
        first = strategy_class(problem.problem, 5, initial_policy=initial).ask(16)
        assert len(first) == 16
        assert problem.metrics(first)["loss"].mean() < random.mean() - 0.7 * random.std()


def test_episodes_that_a_closed_form_rules_out_are_learnt_from_and_not_proposed():
    base = coupled(constraints=[Constraint("rare", at_most=4.0)])
    problem = Problem(
        base.problem.space,
        base.problem.objectives,
        base.problem.constraints,
        exact={"rare": lambda codes: base.metrics(codes)["rare"]},
    )
    simulated = told(Mappo, CheckProblem(problem, base.metrics), 120)
    first_feasible = np.argmax(simulated.told.feasible)
    assert simulated.told.feasible[first_feasible + 16 :].mean() > 0.95
    strategy = simulated.strategy
    drawn = roll_out(strategy.agents, strategy.trained(), observed(np.ones((300, 1))), np.random.default_rng(0))
    random = base.metrics(problem.space.sample(np.random.default_rng(0), 500))["rare"] <= 4.0
    allowed = base.metrics(strategy.agents.codes(drawn.choices))["rare"] <= 4.0
    assert random.mean() < 0.3
    assert allowed.mean() > 0.8


@pytest.mark.parametrize("strategy_class", [*MODEL_FREE, ModelBasedMappo])
def test_stopped_half_way_is_as_if_never_stopped(strategy_class):
    problem = coupled()

    def go_on(strategy, done, n):
        while len(done) < n:
            codes = strategy.ask(5)
            new = problem.trials(np.arange(len(done), len(done) + 5), codes)
            strategy.tell(new, new[:0])
            done = Trials.join([done, new])
        return done

    nothing = Trials.empty(6, 1)
    whole = go_on(strategy_class(problem.problem, 3), nothing, 50)
    half = go_on(strategy_class(problem.problem, 3), nothing, 25)
    resumed = strategy_class(problem.problem, 3)
    resumed.tell(half, nothing)
    np.testing.assert_array_equal(go_on(resumed, half, 50).codes, whole.codes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 1}, "batch"),
        ({"curriculum": -1}, "curriculum"),
        ({"learning": {"epoch": 3}}, "epochs"),
        ({"learning": {"epochs": 2.5}}, "epochs"),
        ({"learning": {"epochs": 0}}, "epochs"),
        ({"learning": {"gae_lambda": 2.0}}, "gae_lambda"),
        ({"learning": {"observe": "all"}}, "observe"),
        ({"learning": {"learning_rate": -1}}, "learning_rate"),
        ({"learning": {"learning_rate": np.inf}}, "learning_rate"),
        ({"learning": {"entropy": np.inf}}, "entropy"),
        ({"learning": {"imitated": 129}}, "imitated"),
        ({"learning": {1: 2}}, "unknown setting"),
        ({"learning": "fast"}, "learning is"),
        ({"learning": [0.1]}, "learning is"),
        ({"groups": ["a"]}, "groups is"),
        ({"batch": 2.5}, "batch"),
        ({"batch": "8"}, "batch"),
        ({"curriculum": 1.5}, "curriculum"),
        ({"curriculum": None}, "curriculum"),
        ({"initial_policy": 3}, "initial_policy"),
        ({"initial_policy": [3]}, "initial_policy"),
        ({"initial_policy": ""}, "initial_policy"),
        ({"initial_policy": {"a": "b"}}, "initial_policy"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(StrategyError) as caught:
        Mappo(easy().problem, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("strategy_class", "options", "words"),
    [
        (Sac, {"learning": {"target_entropy": 1.5}}, "target_entropy"),
        (Sac, {"batch": 8.0}, "batch"),
        (ModelBasedMappo, {"batch": 2.5}, "batch"),
        (ModelBasedMappo, {"startup": "20"}, "startup"),
        (ModelBasedMappo, {"learning": 3}, "learning"),
        (ModelBasedMappo, {"initial_policy": 3}, "initial_policy"),
    ],
)
def test_options_of_others_are_checked(strategy_class, options, words):
    with pytest.raises(StrategyError, match=words):
        strategy_class(easy().problem, **options)
