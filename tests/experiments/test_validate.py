"""Validation of good configurations: probes, warnings, and that nothing is written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cosearch.experiments.configuration.requirements import PACKAGES
from cosearch.experiments.configuration.validate import validate
from cosearch.spaces.errors import ConfigError

BASE = Path(__file__).parent / "bad_configs" / "base.yaml"


def test_facts_of_a_good_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked = validate(BASE)
    assert checked.space_size == 36
    assert checked.probe is not None
    assert (checked.probe.n_designs, checked.probe.n_failed, checked.probe.n_feasible) == (200, 0, 200)
    assert checked.seconds == pytest.approx(20 * checked.probe.seconds)
    assert checked.warnings == ()
    assert checked.to_dict()["targets"] == {"model": ["latency_ms", "area_mm2", "utilization_pct"]}
    assert list(tmp_path.iterdir()) == []


def test_the_probe_counts_what_the_constraints_allow() -> None:
    # Utilisation is 100 cols / (rows + cols): over a half where there are more columns than rows.
    checked = validate(BASE, ["constraints=[{metric: utilization_pct, at_least: 51}]"])
    assert checked.probe is not None
    assert checked.probe.n_feasible / 200 == pytest.approx(1 / 3, abs=0.12)
    again = validate(BASE, ["constraints=[{metric: utilization_pct, at_least: 51}]"])
    assert again.probe is not None
    assert again.probe.n_feasible == checked.probe.n_feasible


@pytest.mark.parametrize(
    ("overrides", "warning"),
    [
        (["constraints=[{metric: area_mm2, at_most: 0.001}]"], "none of 200 random designs meets them"),
        (["budget.trials=37"], "37 trials, but the space has only 36 designs"),
        (["execution.workers=4000"], "4000 workers on"),
    ],
)
def test_warnings(overrides: list[str], warning: str) -> None:
    warnings = validate(BASE, overrides).warnings
    assert len(warnings) == 1
    assert warning in warnings[0]


def test_expensive_targets_are_not_probed(tmp_path: Path) -> None:
    (tmp_path / "slow_cost.py").write_text("def score(design):\n    raise SystemExit('was called')\n")
    path = tmp_path / "slow.yaml"
    function = "targets: {t: {name: function, function: 'slow_cost:score', metrics: [latency_ms]}}"
    path.write_text(f"name: slow\nspace: {{knobs: {{x: [1, 2]}}}}\n{function}\nobjectives: [{{metric: latency_ms}}]\n")
    checked = validate(path, ["budget.trials=2"])
    assert checked.probe is None
    assert checked.seconds is None


def test_the_extra_all_brings_whatever_an_experiment_may_ask_for() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    brought = pyproject["project"]["optional-dependencies"]["all"][0]
    assert {extra for _, extra in PACKAGES.values()} <= set(brought.removesuffix("]").split("[")[1].split(","))
    assert PACKAGES["targets", "accelerator_memory"] == ("numba", "dram")


@pytest.mark.parametrize(
    ("section", "name", "overrides"),
    [("search", "tpe", ["search.name=tpe"]), ("execution", "ray", ["execution.name=ray"])],
)
def test_missing_packages_name_the_command(
    section: str, name: str, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGES, (section, name), ("no_such_package", "extra"))
    with pytest.raises(ConfigError) as caught:
        validate(BASE, overrides)
    shown = f"--set {section}.name: {name!r} needs the package no_such_package, which is not installed; "
    assert shown + 'pip install "cosearch[extra]"' in map(str, caught.value.problems)


def test_a_missing_default_tracker_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, ("tracking", "mlflow"), ("no_such_package", "mlflow"))
    path = tmp_path / "untracked.yaml"
    text = BASE.read_text().replace("tracking: {name: none}\n", "") + f"python_path: ['{BASE.parent}']\n"
    path.write_text(text)
    assert [w for w in validate(path).warnings if "no_such_package is not installed, so mlflow is skipped" in w]
    with pytest.raises(ConfigError, match="no_such_package"):
        validate(path, ["tracking.name=mlflow"])
