from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.experiments.experiment import Experiment
from cosearch.experiments.settings import Budget, Execution, HypervolumeStalled, MaxFailures, Stop
from cosearch.experiments.status import status
from cosearch.experiments.store import FILE, TrialStore
from cosearch.experiments.study import Study
from cosearch.search.objective import Constraint
from cosearch.search.strategy import Strategy
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
