"""Traces by name: files, generated streams, and mixes of them, as experiments write them."""

from __future__ import annotations

import difflib
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...spaces.errors import CosearchError, TargetError
from .generators import PATTERNS, Traffic, mix, paced
from .layer_trace import layer_trace
from .stl_files import SUFFIXES, read_stl
from .trace import ACCESS_BYTES, Trace

Spec = str | Mapping[str, Any]
"""A trace: the path of a file, the name of a generator, or a mapping with ``name`` and the generator's options."""

NAMES = (*PATTERNS, "mix", "layer")
"""What a trace may be named, besides the path of a file."""


def load_traces(
    spec: Spec | Sequence[Spec], folder: Path | None = None, access_bytes: int = ACCESS_BYTES
) -> tuple[Trace, ...]:
    """The traces that a specification names.

    * ``my.stl``, ``my.stl.gz``, ``my.rstl``: a file, see :mod:`.stl_files`; as a mapping, ``name`` is the path and
      ``clock_mhz`` its clock.
    * ``stream``, ``strided``, ``random``, ``zipf``: a generator, see :mod:`.generators`; as a mapping with the options
      of :class:`~.generators.Traffic` and its own ones: ``{name: zipf, requests: 20000, write_share: 0.3}``.
    * ``{name: mix, traces: [...]}``: several at once.
    * ``{name: layer, workload: mobilenet_v2, array: {rows: 32}}``: an accelerator's traffic, see
      :func:`~.layer_trace.layer_trace`.

    A mapping may have ``label``, the name of its trace; names that repeat get a number. Its option
    ``access_bytes`` goes before the argument of that name.

    Args:
        spec: One specification, or several.
        folder: Relative paths start here; the working folder by default.
        access_bytes: Bytes of a request: those of the device that the traces are for.

    Returns:
        At least one trace, in order.

    Raises:
        TargetError: When a name or an option is unknown, or a trace cannot be had.
    """
    several = list(spec) if isinstance(spec, Sequence) and not isinstance(spec, str) else [spec]
    if not several:
        raise TargetError("the list of traces is empty", "name at least one: " + ", ".join(NAMES))
    return with_own_names([_load(one, folder, access_bytes) for one in several])


def with_own_names(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """The traces, those whose names repeat renamed."""
    names = numbered([trace.name for trace in traces])
    return tuple(_named(trace, name) for trace, name in zip(traces, names, strict=True))


def numbered(names: Sequence[str]) -> list[str]:
    """Names of which none repeats: the first stays, later ones get the least number that makes an unused name."""
    taken = set(names)
    own: list[str] = []
    for name in names:
        unused = (f"{name}-{number}" for number in itertools.count(2))
        chosen = name if name not in own else next(other for other in unused if other not in taken)
        taken.add(chosen)
        own.append(chosen)
    return own


def _load(spec: Spec, folder: Path | None, access_bytes: int) -> Trace:
    options: dict[str, Any] = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name, label = options.pop("name", None), options.pop("label", None)
    if not isinstance(name, str):
        raise TargetError(f"trace {spec!r} has no name", "give 'name': a path or one of " + ", ".join(NAMES))
    if name != "mix":
        options.setdefault("access_bytes", access_bytes)
    if name.endswith(SUFFIXES):
        trace = _read(name, options, folder)
    elif name == "mix":
        _check_options(name, options, ("traces",))
        trace = mix(load_traces(options.get("traces", ()), folder, access_bytes))
    else:
        trace = _generated(name, options)
    return _named(trace, str(label)) if label is not None else trace


def _read(name: str, options: Mapping[str, Any], folder: Path | None) -> Trace:
    _check_options(name, options, ("clock_mhz", "access_bytes"))
    return read_stl((folder or Path()) / name, **options)


def _generated(name: str, options: dict[str, Any]) -> Trace:
    if name == "layer":
        made: Trace = _called(name, layer_trace, options)
        return made
    if name not in PATTERNS:
        guess = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {guess[0]!r}? " if guess else ""
        known = f"known: {', '.join(NAMES)}; files end in {', '.join(SUFFIXES)}"
        raise TargetError(f"there is no trace {name!r}", hint + known)
    common = [field.name for field in fields(Traffic)]
    own = list(inspect.signature(PATTERNS[name]).parameters)[1:]
    _check_options(name, options, (*common, *own))
    traffic = _called(name, Traffic, {key: options[key] for key in common if key in options})
    accesses = _called(name, PATTERNS[name], {key: options[key] for key in own if key in options}, traffic)
    return paced(name, accesses, traffic)


def _called(name: str, factory: Callable[..., Any], options: Mapping[str, Any], *first: Any) -> Any:
    try:
        return factory(*first, **options)
    except CosearchError as error:
        raise TargetError(f"trace {name!r}: {error.problem}", error.remedy) from error
    except (TypeError, ValueError) as error:
        raise TargetError(f"trace {name!r} cannot take {dict(options)}: {error}", "correct the options") from error


def _check_options(name: str, options: Mapping[str, Any], known: Sequence[str]) -> None:
    for option in options:
        if option not in known:
            guess = difflib.get_close_matches(str(option), known, n=1)
            hint = f"did you mean {guess[0]!r}? " if guess else ""
            raise TargetError(f"trace {name!r} has no option {option!r}", f"{hint}known: {', '.join(known)}")


def _named(trace: Trace, name: str) -> Trace:
    if trace.name == name:
        return trace
    return Trace(name, trace.cycles, trace.addresses, trace.writes, trace.clock_mhz)
