"""``cosearch convert``: published latency tables as tables of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import show_json
from .verb import Verb, json_option

if TYPE_CHECKING:
    from ...hw_targets.measurement_table import Measurements

EXAMPLES = """\b
Examples:
  cosearch convert help HELP/data/fbnet --output fbnet.csv
  cosearch convert help HELP/data/nasbench201 --devices fpga,raspi4 --output boards.csv
  cosearch convert hw_nas_bench hw_cifar10.csv --output cells.csv
  cosearch convert help HELP/data/fbnet --sets device_task_list.py --set F1 --output f1.csv
"""


@click.command(cls=Verb, epilog=EXAMPLES, short_help="Turn published latency tables into tables of cosearch.")
@click.argument("layout")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Table to write, a .csv file.")
@click.option("--architectures", type=click.Path(path_type=Path), help="What the rows are, if not beside the tables.")
@click.option("--devices", metavar="A,B", help="Only these devices.")
@click.option("--sets", type=click.Path(path_type=Path), help="Device sets: a file like NASFLAT's device_task_list.py.")
@click.option("--set", "name", metavar="NAME", help="One of the sets; writes OUTPUT_train.csv and OUTPUT_test.csv.")
@json_option
def command(
    layout: str,
    path: Path,
    output: Path,
    architectures: Path | None,
    devices: str | None,
    sets: Path | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Turn a published latency table into one that cosearch calibrate reads.

    LAYOUT is help, hw_nas_bench, nasflat or package.module:attribute; PATH the file or folder that was published.
    Nothing in it is run.
    """
    from ...predictors.importers.catalog import IMPORTERS
    from ...spaces.errors import CosearchError

    if output.suffix != ".csv":
        raise CosearchError(f"--output {output} is no .csv file", "name it NAME.csv")
    if (sets is None) != (name is None) or (name and devices):
        raise CosearchError("--sets, --set and --devices do not go together so", "give --sets and --set, or --devices")
    table: Measurements = IMPORTERS.get(layout)(path, architectures)
    if sets is not None and name is not None:
        tables, missing = _parts(table, sets, name, output)
    else:
        chosen = [device.strip() for device in devices.split(",")] if devices else table.devices
        tables, missing = {output: table.only(chosen)}, []
    _write(tables, missing, as_json)


def _parts(table: Measurements, sets: Path, name: str, output: Path) -> tuple[dict[Path, Measurements], list[str]]:
    """Training and test devices as tables of their own, and the devices of the set that the table lacks."""
    from ...predictors.importers.device_sets import read_device_sets
    from ...spaces.errors import CosearchError

    known = read_device_sets(sets)
    if name not in known:
        raise CosearchError(f"{sets}: no set {name!r}", "known: " + ", ".join(known))
    found: dict[Path, Measurements] = {}
    for part, devices in (("train", known[name].train), ("test", known[name].test)):
        present = [device for device in devices if device in table.devices]
        if not present:
            problem = f"none of the {part} devices of {name} is in the table: {', '.join(devices)}"
            raise CosearchError(problem, f"the set is of space {known[name].space}; convert its tables")
        found[output.with_name(f"{output.stem}_{part}.csv")] = table.only(present)
    missing = [device for device in known[name].train + known[name].test if device not in table.devices]
    return found, missing


def _write(tables: dict[Path, Measurements], missing: list[str], as_json: bool) -> None:
    from ...hw_targets.measurements import write_measurements
    from ...hw_targets.metric import counted_sources

    for file, table in tables.items():
        write_measurements(file, table)
    if as_json:
        listed = [{"file": str(f), "devices": t.devices, "rows": len(t)} for f, t in tables.items()]
        show_json({"tables": listed, "missing": missing})
        return
    for file, table in tables.items():
        metrics = ", ".join(table.metrics)
        kinds = counted_sources(table.source(device, table.metrics[0]) for device in table.devices)
        devices = f"{len(table.devices)} devices ({kinds})"
        click.echo(f"wrote {file}: {len(table)} rows, {devices}, {metrics} on {table.space.name}")
    if missing:
        click.echo(f"not in the table: {', '.join(missing)}", err=True)
