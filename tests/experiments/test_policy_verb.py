"""``cosearch policy``: the policy of a finished study, for the next one."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from cosearch.experiments.cli import main
from cosearch.experiments.configuration.validate import validate
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
search: {name: mappo, batch: 8}
budget: {trials: 24}
execution: {name: local, workers: 1}
tracking: {name: none}
output: {folder: studies, report: false}
"""

COSTS = """
def cost(design):
    return {"latency_ms": float(abs(design["a"] - design["b"]) + design["c"])}
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
