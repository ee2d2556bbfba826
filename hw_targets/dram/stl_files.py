"""Trace files of DRAMSys: ``.stl`` (absolute cycles) and ``.rstl`` (relative ones), plain or gzipped.

A line is ``cycle: [(length)] read|write hex-address [hex-data]``; blank lines and lines that start with ``#`` do not
count (DRAMSys, configs/README.md, "Trace Files"; Steiner et al., "DRAMSys4.0", SAMOS 2020). Lengths are bytes: longer
ones become several accesses. Data are ignored, because timing and energy do not depend on them.

In an ``.rstl`` file each cycle counts from the request before. DRAMSys issues such a request one cycle plus its stamp
after the memory took the last one; here, as if the memory took each at once, so the trace does not slow down with the
memory.

The clock is not part of the format. :func:`write_stl` puts it in a comment, ``# clock_mhz: 800``, that
:func:`read_stl` reads back and DRAMSys skips; its player has the clock in the simulation file.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from ...spaces.errors import TargetError
from .trace import ACCESS_BYTES, CLOCK_MHZ, IntArray, Trace, check_access_bytes, first_fall

SUFFIXES = (".stl", ".rstl", ".stl.gz", ".rstl.gz")
"""Endings of the names of trace files."""

_REQUEST = re.compile(
    rb"^[ \t]*0*(\d{1,18}):?[ \t]+(?:\(0*(\d{1,6})\)[ \t]+)?"
    rb"(read|write)[ \t]+(?:0[xX])?0*([0-9a-fA-F]{1,15})(?:[ \t][^\r\n]*)?\r?$",
    re.MULTILINE,
)
_CONTENT = re.compile(rb"^[ \t\r\f\v]*[^#\s].*$", re.MULTILINE)
_CLOCK = re.compile(rb"^#[ \t]*clock_mhz:[ \t]*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)[ \t\r]*$", re.MULTILINE)


def read_stl(path: str | Path, clock_mhz: float | None = None, access_bytes: int = ACCESS_BYTES) -> Trace:
    """Read a trace.

    Args:
        path: ``.stl``, ``.rstl``, or either with ``.gz``.
        clock_mhz: Clock of the cycles; by default what the file's comment says, else :data:`~.trace.CLOCK_MHZ`.
        access_bytes: Addresses are aligned down to it, a power of two. DRAMSys decodes an address inside a burst to
            the bank and row of that burst, so nothing else changes.

    Returns:
        The trace, named as the file without suffixes.

    Raises:
        TargetError: When the file is missing, damaged, empty, or a line is no request, with file and line; or an option
            is wrong.
    """
    check_access_bytes(access_bytes)
    if isinstance(clock_mhz, bool) or not isinstance(clock_mhz, int | float | None):
        raise TargetError(f"trace {path}: clock_mhz is {clock_mhz!r}", "give a number of MHz, or leave it out")
    path = Path(path)
    data = _content(path)
    found = _REQUEST.findall(data)
    if len(found) != len(_CONTENT.findall(data)):
        raise _bad_line(path, data)
    if not found:
        raise TargetError(f"trace {path} has no requests", "write lines such as '0: read 0x40', or give another file")
    stamps, lengths, commands, texts = zip(*found, strict=True)
    cycles = np.array(stamps, dtype=np.bytes_).astype(np.int64)
    addresses = np.array([int(text, 16) for text in texts], dtype=np.int64)
    writes = np.array(commands, dtype=np.bytes_) == b"write"
    if ".rstl" in path.suffixes:
        cycles = np.cumsum(cycles + 1) - 1
    late = first_fall(cycles)
    if late is not None:
        raise _fallen(path, data, cycles, late)
    sizes = np.array([int(size) if size else 1 for size in lengths], dtype=np.int64)
    owner, addresses = _accesses(addresses, sizes, access_bytes)
    clock = _CLOCK.search(data)
    mhz = clock_mhz if clock_mhz is not None else float(clock[1]) if clock else CLOCK_MHZ
    return Trace(path.name.split(".", 1)[0] or path.name, cycles[owner], addresses, writes[owner], mhz)


def write_stl(trace: Trace, path: str | Path) -> Path:
    """Write a trace as DRAMSys reads it; :func:`read_stl` gives back the same requests and clock.

    Args:
        trace: The trace.
        path: Ends in ``.stl`` or ``.stl.gz`` (which DRAMSys itself does not open).

    Returns:
        The path.

    Raises:
        TargetError: When the name ends otherwise.
    """
    path = Path(path)
    if not path.name.endswith((".stl", ".stl.gz")):
        raise TargetError(f"{path} is no name for a trace", "end it in .stl or .stl.gz")
    columns = (trace.cycles.tolist(), trace.writes.tolist(), trace.addresses.tolist())
    lines = [
        f"{cycle}:\t{'write' if write else 'read'}\t0x{address:x}"
        for cycle, write, address in zip(*columns, strict=True)
    ]
    data = "\n".join([f"# clock_mhz: {trace.clock_mhz:.17g}", *lines, ""]).encode("ascii")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(f"trace {path} cannot be read: {error.strerror or error}", "correct the path") from error
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise TargetError(f"trace {path} is no whole gzip file: {error}", "copy or compress it again") from error


def _accesses(addresses: IntArray, sizes: IntArray, access_bytes: int) -> tuple[IntArray, IntArray]:
    """Index of the request and aligned address of each access."""
    first = addresses // access_bytes
    count = (addresses + np.maximum(sizes, 1) - 1) // access_bytes - first + 1
    owner = np.repeat(np.arange(len(addresses)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return owner, (first[owner] + place) * access_bytes


def _bad_line(path: Path, data: bytes) -> TargetError:
    bad = next(match for match in _CONTENT.finditer(data) if not _REQUEST.fullmatch(match[0]))
    text = bad[0][:60].decode("ascii", "replace").strip()
    remedy = "write 'cycle: read 0x40' or 'cycle: write 0x40'; numbers below 2^59, lengths below 1 MB, none negative"
    return TargetError(f"{path}:{_line(data, bad.start())}: {text!r} is no request", remedy)


def _fallen(path: Path, data: bytes, cycles: IntArray, index: int) -> TargetError:
    place = next(match for i, match in enumerate(_CONTENT.finditer(data)) if i == index)
    problem = (
        f"{path}:{_line(data, place.start())}: cycle {cycles[index]} is before {cycles[index - 1]} of the last one"
    )
    return TargetError(problem, "sort the lines by cycle, or name the file .rstl if its cycles are relative")


def _line(data: bytes, start: int) -> int:
    return data.count(b"\n", 0, start) + 1
