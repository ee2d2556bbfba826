"""The report in a real headless browser: every figure draws, and no script fails."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cosearch.experiments.experiment import Experiment
from cosearch.experiments.outputs.report import report_data, write_report
from cosearch.experiments.study import Study

BROWSER = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=10000",
]  # fmt: skip


@pytest.mark.skipif(BROWSER is None, reason="needs a browser: install chromium")
def test_the_report_draws_itself(make_experiment: Callable[..., Experiment], tmp_path: Path) -> None:
    study = Study.create(make_experiment())
    study.run()
    page = write_report(report_data(study.results), tmp_path / "report.html")
    command = [str(BROWSER), *QUIET, "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    result = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0
    assert not re.findall(r"CONSOLE.*(?:Uncaught|Error)", result.stderr)
    dom = result.stdout
    drawn = len(re.findall(r'class="main-svg"', dom))
    declared = len(re.findall(r'class="[^"]*js-plotly-plot', dom))
    assert declared >= 3, "front, parallel coordinates and hypervolume"
    assert drawn >= declared
    # One tick label at least of the parallel coordinates is a knob of the space.
    assert re.search(r">a<|>b<", dom)
