"""Who may import whom, and what ``import cosearch`` may load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["spaces", "hw_targets", "predictors", "search", "experiments"]
RUNNING_ONLY = {"ray", "mlflow", "pydantic", "click", "rich", "plotly", "yaml", "filelock"}
HEAVY = {"ray", "mlflow", "torch", "sklearn", "optuna", "pymoo", "onnx", "onnxruntime", "gymnasium", "pettingzoo"}
SHARED_BY_ALL = {"filelock"}
MODULES = sorted(p for folder in ORDER for p in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> list[tuple[ast.AST, str, int]]:
    """(node, absolute or dotted-relative module, level) of every import in a file."""
    found: list[tuple[ast.AST, str, int]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node, alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node, node.module or "", node.level))
    return found


def top_level(path: Path) -> set[str]:
    """External packages that importing a module loads: imports outside functions and TYPE_CHECKING."""
    names: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.If):
                if "TYPE_CHECKING" not in ast.unparse(node.test):
                    visit(node.body)
                visit(node.orelse)
            elif isinstance(node, ast.ClassDef | ast.With | ast.Try):
                visit(node.body)

    visit(ast.parse(path.read_text(encoding="utf-8")).body)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    own = ORDER.index(parts[0])
    for node, module, level in imports(path):
        where = f"{path}:{getattr(node, 'lineno', 0)}"
        assert not (level == 0 and module.split(".")[0] in {"cosearch", *ORDER}), f"{where}: import relatively"
        if level == len(parts):
            target = module.split(".")[0]
            assert target in ORDER, f"{where}: {module!r} is not a folder of the package"
            assert ORDER.index(target) <= own, f"{where}: {parts[0]} must not import {target}"
        assert level <= len(parts), f"{where}: leaves the package"
        if level == 0 and parts[0] != "experiments":
            package = module.split(".")[0]
            assert package not in RUNNING_ONLY - SHARED_BY_ALL, f"{where}: only experiments may import {package}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_packages_are_imported_late(path: Path) -> None:
    late = HEAVY & top_level(path)
    # Modules that are nothing but a wrapper are themselves imported late.
    assert not late or path.stem.endswith(("_torch", "_env")), f"{path}: imports {late} when it is imported"


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, cosearch\n"
        "for name in cosearch.__all__: getattr(cosearch, name)\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_package_list_names_every_folder() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {"cosearch"} | {
        "cosearch." + ".".join(p.parent.relative_to(ROOT).parts) for f in ORDER for p in (ROOT / f).rglob("__init__.py")
    }
    assert listed == found


def test_no_file_hides_two_rooms() -> None:
    for path in MODULES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, f"{path} is over 400 lines"
        assert path.stem not in {"util", "utils", "helper", "helpers", "misc", "common"}, f"{path}: name the room"


def test_nothing_reads_pickles_or_runs_shells() -> None:
    forbidden = {"pickle", "dill", "joblib", "shelve", "marshal"}
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node, module, level in imports(path):
            # The name of an exception reads nothing.
            if ast.unparse(node) != "from pickle import PicklingError":
                assert level or module.split(".")[0] not in forbidden, f"{path}: imports {module}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in {"eval", "exec", "os.system", "yaml.load"}, f"{path}:{node.lineno}: {name}"
                assert not any(k.arg == "shell" for k in node.keywords), f"{path}:{node.lineno}: shell"


def test_every_public_name_has_a_docstring() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path}: no module docstring"
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}:{node.lineno}: {node.name} has no docstring"


@pytest.mark.skipif(os.name == "nt", reason="names of the running system")
def test_the_tree_speaks_of_no_private_place() -> None:
    private = ["/" + "work/", "../" + "shared", "/" + "root/"]
    for path in [*MODULES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "pyproject.toml", "Makefile"))]:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in private if word in text], path
