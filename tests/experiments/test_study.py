from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.experiments.experiment import Experiment
from cosearch.experiments.settings import Budget, Execution, HypervolumeStalled, MaxFailures, Output, Stop, Tracking
from cosearch.experiments.status import status
from cosearch.experiments.store import FILE, TrialStore
from cosearch.experiments.study import Study
from cosearch.experiments.study_lock import is_locked
from cosearch.hw_targets.target import Columns, Seeds
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Constraint
from cosearch.search.strategy import Strategy
from cosearch.search.trial import Trials
from cosearch.spaces.design import Designs
from cosearch.spaces.errors import StoreError, StrategyError
from cosearch.spaces.knobs import Codes

MakeExperiment = Callable[..., Experiment]


def table(study: Study) -> list[tuple[Any, ...]]:
    """All that must repeat: not times and workers."""
    with TrialStore.open(study.folder, readonly=True) as store:
        return [(r["id"], r["digest"], r["seed"], r["state"], r["values"], r["violation"]) for r in store.rows()]


def test_a_study_runs_to_its_budget(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    summary = study.run()
    assert (summary.state, summary.n_trials, summary.n_done, summary.n_failed) == ("finished", 120, 120, 0)
    results = study.results
    assert summary.front_size == len(results.front) > 5
    assert summary.hypervolume == pytest.approx(results.front.hypervolume())
    assert all(m["feasible"] and m["metrics"]["energy_mj"] <= 1.5 for m in results.members)
    assert results.history[-1].n_feasible == summary.n_feasible
    assert [p.hypervolume for p in results.history] == sorted(p.hypervolume for p in results.history)


def test_every_trial_is_a_new_design(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    study.run()
    digests = [row[1] for row in table(study)]
    assert len(set(digests)) == len(digests) == 120


def test_the_same_seed_gives_the_same_table(make_experiment: MakeExperiment) -> None:
    first, second, other = (Study.create(make_experiment(seed=seed)) for seed in (3, 3, 4))
    for study in (first, second, other):
        study.run()
    assert table(first) == table(second)
    assert table(first) != table(other)


@pytest.mark.parametrize("deterministic", [False, True])
def test_stopping_and_resuming_changes_nothing(make_experiment: MakeExperiment, deterministic: bool) -> None:
    execution = Execution(chunk=8, deterministic=deterministic)
    whole = Study.create(make_experiment(execution=execution))
    whole.run()
    half = Study.create(make_experiment(execution=execution, budget=Budget(trials=56)))
    half.run()
    rest = Study.open(half.folder, make_experiment(execution=execution))
    assert rest.run().n_trials == 120
    assert table(rest) == table(whole)


def test_a_second_run_of_a_finished_study_adds_nothing(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    study.run()
    before = table(study)
    assert study.run().n_trials == 120
    assert table(study) == before


def test_a_small_space_is_exhausted(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(budget=Budget(trials=5000), execution=Execution(chunk=64)))
    summary = study.run()
    assert summary.n_trials == 41 * 41
    assert "no unseen design" in summary.reason


@pytest.mark.parametrize("trouble", ["raise", "nan", "refuse"])
def test_only_the_bad_designs_fail(make_experiment: MakeExperiment, trouble: str) -> None:
    study = Study.create(make_experiment(spoil={30: trouble, 31: trouble}, execution=Execution(chunk=16)))
    summary = study.run()
    with TrialStore.open(study.folder, readonly=True) as store:
        failed = list(store.rows("state = 'failed'"))
        done = list(store.rows("state = 'done'"))
    assert failed
    assert all(r["design"]["a"] in (30, 31) and r["error"] and not r["values"] for r in failed)
    assert all(r["design"]["a"] not in (30, 31) for r in done)
    assert summary.n_failed == len(failed)
    assert summary.n_trials == 120
    shown = status(study.folder)["failures"][0]
    assert f"reproduce {study.folder}" in shown["reproduce"]


def test_a_study_gives_up_when_failures_pile_up(make_experiment: MakeExperiment) -> None:
    spoil = dict.fromkeys(range(41), "raise")
    execution = Execution(chunk=4, max_failures=MaxFailures(count=10, fraction=0.5))
    summary = Study.create(make_experiment(spoil=spoil, execution=execution)).run()
    assert summary.state == "failed"
    assert "max_failures" in summary.reason
    assert 10 < summary.n_trials < 20


def test_no_feasible_design_is_an_answer(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(constraints=(Constraint("latency_ms", at_most=-1.0),)))
    summary = study.run()
    assert (summary.front_size, summary.n_feasible, summary.hypervolume) == (0, 0, 0.0)
    members = study.results.members
    assert members
    assert not any(m["feasible"] for m in members)
    violations = [m["violation"] for m in members]
    assert max(violations) <= min(r[5] for r in table(study)) + max(violations)


def test_stalled_hypervolume_stops_early(make_experiment: MakeExperiment) -> None:
    stop = Stop(hypervolume_stalled=HypervolumeStalled(window=100, relative=0.5))
    summary = Study.create(make_experiment(stop=stop, budget=Budget(trials=1000))).run()
    assert summary.n_trials < 300
    assert "hypervolume" in summary.reason


def test_two_processes_cannot_run_one_study(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    with TrialStore.open(study.folder), pytest.raises(StoreError, match="another process"):
        study.run()


def test_a_running_study_can_be_read(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    study.run()
    with TrialStore.open(study.folder) as writer:
        writer.set_meta(note="open for writing")
        assert status(study.folder)["trials"]["finished"] == 120


class Repeating(Strategy):
    """Breaks the rule: proposes the same few designs for ever."""

    def ask(self, n: int) -> Codes:
        rng = self.rng()
        return rng.integers(0, 3, (n, 2), dtype=np.int64)


def test_repeats_are_answered_from_the_table(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(strategy=Repeating, budget=Budget(trials=30)))
    summary = study.run()
    rows = table(study)
    unique = {row[1] for row in rows if row[3] == "done"}
    assert summary.n_trials == len(unique) <= 9
    assert "already" in summary.reason
    answers = {row[1]: row[4] for row in rows if row[3] == "done"}
    assert all(row[4] == answers[row[1]] for row in rows if row[3] == "duplicate")


class Outside(Strategy):
    def ask(self, n: int) -> Codes:
        return np.full((n, 2), 99, dtype=np.int64)


def test_a_strategy_that_leaves_the_space_is_named(make_experiment: MakeExperiment) -> None:
    with pytest.raises(StrategyError, match="Outside proposed"):
        Study.create(make_experiment(strategy=Outside)).run()


def test_a_changed_space_is_refused(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    study = Study.create(experiment)
    other = replace(experiment, problem=replace(experiment.problem, space=_other_space()))
    with pytest.raises(StoreError, match="space"):
        Study.open(study.folder, other)


def _other_space() -> Any:
    from cosearch.spaces.space import Space

    return Space({"a": [1, 2], "b": [1, 2]})


def test_a_damaged_table_is_explained(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    (study.folder / FILE).write_bytes(b"this is not a table" * 100)
    with pytest.raises(StoreError, match="damaged"):
        Study.open(study.folder, make_experiment())


def test_a_full_disk_loses_nothing(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(budget=Budget(trials=56)))
    study.run()
    whole = Study.create(make_experiment())
    whole.run()
    # A page limit makes SQLite fail exactly as a full disk does: SQLITE_FULL.
    connect = sqlite3.connect

    def limited(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", limited)
        with pytest.raises(StoreError, match=r"full.*free space"):
            Study.open(study.folder, make_experiment()).run()
    rest = Study.open(study.folder, make_experiment())
    rest.run()
    assert table(rest) == table(whole)


def test_folder_names_do_not_collide(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    names = [Study.create(make_experiment()).folder.name for _ in range(3)]
    assert names == ["toy", "toy-2", "toy-3"]
    with pytest.raises(StoreError, match="exists"):
        Study.create(make_experiment(), tmp_path / "studies" / "toy")


def test_the_history_ends_with_the_study(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(budget=Budget(trials=333)))
    summary = study.run()
    last = study.results.history[-1]
    assert (last.n, last.n_feasible, last.front_size) == (333, summary.n_feasible, summary.front_size)
    assert status(study.folder)["feasible"] == summary.n_feasible
    study.run()
    assert study.results.history[-1] == last


def test_repeats_count_once_after_a_resume(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(strategy=Repeating, budget=Budget(trials=30)))
    summary = study.run()
    again = study.run()
    assert (again.n_feasible, again.hypervolume) == (summary.n_feasible, summary.hypervolume)


class Listening(Nsga2):
    """Refuses unfinished trials among the completed ones, and trials told twice."""

    def tell(self, completed: Trials, running: Trials) -> None:
        assert not np.isnan(completed.violations).any()
        assert not set(completed.ids.tolist()) & set(self.archive.completed.ids.tolist())
        super().tell(completed, running)


def test_a_study_may_become_deterministic_on_resume(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(budget=Budget(trials=32)))
    study.run()
    with sqlite3.connect(study.folder / FILE) as database:
        # As a pool leaves it when killed: the second batch still runs, others were told in its place.
        database.execute("UPDATE trials SET state = 'running', finished = NULL, vals = NULL WHERE batch = 1")
        database.execute("UPDATE trials SET told = 16 WHERE batch = 3")
    execution = Execution(chunk=8, deterministic=True)
    rest = Study.open(study.folder, make_experiment(execution=execution, strategy=Listening))
    assert rest.run().n_trials == 120


def test_the_time_of_a_killed_session_counts(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment(budget=Budget(trials=56)))
    study.run()
    with TrialStore.open(study.folder) as store:
        # As a kill after ten minutes leaves it.
        began = max(row["finished_at"] for row in store.rows()) - 600
        store.set_meta(seconds=0.0, began_at=began, ending={"state": "running", "reason": ""})
    rest = Study.open(study.folder, make_experiment(budget=Budget(trials=120, minutes=9)))
    summary = rest.run()
    assert summary.n_trials == 56
    assert "time budget" in summary.reason


def test_a_half_made_table_is_explained(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    for read in (status, Study.open):
        with pytest.raises(StoreError, match="never begun"):
            read(tmp_path)


def test_studies_of_one_name_created_at_once_get_folders_of_their_own(make_experiment: MakeExperiment) -> None:
    experiments = [make_experiment() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        studies = list(threads.map(Study.create, experiments))
    assert len({study.folder for study in studies}) == 8


def test_changed_goals_are_refused(make_experiment: MakeExperiment) -> None:
    study = Study.create(make_experiment())
    with pytest.raises(StoreError, match="objectives or constraints"):
        Study.open(study.folder, make_experiment(constraints=()))


def test_a_target_may_change_the_working_folder(
    make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = make_experiment(output=Output(folder="here", formats=("json",)))
    evaluate = experiment.targets["toy"].evaluate

    def wander(designs: Designs, seeds: Seeds) -> Columns:
        # As wrappers of simulators do.
        os.chdir("/")
        return evaluate(designs, seeds)

    monkeypatch.setattr(experiment.targets["toy"], "evaluate", wander)
    study = Study.create(experiment)
    assert study.run().state == "finished"
    assert (tmp_path / study.folder / "pareto" / "pareto.json").is_file()
    assert (tmp_path / study.folder / "report.html").is_file()


# What MLflow and its database layer say of themselves while they are used.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_a_tracker_whose_tables_cannot_be_written_does_not_fail_a_study(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    pytest.importorskip("mlflow")
    tracking = Tracking(uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    study = Study.create(make_experiment(tracking=tracking, budget=Budget(trials=16)))
    (study.folder / "tracking").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.warns(UserWarning, match="tables cannot be written"):
        assert study.run().state == "finished"


def test_a_folder_that_cannot_be_locked_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "study").write_text("a file", encoding="utf-8")
    assert not is_locked(tmp_path / "study")
