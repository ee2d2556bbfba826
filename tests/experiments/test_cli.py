"""The command line: exit codes, JSON, help, speed, and the whole path from ``init`` to ``pareto``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.cli import VERBS, main
from cosearch.experiments.commands.list import FAMILIES
from cosearch.experiments.configuration.init_config import init, template_names
from cosearch.experiments.configuration.locate import shipped_configs
from cosearch.experiments.configuration.validate import validate

QUICK = ("--set", "budget.trials=40", "--set", "search.population=10", "--set", "output.report=false")


def cosearch(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def first(here: Path) -> Path:
    """A finished study from the minimal template."""
    init()
    result = cosearch("run", "experiment.yaml", *QUICK)
    assert result.exit_code == 0, result.stderr
    return here / "studies" / "first"


# --- help ------------------------------------------------------------------------------------------------------------


def test_help_names_every_verb() -> None:
    result = cosearch("--help")
    assert result.exit_code == 0
    assert all(f"\n  {verb} " in result.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_and_json(verb: str) -> None:
    text = cosearch(verb, "--help").stdout
    assert "Examples:" in text
    assert f"  cosearch {verb}" in text
    assert "--json" in text


def children_cpu_s() -> float:
    used = os.times()
    return used.children_user + used.children_system


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; from cosearch.experiments.cli import main; main(['--help'], standalone_mode=False);"
        "heavy = {'numpy', 'pydantic', 'rich', 'yaml', 'torch', 'ray', 'mlflow', 'plotly'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    times = []
    for _ in range(3):
        start = children_cpu_s()
        result = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
        times.append(children_cpu_s() - start)
        assert result.returncode == 0, result.stderr
    # Processor time, the best of three: other work on the machine is not the command line's.
    assert min(times) < 0.5


def test_an_unknown_verb_is_guessed() -> None:
    result = cosearch("valdate", "x.yaml")
    assert result.exit_code == 2
    assert "'valdate' is not a verb; did you mean 'validate'?" in result.stderr


# --- the whole path --------------------------------------------------------------------------------------------------


def test_from_init_to_pareto(first: Path, here: Path) -> None:
    status = json.loads(cosearch("status", "first", "--json").stdout)
    assert (status["state"], status["trials"]["finished"]) == ("finished", 40)
    front = json.loads(cosearch("pareto", str(first), "--json", "--export", "out", "--formats", "json,csv").stdout)
    assert front["feasible"]
    assert {Path(p).name for p in front["files"]} == {"pareto.json", "pareto.csv"}
    assert all((here / p).is_file() for p in front["files"])
    knee = json.loads(cosearch("pareto", "first", "--pick", "knee", "--json").stdout)
    assert len(knee["designs"]) == 1
    assert knee["designs"][0] in front["designs"]
    listed = json.loads(cosearch("list", "studies", "--json").stdout)["studies"]
    assert listed == [
        {"study": "studies/first", "state": "finished", "trials": "40", "front": str(front["front_size"])}
    ]


def test_tables_in_a_pipe_are_tab_separated(first: Path) -> None:
    lines = [line.split("\t") for line in cosearch("pareto", "first").stdout.splitlines()]
    assert lines[0][:4] == ["trial", "latency_ms", "energy_mj", "area_mm2"]
    assert {len(line) for line in lines} == {len(lines[0])}


def test_a_pick_of_many_knobs_shows_them_all(here: Path) -> None:
    init("quickstart", here / "many.yaml")
    targets = ("--set", "targets={memory: {name: activation_memory}}", "--set", "constraints=[]")
    objective = "objectives=[{metric: peak_memory_kib, goal: minimize, reference: 12}]"
    run = ("run", "many.yaml", "--set", "budget.trials=40", *targets, "--set", objective, "--set", "tracking.name=none")
    assert cosearch(*run).exit_code == 0
    table = cosearch("pareto", "quickstart", "--pick", "knee").stdout
    shown = dict(zip(*(line.split("\t") for line in table.splitlines()), strict=True))
    (design,) = json.loads(cosearch("pareto", "quickstart", "--pick", "knee", "--json").stdout)["designs"]
    assert design["design"].items() <= {k: int(v) for k, v in shown.items() if v.isdigit()}.items()


def test_a_capped_export_says_so_and_replaces_the_old_one(here: Path) -> None:
    settings = ("--set", "output.most_files=3", "--set", "constraints=[]")
    chip = ("run", "systolic_mobilenet.yaml", "--folder", "chip", *QUICK, *settings, "--set", "tracking.name=none")
    answer = cosearch(*chip).stdout
    assert "3 of " in answer
    assert "cosearch pareto chip --export DIR" in answer
    pareto = Path("chip/pareto")
    assert len({path.name[:12] for path in pareto.glob("trial-*")}) == 3
    (pareto / "trial-999999.cfg").write_text("of a design that left the front")
    assert cosearch("resume", "chip").exit_code == 0
    assert not (pareto / "trial-999999.cfg").exists()
    assert len({path.name[:12] for path in pareto.glob("trial-*")}) == 3


def test_resume_with_a_larger_budget(first: Path) -> None:
    result = cosearch("resume", "first", "--set", "budget.trials=55", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["n_trials"] == 55


def test_resume_refuses_a_bad_change(first: Path) -> None:
    result = cosearch("resume", "first", "--set", "budget.trails=55")
    assert result.exit_code == 2
    assert "did you mean 'trials'?" in result.stderr


def test_run_in_a_chosen_folder_and_json(here: Path) -> None:
    init()
    result = cosearch("run", "experiment.yaml", *QUICK, "--folder", "elsewhere", "--local", "--json")
    answer = json.loads(result.stdout)
    assert (answer["folder"], answer["state"], answer["n_trials"]) == ("elsewhere", "finished", 40)
    again = cosearch("run", "experiment.yaml", *QUICK, "--folder", "elsewhere", "--json")
    assert again.exit_code == 1
    assert "resume that study, or choose another folder" in json.loads(again.stdout)["error"]


def test_no_feasible_design_is_exit_code_3(here: Path) -> None:
    init()
    result = cosearch("run", "experiment.yaml", *QUICK, "--set", "constraints.0.at_most=0.001")
    assert result.exit_code == 3
    assert "no feasible design" in result.stderr
    front = cosearch("pareto", "first", "--json")
    assert front.exit_code == 3
    assert json.loads(front.stdout)["feasible"] is False


def test_ctrl_c_saves_and_resume_goes_on(here: Path) -> None:
    init()
    target = here / "my_target.py"
    slow = "    import time\n\n    time.sleep(0.02)\n    processing"
    target.write_text(target.read_text().replace("    processing", slow, 1))
    command = [sys.executable, "-P", "-m", "cosearch.experiments.cli", "run", "experiment.yaml", *QUICK]
    process = subprocess.Popen([*command, "--set", "budget.trials=400"], cwd=here, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = cosearch("status", "first", "--json")
        if seen.exit_code == 0 and json.loads(seen.stdout)["trials"]["finished"] >= 5:
            break
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted and saved; go on with: cosearch resume studies/first" in errors
    assert "Traceback" not in errors
    saved = json.loads(cosearch("status", "first", "--json").stdout)
    assert saved["state"] == "interrupted"
    done = saved["trials"]["finished"]
    assert 5 <= done < 400
    resumed = cosearch("resume", "first", "--set", f"budget.trials={done + 5}", "--json")
    assert json.loads(resumed.stdout)["n_trials"] == done + 5


# --- init and shipped configurations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("template", template_names())
def test_every_template_validates(template: str, here: Path) -> None:
    result = cosearch("init", "--template", template, "new/mine.yaml", "--json")
    written = json.loads(result.stdout)["files"]
    assert written[0] == "new/mine.yaml"
    assert validate(written[0]).experiment.problem.objectives


def test_init_overwrites_nothing(here: Path) -> None:
    (here / "my_target.py").write_text("mine")
    result = cosearch("init")
    assert result.exit_code == 1
    assert "my_target.py exists; give another path, or move it away" in result.stderr
    assert [p.name for p in here.iterdir()] == ["my_target.py"]


def test_init_knows_its_templates(here: Path) -> None:
    assert cosearch("init", "--template", "systolic", "chip.yaml").exit_code == 0
    result = cosearch("init", "--template", "nothing")
    assert result.exit_code == 1
    assert "use one of: minimal" in result.stderr


def test_the_multi_fidelity_template_runs(here: Path) -> None:
    assert cosearch("init", "--template", "multi", "halving.yaml").exit_code == 0
    result = cosearch("run", "halving.yaml", "--set", "budget.trials=12", "--set", "output.report=false")
    assert result.exit_code == 0, result.stderr
    assert "full evaluations" in result.stdout


def test_shipped_configurations_can_be_named_bare(here: Path) -> None:
    assert "quickstart.yaml" in shipped_configs()
    result = cosearch("validate", "quickstart.yaml", "--json")
    assert result.exit_code == 0
    assert "using the shipped" in result.stderr
    assert json.loads(result.stdout)["name"] == "quickstart"
    (here / "quickstart.yaml").write_text("name: own\n")
    assert cosearch("validate", "quickstart.yaml").exit_code == 2


# --- lists, errors, debugging ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FAMILIES)
def test_lists(what: str, here: Path) -> None:
    rows = json.loads(cosearch("list", what, "--json").stdout)[what]
    assert bool(rows) == (what != "studies")
    assert cosearch("list", what).stdout.count("\n") == len(rows) + 1
    if rows:
        assert {"name", "from", "what"} == set(rows[0])


@pytest.mark.parametrize("verb", ["resume", "status", "pareto", "track"])
def test_a_missing_study_is_one_line(verb: str, here: Path) -> None:
    result = cosearch(verb, "nothing", "--json")
    assert result.exit_code == 1
    assert result.stderr == "there is no study 'nothing'; give its folder; 'cosearch list studies' shows those here\n"
    assert json.loads(result.stdout)["problems"] == []


def test_a_nearly_right_study_is_guessed(first: Path) -> None:
    assert "did you mean 'first'?" in cosearch("status", "frist").stderr


def test_a_changed_setting_that_is_unknown_is_placed_on_the_command_line(here: Path) -> None:
    init()
    result = cosearch("validate", "experiment.yaml", "--set", "serch.population=3")
    assert result.exit_code == 2
    assert result.stderr.startswith("--set serch.population: serch: unknown key; did you mean 'search'?")


def test_no_studies_is_said(here: Path) -> None:
    assert "no studies in studies" in cosearch("list", "studies").stderr


def test_tracking_to_an_unusable_place_is_one_line(first: Path) -> None:
    result = cosearch("track", "first", "--uri", "nonsense://there")
    assert result.exit_code == 2
    assert "MLflow cannot use 'nonsense://there'; write sqlite:///FILE.db" in result.stderr


def test_a_folder_without_a_study(here: Path) -> None:
    (here / "empty").mkdir()
    result = cosearch("status", "empty")
    assert result.exit_code == 1
    assert result.stderr.startswith("empty holds no study")


def test_debugging_shows_where(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSEARCH_DEBUG", "1")
    result = cosearch("status", "nothing")
    assert type(result.exception).__name__ == "StoreError"


def test_an_unwritable_place_is_one_line(here: Path) -> None:
    (here / "file").write_text("in the way")
    result = cosearch("init", "file/experiment.yaml")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "check the path" in result.stderr
