"""Memory controllers as benchmark problems, and the comparison of agents on them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.benchmarks.harness import Row
from cosearch.experiments.benchmarks.marl_comparisons import comparisons
from cosearch.experiments.benchmarks.marl_memory import chosen_methods, chosen_problems, main
from cosearch.experiments.benchmarks.marl_transfer import REPLAYED, TRANSFERRED, lessons_for
from cosearch.experiments.benchmarks.method import Method
from cosearch.experiments.benchmarks.paired_tests import p_value, paired_rows
from cosearch.experiments.benchmarks.problems import dram, dram_table
from cosearch.experiments.benchmarks.problems.benchmark_problem import BenchmarkProblem
from cosearch.experiments.benchmarks.problems.catalog import list_problems, load_problem
from cosearch.experiments.benchmarks.search_run import run_search
from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.dram.stl_files import write_stl
from cosearch.hw_targets.dram.trace import Trace
from cosearch.search.dominance import nondominated
from cosearch.search.front import hypervolume
from cosearch.spaces.errors import CosearchError
from cosearch.spaces.memory_controller import memory_controller

REQUESTS = 20


def trace(name: str, seed: int) -> Trace:
    rng = np.random.default_rng(seed)
    cycles = np.sort(rng.integers(0, 60, REQUESTS))
    return Trace(name, cycles, rng.integers(0, 1 << 16, REQUESTS) * 64, rng.random(REQUESTS) < 0.3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two short traces."""
    folder: Path = tmp_path_factory.mktemp("data")
    (folder / "dram/traces").mkdir(parents=True)
    for seed, name in enumerate(("cloud-1", "triad-rw")):
        write_stl(trace(name, seed), folder / f"dram/traces/{name}.stl.gz")
    return folder


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory):
    """Tables of this module stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def edp(root: Path) -> BenchmarkProblem:
    return load_problem("dram/cloud-1/edp", root)


def test_problems_are_those_with_traces(root: Path) -> None:
    assert list_problems(root) == [f"dram/{t}/{o}" for t in ("cloud-1", "triad-rw") for o in dram.OBJECTIVES]
    assert chosen_problems(None, "edp", [root]) == ["dram/cloud-1/edp", "dram/triad-rw/edp"]
    assert chosen_problems("triad-rw", "edp,front", [root]) == ["dram/triad-rw/edp", "dram/triad-rw/front"]
    with pytest.raises(CosearchError, match="no data for any trace"):
        chosen_problems(None, "edp", [])
    with pytest.raises(CosearchError, match=r"dram/TRACE/OBJECTIVE \(10 of them\)"):
        load_problem("dram/cloud-1/speed", root)


def test_the_table_is_what_the_simulator_says(edp: BenchmarkProblem, root: Path) -> None:
    space = edp.problem.space
    target = TARGETS.get("dram")(space, device="ddr3_1600", traces=[str(root / "dram/traces/cloud-1.stl.gz")])
    codes = space.sample(np.random.default_rng(3), 50)
    expected = target.evaluate(space.designs(codes), np.zeros(50, np.uint64)).values["edp_ujs"]
    assert np.array_equal(edp.evaluate(codes)["edp_ujs"], expected)


def test_idle_knobs_change_nothing(root: Path) -> None:
    space = memory_controller()
    assert space.size() == 442_368
    designs = dram_table.every_design(space)
    assert len(np.unique(dram_table.without_idle_knobs(space, designs), axis=0)) == 72 * (8 + 2 * 36) * 17
    target = TARGETS.get("dram")(space, device="ddr3_1600", traces=[str(root / "dram/traces/triad-rw.stl.gz")])
    dram_table.check_idle_knobs(space, target)


def test_a_knob_that_is_not_idle_is_found_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dram_table, "IDLE", dram_table.IDLE | {"page_policy": ("arbiter", "Simple")})
    target = TARGETS.get("dram")(
        memory_controller(), device="ddr3_1600", traces=[str(root / "dram/traces/triad-rw.stl.gz")]
    )
    with pytest.raises(CosearchError, match="depends on a knob that should be idle"):
        dram_table.check_idle_knobs(memory_controller(), target)


@pytest.mark.parametrize("objective", sorted(dram.SINGLE))
def test_regret_is_to_the_best_design_of_all(root: Path, objective: str) -> None:
    benchmark = load_problem(f"dram/cloud-1/{objective}", root)
    space = benchmark.problem.space
    designs = dram_table.every_design(space)
    values = benchmark.evaluate(designs)
    objectives, violations = benchmark.score(designs)
    feasible = violations == 0
    assert feasible.any()
    if objective == "power_bounded":
        assert not feasible.all()
        assert np.array_equal(feasible, values["total_time_ns"] <= 1.1 * values["total_time_ns"].min())
    best = objectives[feasible].min()
    assert benchmark.front.tolist() == [[best]]
    found = run_search(benchmark, Method("random"), 40, seed=1, batch=10)
    regret = dram.regret_pct(benchmark, found.shares)
    rng_run = np.minimum.accumulate(found_values(benchmark, seed=1))
    assert regret == pytest.approx(100 * (rng_run - best) / best, abs=1e-9)


def found_values(benchmark: BenchmarkProblem, seed: int) -> np.ndarray:
    """What the same search by hand finds, the worst feasible value where a design is not feasible."""
    strategy = Method("random").strategy(benchmark.problem, seed)
    from cosearch.experiments.benchmarks.peers.metered import Metered
    from cosearch.experiments.benchmarks.search_run import ask_and_tell

    metered = Metered(benchmark, 40)
    ask_and_tell(strategy, metered, 10)
    return np.where(metered.violations == 0, metered.objectives[:, 0], benchmark.reference[0])


def test_the_front_is_that_of_the_whole_table(root: Path) -> None:
    benchmark = load_problem("dram/triad-rw/front", root)
    codes = benchmark.problem.space.sample(np.random.default_rng(0), 3000)
    objectives = benchmark.objectives(codes)
    assert 0 < benchmark.share(objectives) <= 1
    front = benchmark.front
    assert nondominated(front).sum() == len(front) > 1
    assert not (objectives[:, None] < front[None]).all(axis=2).any()
    assert (benchmark.reference > front.max(axis=0)).all()
    assert hypervolume(front, benchmark.reference) == pytest.approx(benchmark.hypervolume)


def test_p_values_are_those_of_the_signed_rank_test() -> None:
    assert p_value(range(10), range(1, 11)) == pytest.approx(2 / 2**10)
    assert p_value([1.0] * 5, [1.0] * 5) == 1.0
    assert p_value([1, 2, 3, 4], [1, 2, 3, 5]) == 1.0
    rows = list(paired_rows("a", "b", "s", [1, 2, 3], [2, 2, 2.5], "9 evaluations"))
    figures = {r["metric"]: r["mean"] for r in rows}
    assert (figures["wins_vs_b"], figures["ties_vs_b"], figures["losses_vs_b"]) == (1, 1, 1)
    assert {r["budget"] for r in rows} == {"9 evaluations"}


def curves(value: float, n: int = 20) -> list[np.ndarray]:
    return [np.full(n, value + 0.01 * seed) for seed in range(6)]


def named(rows: list[Row], metric: str) -> dict[str, float]:
    return {r["method"]: r["mean"] for r in rows if r["metric"] == metric}


def test_mappo_and_the_best_team_are_tested_against_the_others() -> None:
    figures = {
        Method("mappo"): curves(2.0),
        Method("ippo"): curves(1.0),
        Method("ppo"): curves(3.0),
        Method("random"): curves(4.0),
        Method("tpe"): curves(0.5, n=5),
    }
    rows = list(comparisons("cloud-1 edp", figures, 10))
    assert named(rows, "p_vs_ppo") == {"mappo": pytest.approx(2 / 2**6), "best_marl:ippo": pytest.approx(2 / 2**6)}
    assert named(rows, "wins_vs_ippo") == {"mappo": 0.0}
    assert named(rows, "wins_vs_mappo") == {"best_marl:ippo": 6.0}
    assert not named(rows, "p_vs_tpe")
    assert named(list(comparisons("cloud-1 edp", figures, 5)), "losses_vs_tpe") == {"best_marl:ippo": 6.0}


def test_strategies_are_named_as_elsewhere() -> None:
    assert chosen_methods("ours")[0].label == "ours:surrogate_evolution"
    assert chosen_methods("nsga2:population=8,random,random") == [Method.parse("nsga2:population=8"), Method("random")]
    with pytest.raises(CosearchError, match="is no strategy"):
        chosen_methods("guessing")


def test_the_benchmark_end_to_end(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    command = ["--data", str(root), "--strategies", "random,nsga2", "--budgets", "20,60", "--seeds", "3"]
    rows = main([*command, "--objectives", "power_bounded,front", "--traces", "triad-rw", "--json", str(out)])
    assert json.loads(out.read_text())["rows"] == rows
    keys = {(r["method"], r["subject"], r["budget"], r["metric"]) for r in rows}
    expected = set()
    for method in ("random", "nsga2"):
        for budget in ("20 evaluations", "60 evaluations"):
            expected |= {(method, "triad-rw power_bounded", budget, m) for m in ("regret_pct", "no_feasible_pct")}
            expected.add((method, "triad-rw front", budget, "hypervolume_share"))
        expected |= {(method, f"triad-rw {o}", "60 evaluations", "ask_cpu_ms") for o in ("power_bounded", "front")}
    assert keys == expected
    assert all(math.isfinite(r["mean"]) for r in rows)
    shares = {(r["method"], r["budget"]): r["mean"] for r in rows if r["metric"] == "hypervolume_share"}
    assert 0 < shares["random", "20 evaluations"] < shares["random", "60 evaluations"] <= 1


def test_lessons_leave_out_traces_of_the_same_kind(tmp_path: Path) -> None:
    sources = ["cloud-1", "cloud-2", "triad-rw", "stream"]
    lessons = lessons_for("dram/cloud-2/edp", 3, sources, tmp_path, budget=40, batch=10)
    assert [lesson.problem for lesson in lessons] == ["dram/triad-rw/edp", "dram/stream/edp"]
    assert len({lesson.folder for lesson in lessons}) == 2
    assert {lesson.seed for lesson in lessons} == {3}


@pytest.mark.long
def test_transferred_policies_are_compared_with_searches_from_scratch(root: Path) -> None:
    command = ["--data", str(root), "--transfer", "--strategies", "random", "--objectives", "latency", "--seeds", "1"]
    command += ["--traces", "triad-rw", "--lesson-budget", "32", "--budgets", "12"]
    rows = main(command)
    regret = {r["method"]: r["mean"] for r in rows if r["metric"] == "regret_pct"}
    assert set(regret) == {"random", TRANSFERRED.label, REPLAYED.label}
    assert all(math.isfinite(value) and value >= 0 for value in regret.values())
    tested = {(r["method"], r["metric"]) for r in rows if r["metric"].startswith("p_vs_")}
    assert tested == {(TRANSFERRED.label, "p_vs_random"), (TRANSFERRED.label, f"p_vs_{REPLAYED.label}")}
