import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cosearch.experiments.settings import Budget, Tracking
from cosearch.experiments.study import Study
from cosearch.experiments.tracking.mlflow_run import reach, spread
from cosearch.experiments.tracking.mlflow_tracker import MlflowTracker
from cosearch.experiments.tracking.replay import RUN_ID, replay
from cosearch.experiments.tracking.tracker import Member, StudyInfo, Summary
from cosearch.search.objective import Constraint
from cosearch.spaces.errors import ConfigError

mlflow = pytest.importorskip("mlflow")
pytestmark = [
    # MLflow and its database layers warn about themselves and leave connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

INFO = StudyInfo("probe", {"budget.trials": "9", "long": "x" * 7000}, {"strategy": "nsga2"}, 1_000)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """A tracking file with MLflow's tables, which take seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def uri(empty_database, tmp_path):
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


class Server:
    """A real tracking server on a free port of the loopback address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        command += [
            "--backend-store-uri",
            f"sqlite:///{folder}/server.db",
            "--artifacts-destination",
            str(folder / "files"),
        ]
        self.log = (folder / "server.log").open("wb")
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=environment, start_new_session=True, cwd=folder
        )

    def __enter__(self):
        until = time.monotonic() + 90
        while True:
            try:
                reach(self.address)
            except ConfigError:
                assert time.monotonic() < until
                assert self.process.poll() is None, Path(self.log.name).read_text()
                time.sleep(0.2)
            else:
                return self

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __exit__(self, *_) -> None:
        self.kill()
        self.log.close()


class Watcher:
    """A tracker together with what it told the study."""

    def __init__(self, uri, run_id=None, **options):
        self.ids, self.warnings = [], []
        tracking = Tracking(uri=uri, experiment="probes", flush_seconds=0.2)
        self.tracker = MlflowTracker(tracking, run_id, on_run_id=self.ids.append, warn=self.warnings.append, **options)


def history(client, run_id):
    """Every point of every metric: name to (step, milliseconds, value)."""
    names = client.get_run(run_id).data.metrics
    return {n: [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, n)] for n in names}


def children(client, run_id):
    experiments = [e.experiment_id for e in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.mlflow.parentRunId = '{run_id}'")
    return {run.info.run_name: run for run in found}


def test_a_replay_is_what_was_tracked_live(make_experiment, uri):
    tracking = Tracking(uri=uri, promote=5)
    study = Study.create(make_experiment(tracking=tracking, config={"tracking": tracking.model_dump()}))
    summary = study.run()
    live, again = study.results.meta[RUN_ID], replay(study.folder, uri)
    assert live != again
    client = mlflow.MlflowClient(uri)
    first, second = client.get_run(live), client.get_run(again)
    assert history(client, live) == history(client, again)
    assert history(client, live)["front/hypervolume"][-1][2] == summary.hypervolume
    assert [step for step, _, _ in history(client, live)["front/size"]] == [p.n for p in study.results.history]
    assert first.data.params == second.data.params
    assert first.data.params["constraints"] == "energy_mj <= 1.5"
    assert (first.info.start_time, first.info.end_time) == (second.info.start_time, second.info.end_time)
    assert first.info.status == second.info.status == "FINISHED"
    files = {"config.yaml", "environment.json", "trials.csv", "hypervolume.csv", "failures.txt", "pareto.json"}
    for run_id in (live, again):
        assert {file.path for file in client.list_artifacts(run_id)} == files
    ours, theirs = children(client, live), children(client, again)
    assert len(ours) == 5
    assert {n: (r.data.params, r.data.metrics) for n, r in ours.items()} == {
        n: (r.data.params, r.data.metrics) for n, r in theirs.items()
    }


def test_a_resumed_study_goes_on_in_the_same_run(make_experiment, uri):
    experiment = make_experiment(tracking=Tracking(uri=uri, promote=3), budget=Budget(trials=40))
    study = Study.create(experiment)
    study.run()
    run_id = study.results.meta[RUN_ID]
    study = Study.open(study.folder, replace(experiment, budget=Budget(trials=80)))
    study.run()
    assert study.results.meta[RUN_ID] == run_id
    client = mlflow.MlflowClient(uri)
    steps = [step for step, _, _ in history(client, run_id)["front/hypervolume"]]
    assert steps == [p.n for p in study.results.history]
    assert client.get_run(run_id).data.tags["cosearch.resumed"] == "true"
    front = {f"trial-{m['trial']:06d}" for m in study.results.members}
    assert len(children(client, run_id)) == 3
    assert set(children(client, run_id)) <= front


def test_tables_are_stored_while_a_study_runs(uri, tmp_path):
    table = tmp_path / "trials.csv"

    def tables():
        table.write_text("id\n1\n")
        return [table]

    watcher = Watcher(uri, tables=tables, tables_every_s=0.1)
    watcher.tracker.start(INFO)
    watcher.tracker.progress(1, {"front/size": 1.0}, 5)
    assert not table.exists()
    time.sleep(0.15)
    watcher.tracker.progress(2, {"front/size": 1.0}, 6)
    watcher.tracker.close()
    (run_id,) = watcher.ids
    assert [file.path for file in mlflow.MlflowClient(uri).list_artifacts(run_id)] == ["trials.csv"]


def test_a_run_that_is_gone_is_replaced(uri):
    watcher = Watcher(uri, run_id="0" * 32)
    watcher.tracker.start(INFO)
    watcher.tracker.progress(1, {"front/size": 1.0}, 5)
    watcher.tracker.close()
    assert watcher.warnings == []
    (run_id,) = watcher.ids
    assert run_id != "0" * 32
    # Closed without an ending: the study broke off.
    assert mlflow.MlflowClient(uri).get_run(run_id).info.status == "KILLED"


def check_large_batches(address, tmp_path):
    watcher = Watcher(address)
    watcher.tracker.start(INFO)
    start = time.monotonic()
    for step in range(150):
        watcher.tracker.progress(step, {f"m/{i}": step + i for i in range(5)} | {"nan": float("nan")}, 10 * step)
    assert time.monotonic() - start < 0.2
    note = tmp_path / "note.txt"
    note.write_text("kept")
    watcher.tracker.refresh([note, tmp_path / "missing.txt"])
    member = Member(7, {f"knob_{i}": i for i in range(230)}, {"latency_ms": 1.5}, 77, "ab")
    watcher.tracker.end(Summary("failed", "too many failures", 99, [member]))
    watcher.tracker.close()
    assert watcher.warnings == []
    client = mlflow.MlflowClient(address)
    (run_id,) = watcher.ids
    run = client.get_run(run_id)
    assert history(client, run_id) == {f"m/{i}": [(s, 10 * s, s + i) for s in range(150)] for i in range(5)}
    assert (run.info.status, run.info.end_time) == ("FAILED", 99)
    assert len(run.data.params["long"]) == 6000
    assert [file.path for file in client.list_artifacts(run_id)] == ["note.txt"]
    (child,) = children(client, run_id).values()
    assert child.data.params == {f"knob_{i}": str(i) for i in range(230)}
    assert child.data.metrics == {"latency_ms": 1.5}


def check_sudden_death(server):
    watcher = Watcher(server.address)
    watcher.tracker.start(INFO)
    watcher.tracker.progress(0, {"front/size": 0.0}, 0)
    until = time.monotonic() + 60
    while not watcher.ids:
        assert time.monotonic() < until
        time.sleep(0.05)
        watcher.tracker.progress(1, {"front/size": 1.0}, 1)
    server.kill()
    start = time.monotonic()
    for step in range(2, 1000):
        watcher.tracker.progress(step, {"front/size": 1.0}, step)
    assert time.monotonic() - start < 0.2
    watcher.tracker.end(Summary("finished", "done", 1000))
    watcher.tracker.close()
    watcher.tracker.close()
    assert time.monotonic() - start < 12.0
    assert len(watcher.warnings) == 1
    assert "cosearch track" in watcher.warnings[0]
    with pytest.raises(ConfigError, match="no MLflow server answers"):
        reach(server.address)


@pytest.mark.slow
def test_a_real_server_takes_everything_and_its_death_holds_nothing_up(empty_database, tmp_path):
    shutil.copy(empty_database, tmp_path / "server.db")
    with Server(tmp_path) as server:
        check_large_batches(server.address, tmp_path)
        check_sudden_death(server)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watcher = Watcher(f"http://127.0.0.1:{silent.getsockname()[1]}")
        watcher.tracker.start(INFO)
        watcher.tracker.progress(1, {"front/size": 1.0}, 1)
        start = time.monotonic()
        watcher.tracker.close()
        assert time.monotonic() - start < 8.0
    assert len(watcher.warnings) == 1


def test_a_study_whose_tracker_cannot_write_ends_well(make_experiment, tmp_path):
    (tmp_path / "file").write_text("in the way")
    study = Study.create(make_experiment(tracking=Tracking(uri=f"sqlite:///{tmp_path}/file/mlflow.db")))
    with pytest.warns(UserWarning, match=r"cannot be written.*cosearch track") as caught:
        summary = study.run()
    assert summary.state == "finished"
    assert len([w for w in caught if "MLflow" in str(w.message)]) == 1
    with pytest.raises(ConfigError, match="cannot be written"):
        replay(study.folder, f"sqlite:///{tmp_path}/file/mlflow.db")


def test_promoted_members_span_the_front():
    front = [Member(i, {}, {}, 0) for i in range(101)]
    assert [m.trial for m in spread(front, 5)] == [0, 25, 50, 75, 100]
    assert spread(front[:3], 5) == front[:3]
    assert spread(front, 0) == []
    assert [m.trial for m in spread(front, 1)] == [50]


def test_a_study_without_a_feasible_design_is_flagged(make_experiment, uri):
    study = Study.create(make_experiment(constraints=(Constraint("energy_mj", at_most=-1.0),)))
    study.run()
    run = replay(study.folder, uri)
    client = mlflow.MlflowClient(uri)
    found = client.get_run(run)
    assert found.data.tags["cosearch.feasible"] == "false"
    children = client.search_runs([found.info.experiment_id], f"tags.mlflow.parentRunId = '{run}'")
    assert {child.data.tags["cosearch.feasible"] for child in children} == {"false"}
    assert not any("cosearch.front_rank" in child.data.tags for child in children)
    violations = [member["violation"] for member in study.results.members]
    assert sorted(child.data.metrics["violation"] for child in children) == violations
