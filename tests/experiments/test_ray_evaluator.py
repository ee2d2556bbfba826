import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.execution.evaluator import Chunk, Outcome
from cosearch.experiments.execution.ray_cluster import QUIET, Request, fitting_workers
from cosearch.experiments.execution.ray_evaluator import RayEvaluator
from cosearch.experiments.execution.scoring import Scorer
from cosearch.experiments.settings import Execution
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.hw_targets.function import FunctionTarget
from cosearch.hw_targets.target import Needs
from cosearch.spaces.errors import ConfigError, CosearchError, TargetError
from cosearch.spaces.space import Space

os.environ.update(QUIET)  # Ray reads it while it is imported.
ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.ray,
    # Ray leaves the pipes of the processes that it ends to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FINE, SLOW, HANG, KILL, RAISE = 0, 1, 2, 3, 4


class Script:
    """Does to each design what its code says: score it, dawdle, hang, die or raise; notes when it did."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, chunk: Chunk) -> Outcome:
        values = np.empty(len(chunk))
        for i, (trial, code) in enumerate(zip(chunk.ids.tolist(), chunk.codes[:, 0].tolist(), strict=True)):
            start = time.time()
            self.act(code)
            values[i] = 10.0 * trial + code
            with self.log.open("a") as file:
                line = {
                    "trial": trial,
                    "pid": os.getpid(),
                    "start": start,
                    "end": time.time(),
                    "attempt": chunk.attempt,
                }
                file.write(json.dumps(line) + "\n")
        states = ["done"] * len(chunk)
        return Outcome(chunk.ids, {"cost_ms": values}, {}, {}, states, {}, 0.0, f"here:{os.getpid()}")

    def act(self, code: int) -> None:
        if code == SLOW:
            time.sleep(0.25)
        elif code == HANG:
            time.sleep(600)
        elif code == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif code == RAISE:
            raise ZeroDivisionError("the simulator divided by zero")


class DiesOnce(Script):
    """Kills its worker the first time that it sees a design."""

    def act(self, code: int) -> None:
        mark = self.log.with_suffix(".mark")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster():
    # Workers cannot import this module, so the scorers travel as code.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
        _node_ip_address="127.0.0.1", resources={"device:board": 1, "device:pair": 2},
    )  # fmt: skip
    yield
    ray.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.jsonl"


def chunk_of(*codes, first=0):
    n = len(codes)
    return Chunk(np.arange(first, first + n), np.array(codes, np.int64)[:, None], np.arange(n, dtype=np.uint64))


def gather(evaluator, n, limit_s=60.0):
    until = time.monotonic() + limit_s
    rows = {}
    while len(rows) < n:
        assert time.monotonic() < until, f"only {sorted(rows)} came back"
        for outcome in evaluator.collect(1.0):
            for i, trial in enumerate(outcome.ids.tolist()):
                assert trial not in rows, f"trial {trial} came back twice"
                value = outcome.values["cost_ms"][i] if outcome.values else None
                rows[trial] = (outcome.states[i], value, outcome.errors.get(i, ""))
    return rows


def entries(log):
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_scores_every_chunk_once(cluster, log):
    with RayEvaluator(Script(log), Execution(name="ray", workers=2)) as evaluator:
        assert evaluator.slots == 4
        for first in range(0, 60, 3):
            evaluator.submit(chunk_of(FINE, FINE, FINE, first=first))
        rows = gather(evaluator, 60)
    assert {trial: value for trial, (_, value, _) in rows.items()} == {t: 10.0 * t for t in range(60)}
    assert sorted(e["trial"] for e in entries(log)) == list(range(60))
    assert ray.is_initialized(), "a cluster that was there before must stay"


@pytest.mark.parametrize("device", [None, "board"])
def test_workers_find_modules_where_the_driver_does(cluster, tmp_path, monkeypatch, device):
    (tmp_path / "cost_of_a_user.py").write_text("def score(design):\n    return {'latency_ms': 2.0 * design['a']}\n")
    monkeypatch.syspath_prepend(tmp_path)
    space = Space({"a": [1, 2, 3, 4]})
    target = FunctionTarget(space, "cost_of_a_user:score", ["latency_ms"], device=device)
    scorer = Scorer(space, {"f": target}, {"f": None}, {"f": ("latency_ms",)})
    with RayEvaluator(scorer, Execution(name="ray")) as evaluator:
        evaluator.submit(chunk_of(0, 1, 2, 3))
        (outcome,) = evaluator.collect(60.0)
    assert outcome.errors == {}
    assert outcome.values["latency_ms"].tolist() == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("device", [None, "board"])
def test_fidelities_travel(cluster, device):
    space = Space({"a": {"type": "integer", "low": 0, "high": 100}, "b": [0, 50]})
    function = "cosearch.experiments.benchmarks.slow_cost:score"
    target = FunctionTarget(space, function, ["latency_ms"], device=device)
    codes = np.array([[40, 0], [40, 0], [40, 0]])
    scorer = Scorer(space, {"f": target}, {"f": None}, {"f": ("latency_ms",)})
    with RayEvaluator(scorer, Execution(name="ray")) as evaluator:
        evaluator.submit(Chunk(np.arange(3), codes, np.zeros(3, np.uint64), fidelities=np.array([1.0, 1 / 9, 1 / 3])))
        (outcome,) = evaluator.collect(60.0)
    np.testing.assert_allclose(outcome.values["latency_ms"] - 0.36, [0.0, 8 / 9, 2 / 3], atol=1e-12)


def test_an_exception_is_a_failure_with_its_traceback(cluster, log):
    with RayEvaluator(Script(log), Execution(name="ray", workers=2, retries=3)) as evaluator:
        evaluator.submit(chunk_of(RAISE))
        evaluator.submit(chunk_of(FINE, first=1))
        rows = gather(evaluator, 2)
    assert rows[1][0] == "done"
    assert rows[0][0] == "failed"
    assert "the simulator divided by zero" in rows[0][2]
    assert "in act" in rows[0][2]


@pytest.mark.parametrize(("device", "limit"), [(None, None), (None, 30.0), ("board", 30.0)])
def test_only_the_culprit_of_a_crashed_chunk_is_lost(cluster, log, device, limit):
    execution = Execution(name="ray", workers=2, retries=1, trial_timeout_s=limit)
    with RayEvaluator(Script(log), execution, needs=[Needs(device=device)]) as evaluator:
        evaluator.submit(chunk_of(FINE, KILL, FINE))
        evaluator.submit(chunk_of(FINE, first=3))
        rows = gather(evaluator, 4)
    assert {t: state for t, (state, _, _) in rows.items()} == {0: "done", 1: "crashed", 2: "done", 3: "done"}
    assert "Ray worker was lost" in rows[1][2]


def test_a_killed_worker_is_replaced_and_its_design_tried_again(cluster, log):
    with RayEvaluator(DiesOnce(log), Execution(name="ray", workers=1, retries=1)) as evaluator:
        evaluator.submit(chunk_of(FINE))
        rows = gather(evaluator, 1)
    assert rows[0][0] == "done"
    assert [e["attempt"] for e in entries(log)] == [1]


def test_a_worker_killed_from_outside_loses_nothing(cluster, log):
    with RayEvaluator(Script(log), Execution(name="ray", workers=1, retries=1)) as evaluator:
        evaluator.submit(chunk_of(FINE, *[SLOW] * 8))
        while not entries(log):
            assert evaluator.collect(0.02) == []
        os.kill(entries(log)[0]["pid"], signal.SIGKILL)
        rows = gather(evaluator, 9)
    assert {state for state, _, _ in rows.values()} == {"done"}


@pytest.mark.parametrize("device", [None, "board"])
def test_a_design_over_its_time_limit_is_ended_alone(cluster, log, device):
    execution = Execution(name="ray", workers=1, trial_timeout_s=0.6, retries=2)
    with RayEvaluator(Script(log), execution, needs=[Needs(device=device)]) as evaluator:
        evaluator.submit(chunk_of(FINE, HANG))
        # These wait behind the hung chunk for longer than their own limit.
        evaluator.submit(chunk_of(SLOW, first=2))
        evaluator.submit(chunk_of(SLOW, first=3))
        rows = gather(evaluator, 4)
    assert {t: state for t, (state, _, _) in rows.items()} == {0: "done", 1: "timed_out", 2: "done", 3: "done"}
    assert "trial_timeout_s = 0.6" in rows[1][2]


def test_measurements_on_one_device_never_overlap(cluster, log):
    execution = Execution(name="ray", workers=2)
    with RayEvaluator(Script(log), execution, needs=[Needs(), Needs(device="board", cpus=0.5)]) as evaluator:
        assert evaluator.slots == 2
        for trial in range(5):
            evaluator.submit(chunk_of(SLOW, first=trial))
        gather(evaluator, 5)
    spans = sorted((e["start"], e["end"]) for e in entries(log))
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert len({e["pid"] for e in entries(log)}) == 1


def test_two_boards_of_a_kind_measure_at_once(cluster, log):
    with RayEvaluator(Script(log), Execution(name="ray", workers=2), needs=[Needs(device="pair")]) as evaluator:
        assert evaluator.slots == 4
        for trial in range(4):
            evaluator.submit(chunk_of(SLOW, SLOW, first=2 * trial))
        gather(evaluator, 8)
    assert len({e["pid"] for e in entries(log)}) == 2


def test_a_deterministic_study_on_ray_repeats_exactly(cluster, make_experiment):
    tables = []
    for _ in range(2):
        execution = Execution(name="ray", workers=2, chunk=8, deterministic=True)
        what = make_experiment(execution=execution, spoil={7: "raise"})
        module = sys.modules[type(what.targets["toy"]).__module__]
        ray.cloudpickle.register_pickle_by_value(module)
        study = Study.create(what)
        assert study.run().state == "finished"
        ray.cloudpickle.unregister_pickle_by_value(module)
        with TrialStore.open(study.folder, readonly=True) as store:
            tables.append([(r["id"], r["digest"], r["seed"], r["state"], r["values"]) for r in store.rows()])
    assert tables[0] == tables[1]
    assert {row[3] for row in tables[0]} == {"done", "failed"}


def test_draining_keeps_what_was_in_flight(cluster, log):
    evaluator = RayEvaluator(Script(log), Execution(name="ray", workers=1))
    evaluator.submit(chunk_of(SLOW))
    evaluator.submit(chunk_of(FINE, first=1))
    evaluator.close(drain=True)
    evaluator.close()
    assert sorted(gather(evaluator, 2)) == [0, 1]
    assert evaluator.collect(0.0) == []
    with pytest.raises(CosearchError, match="closed"):
        evaluator.submit(chunk_of(FINE))


def test_closing_at_once_ends_hung_workers(cluster, log):
    evaluator = RayEvaluator(Script(log), Execution(name="ray", workers=2))
    evaluator.submit(chunk_of(HANG))
    evaluator.submit(chunk_of(HANG, first=1))
    assert evaluator.collect(0.3) == []
    evaluator.close()
    # Both CPUs are free again.
    with RayEvaluator(Script(log), Execution(name="ray", workers=2)) as after:
        after.submit(chunk_of(FINE, first=2))
        assert sorted(gather(after, 1, limit_s=20.0)) == [2]


def test_collect_waits_no_longer_than_told(cluster, log):
    with RayEvaluator(Script(log), Execution(name="ray", workers=1)) as evaluator:
        assert evaluator.collect(0.1) == []
        evaluator.submit(chunk_of(HANG))
        start = time.monotonic()
        assert evaluator.collect(0.3) == []
        assert 0.25 < time.monotonic() - start < 2.0


def test_preflight_on_a_real_cluster(cluster, log):
    with pytest.raises(ConfigError, match=r"3 workers with 1 CPU each need 3, the Ray cluster has 2; set .* at most 2"):
        RayEvaluator(Script(log), Execution(name="ray", workers=3))
    with pytest.raises(ConfigError, match=r"no resource 'device:phone' .*device:board, device:pair.*ray start"):
        RayEvaluator(Script(log), Execution(name="ray"), needs=[Needs(device="phone")])
    with pytest.raises(ConfigError, match="no node of the Ray cluster has 1 CPU, 4 GPU"):
        RayEvaluator(Script(log), Execution(name="ray"), needs=[Needs(gpus=4.0)])


def test_a_scorer_that_cannot_travel_is_explained(cluster):
    import threading

    lock = threading.Lock()
    with pytest.raises(TargetError, match=r"cannot be sent to Ray workers.*lock"):
        RayEvaluator(lambda chunk: lock, Execution(name="ray"))


def test_preflight_counts_nodes_not_only_totals():
    nodes = [{"CPU": 4.0}, {"CPU": 4.0, "device:a": 1.0}]
    total = {"CPU": 8.0, "device:a": 1.0}
    assert fitting_workers(Execution(workers=2), Request(cpus=4.0), total, nodes) == 2
    assert fitting_workers(Execution(workers=2), Request(cpus=4.0, devices=("a",)), total, nodes) == 1
    with pytest.raises(ConfigError, match="no node of the Ray cluster has 6 CPU"):
        fitting_workers(Execution(workers=1), Request(cpus=6.0), total, nodes)


def test_a_worker_has_what_its_neediest_target_needs():
    request = Request.of(
        Execution(cpus_per_worker=2.0), [Needs(cpus=4.0), Needs(gpus=0.5, device="a"), Needs(device="a")]
    )
    assert request == Request(cpus=4.0, gpus=0.5, devices=("a",))
    assert request.resources == {"CPU": 4.0, "GPU": 0.5, "device:a": 1.0}


ALONE = """
import signal
import numpy as np
from cosearch.experiments.execution.evaluator import Chunk, Outcome
from cosearch.experiments.execution.ray_evaluator import RayEvaluator
from cosearch.experiments.settings import Execution
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.hw_targets.target import Needs
from cosearch.spaces.errors import ConfigError

def scorer(chunk):
    return Outcome(chunk.ids, {"cost_ms": chunk.ids * 2.0}, {}, {}, ["done"] * len(chunk), {}, 0.0, "")

def saves(number, frame):
    pass

def main():
    n = 20_000
    signal.signal(signal.SIGTERM, saves)
    chunk = Chunk(np.arange(n), np.zeros((n, 1), np.int64), np.zeros(n, np.uint64))
    evaluator = RayEvaluator(scorer, Execution(name="ray"), needs=[Needs(device="host")])
    import ray
    print(signal.getsignal(signal.SIGTERM) is saves)
    print([name for name in ray.cluster_resources() if name.startswith("node:1")])
    evaluator.submit(chunk)
    evaluator.close(drain=True)
    print(ray.is_initialized())
    # Large columns must survive the cluster whose memory they came in.
    (outcome,) = evaluator.collect(0.0)
    print(outcome.values["cost_ms"].sum(), outcome.ids.flags.owndata)
    try:
        RayEvaluator(scorer, Execution(name="ray", address="127.0.0.1:9"))
    except ConfigError as error:
        print(error)

main()
"""


def test_starts_a_quiet_cluster_on_loopback_and_ends_it(tmp_path):
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    run = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[:4] == ["True", "['node:127.0.0.1']", "False", f"{20_000 * 19_999:.1f} True"]
    assert "no usable Ray cluster at '127.0.0.1:9'" in lines[4]
    assert run.stderr == ""
