"""Every configuration in ``bad_configs/`` is refused with the messages that its header announces.

Header lines: ``# expect: how a line of the message begins`` (one for each problem, in order), and
``# args: further command line arguments``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.cli import main

FOLDER = Path(__file__).parent / "bad_configs"
BAD = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "base")


def header(path: Path, key: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(f"# {key}: ") for line in lines if line.startswith(f"# {key}: ")]


def invoke(verb: str, path: Path, *further: str) -> Result:
    arguments = [argument for line in header(path, "args") for argument in shlex.split(line)]
    return CliRunner().invoke(main, [verb, str(path), *arguments, *further])


def files_below(folder: Path) -> list[str]:
    return sorted(str(p) for p in folder.rglob("*") if "__pycache__" not in p.parts)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    before = files_below(FOLDER)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert files_below(FOLDER) == before


@pytest.mark.parametrize("name", BAD)
def test_run_refuses_with_the_announced_messages(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    result = invoke("run", path)
    lines = [line.replace(f"{FOLDER}/", "") for line in result.stderr.splitlines()]
    if " in " in lines[-1] and "nothing was run" in lines[-1]:
        *lines, count = lines
        assert count.startswith(f"{len(lines)} problem")
        assert count.endswith(f"in {name}.yaml; nothing was run")
    expected = header(path, "expect")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert expected
    assert len(lines) == len(expected), lines
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning)


@pytest.mark.parametrize("name", ["many_at_once", "set_typo", "empty"])
def test_validate_tells_the_same_in_json(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    result = invoke("validate", path, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 2
    assert all(problem["message"] for problem in answer["problems"])
    shown = result.stderr.splitlines()
    assert answer["error"] == "\n".join(shown)
    assert len(answer["problems"]) in (0, len(shown) - 1)


def test_problems_carry_file_line_and_path() -> None:
    answer = json.loads(invoke("validate", FOLDER / "many_at_once.yaml", "--json").stdout)
    text = (FOLDER / "many_at_once.yaml").read_text(encoding="utf-8").splitlines()
    for problem in answer["problems"]:
        key = problem["path"].rsplit(".", 1)[-1]
        assert key in text[problem["line"] - 1]
        assert problem["file"] == str(FOLDER / "many_at_once.yaml")


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_the_good_one_that_they_extend_is_good(verb: str, empty_folder: Path) -> None:
    arguments = ["--folder", str(empty_folder / "study"), "--set", "output.report=false"] if verb == "run" else []
    result = CliRunner().invoke(main, [verb, str(FOLDER / "base.yaml"), *arguments])
    assert result.exit_code == 0, result.stderr
    if verb == "run":
        import shutil

        shutil.rmtree(empty_folder / "study")


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        (b"name: caf\xe9\n", "config.yaml:1: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"version: 1\nname: a\x07b\n", "config.yaml:2: the character '\\x07' is not allowed; remove it"),
        (b"a: 1\n---\nb: 2\n", "config.yaml:2: not YAML"),
        (b"\xef\xbb\xbf", "config.yaml: the file is empty"),
        (b"[" * 5000, "config.yaml"),
        (b"just text\n", "config.yaml:1: the file holds a single value"),
    ],
)
def test_bytes_that_are_no_configuration(
    content: bytes, beginning: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "config.yaml"
    path.write_bytes(content)
    result = CliRunner().invoke(main, ["run", str(path)])
    assert result.exit_code == 2
    assert result.stderr.replace(f"{path.parent}/", "").startswith(beginning)
    assert len(result.stderr.splitlines()) == 1


def test_missing_file_with_a_guess(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("here")
    (folder / "edge.yaml").write_text("name: x\n")
    result = CliRunner().invoke(main, ["run", str(folder / "egde.yaml")])
    assert result.exit_code == 2
    assert "no such file; did you mean 'edge.yaml'?" in result.stderr


def test_folder_for_a_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "edge.yaml").write_text("name: x\n")
    result = CliRunner().invoke(main, ["run", str(folder)])
    assert result.exit_code == 2
    assert "is a folder; give a configuration file (edge.yaml)" in result.stderr
