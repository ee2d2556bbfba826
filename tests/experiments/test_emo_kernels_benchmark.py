"""The benchmark of generations, on small populations."""

import json

import pytest

from cosearch.experiments.benchmarks import emo_kernels
from cosearch.experiments.benchmarks.emo_agreement import AGREEMENTS
from cosearch.experiments.benchmarks.emo_generation import make_step


@pytest.mark.parametrize("name", ["nsga2", "nsga3"])
@pytest.mark.parametrize("population", [30, 200])
def test_survivors_are_those_of_pymoo(name, population):
    pytest.importorskip("pymoo.algorithms.moo.nsga3")
    assert all(AGREEMENTS[name](population, seed) for seed in range(15))


def test_figures_come_from_processes_of_their_own(tmp_path):
    out = tmp_path / "rows.json"
    wanted = ["--algorithms", "nsga2", "--populations", "20", "--repeats", "1", "--generations", "2"]
    rows = emo_kernels.main([*wanted, "--agreements", "2", "--json", str(out)])
    assert json.loads(out.read_text())["rows"] == rows
    ours = {row["metric"]: row for row in rows if row["method"] == "ours:cosearch"}
    assert set(ours) >= {"generation_cpu_ms", "peak_memory_mib"}
    assert ours["generation_cpu_ms"]["mean"] > 0
    assert all((row["subject"], row["budget"]) == ("nsga2", "20") for row in rows)


def test_every_method_that_is_installed_takes_a_step():
    for algorithm, methods in emo_kernels.METHODS.items():
        for method in methods:
            if emo_kernels.available(method) and method != "evomo":
                make_step(method, algorithm, 12, 0, "cpu")()
