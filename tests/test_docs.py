"""Every Python, YAML and shell block of the documentation is run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SMALL = {
    "run": [
        "--set", "budget.trials=8", "--set", "tracking.name=none", "--set", "output.folder=studies", "--local",
    ],
    "measure": ["--rounds", "1"],
    "calibrate": ["--samples", "4", "--check", "4"],
}  # fmt: skip
"""What makes a documented command cheap enough for a test."""

SHORT_TRAINING = ["--set", "targets.accuracy.epochs=1", "--set", "output.formats=[json]"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", pages_with("python"), ids=lambda p: p.name)
def test_python_blocks_run_in_order(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    # The guard is what a script needs whose functions travel to spawned workers.
    script.write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-W", "error", str(script)]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", pages_with("yaml"), ids=lambda p: p.name)
def test_yaml_blocks_are_valid(page: Path, tmp_path: Path) -> None:
    from cosearch.experiments.configuration.validate import validate

    for number, text in enumerate(blocks(page, "yaml")):
        data = yaml.safe_load(text)
        if "devices" in data:
            from cosearch.experiments.configuration.devices import load_devices

            (tmp_path / "devices.yaml").write_text(text, encoding="utf-8")
            assert load_devices(tmp_path / "devices.yaml").devices
            continue
        if "space" in data and "objectives" not in data:
            from cosearch.spaces.space import Space

            assert Space(**data["space"]).size()
            continue
        path = tmp_path / f"block{number}.yaml"
        path.write_text(text, encoding="utf-8")
        for module in blocks(page, "python"):
            named = re.match(r"# (\w+\.py)\n", module)
            if named:
                (tmp_path / named[1]).write_text(module, encoding="utf-8")
        assert validate(path).experiment.problem.objectives


LONG = {"reinforcement_learning.md"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.name, marks=[pytest.mark.long] if p.name in LONG else []) for p in pages_with("bash")],
)
def test_shell_blocks_run(page: Path, tmp_path: Path) -> None:
    """Lines that start with ``cosearch`` are run in order, at a small budget, in an empty folder."""
    (tmp_path / "experiments").mkdir()
    for config in (ROOT / "experiments").glob("*.yaml"):
        (tmp_path / "experiments" / config.name).write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
    for text in blocks(page, "yaml"):
        named = re.match(r"# (\w+\.yaml)\n", text)
        if named:
            quick = text.replace("name: torch_cpu", "name: torch_cpu, seconds: 0.01, warm_up_s: 0.005")
            (tmp_path / named[1]).write_text(quick, encoding="utf-8")
    lines = [line.partition(" #")[0].strip() for block in blocks(page, "bash") for line in block.splitlines()]
    for line in lines:
        words = shlex.split(re.sub(r"--random \d+", "--random 8", line))
        if words[:1] != ["cosearch"]:
            continue
        command = [sys.executable, "-m", "cosearch.experiments.cli", *words[1:], *SMALL.get(words[1], [])]
        if "quickstart" in line and words[1] == "run":
            command += SHORT_TRAINING
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
        assert result.returncode in (0, 3), f"{line}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
