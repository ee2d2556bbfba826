"""Writing a first configuration from a template."""

from __future__ import annotations

from pathlib import Path

from ...spaces.errors import CosearchError
from .locate import shipped_configs

TEMPLATES = Path(__file__).parent / "templates"
COMPANIONS = {
    "minimal": {"my_target.py": "my_target.py.txt"},
    "multi_fidelity": {"my_simulation.py": "my_simulation.py.txt"},
}
"""Template to further files: name to write, name of the template."""
DEFAULT_FILE = "experiment.yaml"


def template_names() -> list[str]:
    """Templates, and shipped configurations, by name."""
    own = [path.stem for path in sorted(TEMPLATES.glob("*.yaml"))]
    return [*own, *(Path(name).stem for name in shipped_configs() if Path(name).stem not in own)]


def init(template: str = "minimal", path: Path | None = None) -> list[Path]:
    """Write a commented configuration, and what it needs beside it.

    Args:
        template: One of :func:`template_names`, or the beginning of just one.
        path: File to write (``.yaml``), or a folder; by default ``experiment.yaml`` here.

    Returns:
        The files written, the configuration first.

    Raises:
        CosearchError: When the template is unknown or a file exists already.
    """
    template = _full_name(template)
    config = path or Path(DEFAULT_FILE)
    if config.suffix not in (".yaml", ".yml"):
        config = config / DEFAULT_FILE
    own = TEMPLATES / f"{template}.yaml"
    source = own if own.is_file() else shipped_configs()[f"{template}.yaml"]
    files = {config: source}
    files |= {config.parent / name: TEMPLATES / text for name, text in COMPANIONS.get(template, {}).items()}
    for target in files:
        if target.exists():
            raise CosearchError(f"{target} exists", "give another path, or move it away")
    for target, text in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.read_text(encoding="utf-8"), encoding="utf-8")
    return list(files)


def _full_name(template: str) -> str:
    names = template_names()
    found = [template] if template in names else [name for name in names if name.startswith(template)]
    if len(found) != 1:
        raise CosearchError(f"there is no template {template!r}", "use one of: " + ", ".join(names))
    return found[0]
