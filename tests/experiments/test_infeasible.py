"""A study in which no design meets the constraints: the least violating one is reported, and flagged, everywhere."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cosearch.experiments.cli import main
from cosearch.experiments.outputs.export import export_front
from cosearch.experiments.outputs.pareto import front_table
from cosearch.experiments.outputs.report import write_report
from cosearch.experiments.outputs.report_data import report_data
from cosearch.experiments.outputs.results import Results
from cosearch.experiments.progress import Ending
from cosearch.experiments.status import status
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.experiments.tracking.replay import end_summary
from cosearch.search.catalog import STRATEGIES
from cosearch.search.objective import Constraint

LIMITS = (Constraint("energy_mj", at_most=-1.0), Constraint("latency_ms", at_most=0.1))


@pytest.fixture
def study(make_experiment):
    made = Study.create(make_experiment(constraints=LIMITS))
    summary = made.run()
    assert (summary.n_feasible, summary.front_size, summary.hypervolume) == (0, 0, 0.0)
    return made


@pytest.fixture
def least(study):
    """Id and violation of the trial that violates least, straight from the numbers."""
    ledger = study.results.ledger
    told = ledger.trials(np.arange(ledger.n))
    row = int(told.violations.argmin())
    return int(told.ids[row]), float(told.violations[row])


def test_results_and_exports_begin_with_the_least_violating(study, least, tmp_path):
    results = study.results
    assert not results.is_feasible
    first = results.members[0]
    assert (first["trial"], first["violation"], first["feasible"]) == (*least, False)
    violations = [member["violation"] for member in results.members]
    assert violations == sorted(violations)
    paths = export_front(study.folder, tmp_path, ["json", "yaml", "csv"])
    document = json.loads(paths[0].read_text())
    assert document["feasible"] is False
    assert document["designs"][0]["trial"] == least[0]
    assert "feasible: false" in paths[1].read_text()
    with paths[2].open() as file:
        rows = list(csv.DictReader(file))
    assert {row["feasible"] for row in rows} == {"False"}
    assert float(rows[0]["violation"]) == least[1]


def test_the_front_is_a_table_of_violations(study, least):
    table = front_table(study.folder)
    assert not table.feasible
    assert table.columns[:2] == ("trial", "violation")
    assert len(table.rows) == len(table.members) == 5
    for pick in ("knee", "nearest:latency_ms=1"):
        assert [m["trial"] for m in front_table(study.folder, pick).members] == [least[0]]


def test_commands_flag_it(study, least):
    shown = CliRunner().invoke(main, ["pareto", str(study.folder)])
    assert shown.exit_code == 3
    assert "no feasible design; these violate the constraints least" in shown.output
    assert "violation" in shown.output
    data = json.loads(CliRunner().invoke(main, ["pareto", str(study.folder), "--json"]).stdout)
    assert (data["feasible"], data["front_size"], data["designs"][0]["trial"]) == (False, 0, least[0])
    shown = CliRunner().invoke(main, ["status", str(study.folder)])
    assert f"trial {least[0]}, violation {least[1]:.4g}" in shown.output
    assert status(study.folder)["least_violation"] == {"trial": least[0], "violation": least[1]}


def test_a_feasible_study_has_no_least_violation(make_experiment):
    study = Study.create(make_experiment())
    study.run()
    assert study.results.is_feasible
    assert status(study.folder)["least_violation"] is None
    assert "nearest to feasible" not in CliRunner().invoke(main, ["status", str(study.folder)]).output
    assert "violation" not in front_table(study.folder).columns


def test_the_report_flags_it(study, least, tmp_path):
    text = write_report(report_data(study.results), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No trial met every constraint; the highlighted designs violate them least." in text
    table = text[text.index("Least violating designs") :]
    assert ">violation</th>" in table
    assert table.index(f'data-key="{least[0]}"') < table.index("</tr>", table.index("<tbody>"))


def test_a_tracker_is_told(study, least):
    with TrialStore.open(study.folder) as store:
        summary = end_summary(store, Ending("finished", "budget spent"), Results.of(store))
    assert summary.tags["feasible"] == "false"
    assert not any(member.feasible for member in summary.front)
    assert (summary.front[0].trial, summary.front[0].metrics["violation"]) == least


LEARNERS = {
    "nsga2": {},
    "moead": {},
    "sms_emoa": {},
    "local_search": {},
    "regularized_evolution": {"population": 20, "sample": 5},
    "linas": {"population": 20, "inner_evaluations": 1000},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_strategies_lead_a_study_to_the_feasible_corner(name, make_experiment):
    corner = (Constraint("energy_mj", at_most=0.02), Constraint("latency_ms", at_most=2.0))

    def strategy(problem, seed):
        return STRATEGIES.get(name)(problem, seed, **LEARNERS[name])

    results = []
    for factory in (strategy, STRATEGIES.get("random")):
        study = Study.create(make_experiment(constraints=corner, strategy=factory))
        results.append(study.run())
    assert results[0].n_feasible > 2 * results[1].n_feasible
