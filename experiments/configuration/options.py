"""Options of spaces, targets and strategies, checked against the signature of what they are passed to."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError

from ...spaces.errors import CosearchError
from ...spaces.registry import Registry
from .explain import check
from .problems import Problems
from .yaml_source import KeyPath


def named_factory(
    registry: Registry, block: Mapping[str, Any], path: KeyPath, problems: Problems
) -> Callable[..., Any] | None:
    """The factory that a block names, or None after noting why there is none."""
    name = block.get("name")
    if not isinstance(name, str):
        problems.add(path, f"has no name; add 'name', one of the {registry.family}: {_names(registry)}")
        return None
    try:
        factory = attempt(lambda: registry.get(name))
    except CosearchError as error:
        problems.add_error((*path, "name"), error)
        return None
    if not callable(factory):
        problems.add((*path, "name"), f"{name!r} is {type(factory).__name__}; name a class or a function")
        return None
    made: Callable[..., Any] = factory
    return made


def _names(registry: Registry) -> str:
    return ", ".join(row[0] for row in registry.rows())


def checked_options(
    factory: Callable[..., Any], given: int, options: Mapping[str, Any], path: KeyPath, problems: Problems
) -> dict[str, Any] | None:
    """Options in the types that the factory declares, or None after noting what is wrong.

    Args:
        factory: Class or function.
        given: Leading arguments that the caller passes itself.
        options: Plain data.
        path: Where the options stand.
        problems: Takes unknown, missing and mistyped options.
    """
    model = check(options_model(factory, given), options, path, problems)
    return None if model is None else {f.alias or n: getattr(model, n) for n, f in _set_fields(model)}


def _set_fields(model: BaseModel) -> list[tuple[str, Any]]:
    extra = [(name, Field(alias=name)) for name in model.model_extra or {}]
    return [(n, f) for n, f in type(model).model_fields.items() if n in model.model_fields_set] + extra


def options_model(factory: Callable[..., Any], given: int) -> type[BaseModel]:
    """A pydantic model of a factory's keyword options.

    Args:
        factory: Class or function.
        given: Leading arguments to leave out.
    """
    parameters = list(inspect.signature(factory).parameters.values())
    annotations = _annotations(factory)
    named = [p for p in parameters[given:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    config = ConfigDict(extra="allow" if open_ended else "forbid", arbitrary_types_allowed=True)

    def build(types_of: Mapping[str, Any]) -> type[BaseModel]:
        # Own field names: an option may be called like a method of the model.
        fields: dict[str, Any] = {
            f"option_{i}": (types_of.get(p.name, Any), Field(... if p.default is p.empty else p.default, alias=p.name))
            for i, p in enumerate(named)
        }
        return create_model(getattr(factory, "__name__", "Options"), __config__=config, **fields)

    try:
        return build(annotations)
    except PydanticUserError:
        return build({})


def _annotations(factory: Callable[..., Any]) -> dict[str, Any]:
    """Resolved annotations; those that only exist for type checkers are left out."""
    holds_them = "__init__" if isinstance(factory, type) else "__wrapped__"
    function = getattr(factory, holds_them, getattr(factory, "func", factory))
    raw = getattr(function, "__annotations__", {})
    scope = getattr(function, "__globals__", {})
    found: dict[str, Any] = {}
    for name, annotation in raw.items():
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            found |= typing.get_type_hints(holder, scope, include_extras=True)
        except (NameError, AttributeError, TypeError):
            continue
    return found


def options_of(factory: Callable[..., Any], kind: type) -> frozenset[str]:
    """Names of the options that take an object of a class, so that a configuration writes them as a block."""
    taken = {name: (annotation, *typing.get_args(annotation)) for name, annotation in _annotations(factory).items()}
    return frozenset(name for name, kinds in taken.items() if kind in kinds and name != "return")


def attempt(make: Callable[[], Any]) -> Any:
    """Call what may come from another package.

    Raises:
        CosearchError: Instead of anything that it raises.
    """
    try:
        return make()
    except CosearchError:
        raise
    except ImportError as error:
        raise CosearchError(f"{error}", "install the package, or correct the name") from error
    except Exception as error:
        raise CosearchError(f"{type(error).__name__}: {error}", "correct the value, or what it names") from error


def option_in(error: CosearchError, options: Mapping[str, Any]) -> KeyPath:
    """The option that an error speaks of, as the end of a key path; empty when it names none."""
    words = set(re.findall(r"\w+", error.problem))
    return next(((key,) for key in options if key in words), ())
