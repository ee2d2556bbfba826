"""Running somebody's program, and reading the numbers that it prints without trusting them."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Never

from ..spaces.errors import TargetError
from .metric import TIMES, Metric

MOST_BYTES = 1_000_000
"""Output beyond this is not looked at."""

SHOWN = 300
"""Characters of a program's output in a message."""

Samples = dict[str, list[float]]
"""Metric name to its values."""


def run_program(words: Sequence[str], timeout_s: float) -> str:
    """Run a program without a shell and without input.

    Args:
        words: Program and arguments.
        timeout_s: Longest run, seconds; then it and all that it started are killed.

    Returns:
        What it printed.

    Raises:
        TargetError: When it cannot be started, takes too long, or ends with another exit code than 0.
    """
    # Files, not pipes: what the program started may hold them open, or print without end.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user names the program
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            raise TargetError(f"{words[0]}: cannot be started ({error.strerror})", "check the command") from error
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            remedy = "raise timeout_s, or mend the program"
            raise TargetError(f"{words[0]} took longer than {timeout_s:g} s", remedy) from error
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if code != 0:
            said = _shown(_text(err) or _text(out))
            raise TargetError(f"{words[0]} ended with exit code {code}: {said}", "run it by hand to see why")
        return _text(out)


def read_samples(text: str, metrics: Sequence[str]) -> Samples:
    """Values of every metric that a program printed, as its last line or as all of its output.

    Args:
        text: What it printed.
        metrics: Names of what it must print.

    Raises:
        TargetError: When it is not JSON, a metric is missing, or a number cannot be.
    """
    data = _json(text)
    if not isinstance(data, dict):
        if len(metrics) > 1:
            remedy = f"print an object with {', '.join(metrics)}"
            raise TargetError(f"the program printed no object: {_shown(text)}", remedy)
        data = {metrics[0]: data}
    found: Samples = {}
    for name in metrics:
        if name not in data:
            raise TargetError(f"the program printed no {name}: {_shown(text)}", f"print {', '.join(metrics)}")
        values = data[name] if isinstance(data[name], list) else [data[name]]
        if not values:
            raise TargetError(f"the program printed no values of {name}", "print at least one")
        found[name] = [_checked(name, value) for value in values]
    return found


def _checked(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TargetError(f"the program printed {name} = {value!r}", "print a number or a list of numbers")
    # An integer may be too large for a float.
    number = float(value) if abs(value) <= 1e300 else math.inf
    # No run takes no time.
    no_time = number == 0 and Metric(name, "measured", "").unit in TIMES
    if not math.isfinite(number) or number < 0 or no_time:
        raise TargetError(f"the program printed {name} = {number:g}", "no device does that; mend the program")
    return number


def _json(text: str) -> Any:
    lines = [line for line in text.splitlines() if line.strip()]
    for candidate in (text, lines[-1] if lines else ""):
        try:
            return json.loads(candidate, parse_constant=_not_a_number)
        except (ValueError, RecursionError):
            continue
    raise TargetError(f"the program printed no JSON: {_shown(text)}", 'print {"latency_ms": 1.2} as the last line')


def _not_a_number(word: str) -> Never:
    raise TargetError(f"the program printed {word}", "print finite numbers")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MOST_BYTES).decode("utf-8", errors="replace")


def _shown(text: str) -> str:
    flat = " ".join(text.split()) or "nothing"
    return flat if len(flat) <= SHOWN else f"{flat[:SHOWN]} ..."
