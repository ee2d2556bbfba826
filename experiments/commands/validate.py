"""``cosearch validate``: everything that is wrong, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import show_json, show_table
from .verb import Verb, json_option, set_option

if TYPE_CHECKING:
    from ..configuration.validate import Validation

EXAMPLES = """\b
Examples:
  cosearch validate experiment.yaml
  cosearch validate quickstart.yaml --set budget.trials=1000   a shipped configuration, changed
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("config")
@set_option
@json_option
def command(config: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show every problem of CONFIG at once, before anything runs.

    Also the size of the space and, where scoring is cheap, how many random designs meet the constraints.
    """
    from ..configuration.locate import find_config
    from ..configuration.validate import validate

    path, shipped = find_config(config)
    if shipped:
        click.echo(f"using the shipped {path}", err=True)
    checked = validate(path, overrides)
    for text in checked.warnings:
        click.echo(f"warning: {text}", err=True)
    if as_json:
        show_json({"valid": True, "config": str(path), **checked.to_dict()})
    else:
        show_table(("what", "value"), _rows(checked), title=f"{path}: valid")


def _rows(checked: Validation) -> list[tuple[str, str]]:
    facts = checked.to_dict()
    designs, probe = facts["space"]["designs"], checked.probe
    rows = [
        ("study", facts["name"]),
        ("space", f"{facts['space']['knobs']} knobs, {_count(designs)} designs"),
        *((f"target {label}", ", ".join(metrics)) for label, metrics in facts["targets"].items()),
        ("objectives", ", ".join(f"{o['goal']} {o['metric']}" for o in facts["objectives"])),
        ("search", f"{facts['search']}, {facts['trials']} trials"),
    ]
    if probe:
        rows.append(("probe", f"{probe.n_feasible} of {probe.n_designs} random designs are feasible"))
        rows.append(("scoring time", f"about {checked.seconds:.2g} s with one worker"))
    else:
        rows.append(("probe", "none: scoring takes preparation or time"))
    return rows


def _count(designs: int | None) -> str:
    if designs is None:
        return "uncounted"
    return f"{designs:,}" if designs < 10**9 else f"{float(designs):.3g}"
