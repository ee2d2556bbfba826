"""One run of DRAMSys: an own working folder, a time limit, and errors that say what went wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from . import dramsys_files as files
from .device import Device
from .dramsys_output import last_words, read_output

THERMAL = {"thermalsimconfig": {"TemperatureScale": "Celsius"}}
"""DRAMSys insists on a thermal configuration, also where it simulates no heat."""

NAME = "design"


def run_dramsys(
    program: str,
    design: Mapping[str, Value],
    device: Device,
    memspec: Mapping[str, Any],
    traces: Sequence[tuple[Path, float]],
    *,
    power: bool,
    time_limit_s: float,
) -> list[dict[str, float]]:
    """Simulate a design on each trace, in a temporary folder that is gone afterwards.

    Args:
        program: DRAMSys, as a path or a name on the PATH.
        design: Knobs of a memory controller.
        device: The device.
        memspec: Content of its memory specification; channels and ranks become the design's.
        traces: Plain ``.stl`` file and clock in MHz of each trace.
        power: Whether to analyse power.
        time_limit_s: Longest time of one simulation, seconds.

    Returns:
        Per trace what :func:`~.dramsys_output.read_output` gives.

    Raises:
        TargetError: When DRAMSys cannot have the design, is not found, fails, or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="dramsys-") as temporary:
        root = Path(temporary)
        configs = root / "configs"
        files.write_json(configs / "mcconfigs" / f"{NAME}.json", files.controller(design))
        files.write_json(configs / "amconfigs" / f"{NAME}.json", files.mapping(design, device))
        files.write_json(configs / "simulator" / f"{NAME}.json", files.simulator(NAME, power))
        files.write_json(configs / "memspecs" / f"{NAME}.json", _sized(memspec, *files.sizes(design, device)))
        files.write_json(configs / "thermalsim" / "config.json", THERMAL)
        (root / "traces").mkdir()
        results = []
        for number, (path, mhz) in enumerate(traces):
            (root / "traces" / f"{number}.stl").symlink_to(path.resolve())
            simulation = root / f"{number}.json"
            files.write_json(simulation, files.simulation(NAME, NAME, f"{number}.stl", mhz))
            text = run_program([program, str(simulation), f"{root}/"], root, time_limit_s)
            results.append(read_output(text, power))
        return results


def _sized(memspec: Mapping[str, Any], channels: int, ranks: int) -> dict[str, Any]:
    """The memory specification with other channels and ranks."""
    inner = memspec["memspec"]
    architecture = inner["memarchitecturespec"] | {"nbrOfChannels": channels, "nbrOfRanks": ranks}
    return {"memspec": inner | {"memarchitecturespec": architecture}}


def run_program(command: Sequence[str], folder: Path, time_limit_s: float) -> str:
    """Run a program to its end and return what it printed.

    Args:
        command: Program and arguments; no shell sees them.
        folder: Working folder.
        time_limit_s: After so many seconds the program and all that it started are killed.

    Raises:
        TargetError: When it cannot be started, fails, or takes too long; failures quote its last words.
    """
    program = shutil.which(command[0])
    if program is None:
        raise TargetError(f"program {command[0]!r} is not found", "install it, correct its path or extend PATH")
    log = folder / "output.txt"
    with log.open("wb") as output:
        process = _start([str(Path(program).absolute()), *command[1:]], folder, output)
        try:
            code = process.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            raise TargetError(
                f"{command[0]} took longer than {time_limit_s:g} s and was ended",
                "raise time_limit_s, or give a shorter trace",
            ) from None
        finally:
            _end(process)
    text = log.read_text(encoding="utf-8", errors="replace")
    if code:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        raise TargetError(f"{command[0]} failed with {how}: {last_words(text)}", "run it by hand on the exported files")
    return text


def _start(command: Sequence[str], folder: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start in a session of its own, so that the time limit also ends what the program starts."""
    try:
        return subprocess.Popen(  # noqa: S603 - the user names the program
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise TargetError(f"{command[0]} cannot be started: {error.strerror}", "run it by hand") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the program and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        process.wait()
