"""``cosearch policy``: the policy of a finished study, for the next one."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from cosearch.experiments.cli import main
from cosearch.experiments.configuration.validate import validate
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.search.marl.policy_file import load_policy

CONFIG = """
version: 1
name: first
seed: 3
space: {knobs: {a: [1, 2, 3, 4], b: [1, 2, 3, 4], c: [1, 2, 3, 4]}}
targets:
  cost: {name: function, function: "policy_costs:cost", metrics: [latency_ms]}
objectives:
  - {metric: latency_ms}
search: {name: mappo, batch: 8, startup: 8}
budget: {trials: 24}
execution: {name: local, workers: 1}
tracking: {name: none}
output: {folder: studies, report: false}
"""

COSTS = """
import numpy as np
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget


def cost(design):
    return {"latency_ms": float(abs(design["a"] - design["b"]) + design["c"])}


class Cost(HardwareTarget):
    def __init__(self, space):
        pass

    def metrics(self):
        return (Metric("latency_ms", "modelled", "of a design"),)

    def fidelities(self):
        return (0.25, 1.0)

    def evaluate(self, designs, seeds):
        return self.evaluate_at(designs, seeds, 1.0)

    def evaluate_at(self, designs, seeds, fidelity):
        a, b, c = (designs.column(name) for name in "abc")
        return Columns({"latency_ms": np.abs(a - b) * fidelity + c.astype(float)})
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "policy_costs.py").write_text(COSTS)
    (tmp_path / "first.yaml").write_text(CONFIG)
    return tmp_path


def cosearch(*arguments):
    return CliRunner().invoke(main, arguments)


def test_a_policy_is_saved_and_started_from(here):
    assert cosearch("run", "first.yaml").exit_code == 0
    result = cosearch("policy", "studies/first", "--output", "policies/first", "--json")
    assert result.exit_code == 0, result.stderr
    assert [name.rsplit("/", 1)[-1] for name in json.loads(result.stdout)["files"]] == ["policy.json", "policy.npz"]
    experiment = validate("first.yaml", ()).experiment
    policy = load_policy("policies/first", experiment.problem)
    # The same network as the one that lived through the study.
    lived = experiment.strategy(experiment.problem, experiment.seed)
    ledger = Study.open(here / "studies" / "first").results.ledger
    told = ledger.trials(np.arange(24))
    lived.tell(told, told[:0])
    for name, array in lived.trained().parameters.arrays().items():
        np.testing.assert_array_equal(policy.actor.parameters.arrays()[name], array)
    started = cosearch("run", "first.yaml", "--set", "name=second", "--set", "search.initial_policy=policies/first")
    assert started.exit_code == 0, started.stderr


@pytest.mark.parametrize("strategy", ["mappo", "successive_halving"])
def test_a_study_keeps_what_it_started_from(here, strategy):
    """Neither a change of the policy nor a move of the study changes how it goes on."""
    assert cosearch("run", "first.yaml").exit_code == 0
    assert cosearch("policy", "studies/first", "--output", "policies/first").exit_code == 0
    search = "{name: mappo, batch: 8, initial_policy: policies/first}"
    if strategy == "successive_halving":
        search = "{name: successive_halving, strategy: mappo, options: {batch: 8, initial_policy: policies/first}}"
    settings = ["--set", f"search={search}"]
    if strategy == "successive_halving":
        settings += ["--set", "targets.cost={name: 'policy_costs:Cost'}"]
    whole = cosearch("run", "first.yaml", *settings, "--set", "name=whole")
    assert whole.exit_code == 0, whole.stderr
    assert cosearch("run", "first.yaml", *settings, "--set", "name=half", "--set", "budget.trials=12").exit_code == 0
    (here / "policies/first").rename(here / "policies/elsewhere")
    (here / "studies/half").rename(here / "moved")
    resumed = cosearch("resume", "moved", "--set", "budget.trials=24")
    assert resumed.exit_code == 0, resumed.stderr
    designs = [designs_of(here / name) for name in ("studies/whole", "moved")]
    assert len(designs[0]) >= 24
    assert designs[0] == designs[1]
    assert cosearch("resume", "moved", "--set", "budget.trials=26").exit_code == 0


def test_another_policy_is_kept_too(here):
    assert cosearch("run", "first.yaml").exit_code == 0
    assert cosearch("policy", "studies/first", "--output", "policies/first").exit_code == 0
    chosen = "search.initial_policy=policies/first"
    assert cosearch("resume", "studies/first", "--set", chosen, "--set", "budget.trials=26").exit_code == 0
    (here / "policies/first").rename(here / "policies/elsewhere")
    assert (here / "studies/first/initial_policies/1/policy.npz").is_file()
    assert cosearch("resume", "studies/first", "--set", "budget.trials=28").exit_code == 0


def designs_of(folder):
    with TrialStore.open(folder, readonly=True) as store:
        return [(row["design"], row["fidelity"]) for row in store.rows()]


def test_a_missing_policy_is_found_before_anything_runs(here):
    result = cosearch("validate", "first.yaml", "--set", "search.initial_policy=policies/none")
    assert result.exit_code == 2
    assert "policies/none" in result.stderr


def test_strategies_without_a_policy_are_refused(here):
    assert cosearch("run", "first.yaml", "--set", "search={name: nsga2}").exit_code == 0
    result = cosearch("policy", "studies/first", "--output", "policies/first")
    assert result.exit_code == 1
    assert "Nsga2" in result.stderr
    assert not (here / "policies").exists()
