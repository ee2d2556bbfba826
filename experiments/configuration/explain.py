"""Checking plain data against a pydantic model, with messages for people and the place of each problem."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .problems import Problems, nearest
from .yaml_source import KeyPath

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text (put it in quotes)",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "null",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "above {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "below {lt:g}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "literal_error": "{expected}",
    "enum": "{expected}",
}

_PLAIN = {"no": "false", "off": "false", "yes": "true", "on": "true"}


def check(model: type[Model], data: Mapping[str, Any], path: KeyPath, problems: Problems) -> Model | None:
    """Validate strictly: text is never a number, a number never a truth value.

    Args:
        model: What the data must fit.
        data: JSON-able mapping.
        path: Where the data stands in the document.
        problems: Takes one entry for each wrong value.

    Returns:
        The model, or None when something is wrong.
    """
    try:
        # Strict JSON mode takes lists for tuples, as YAML means them, but never text for numbers.
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        expected: dict[KeyPath, tuple[list[str], Any]] = {}
        for details in error.errors(include_url=False):
            here = (*path, *_real_location(details, data))
            phrase = _EXPECTED.get(details["type"])
            if details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]:
                # Long enough, but with entries that are wrong themselves.
                continue
            if phrase is None:
                problems.add(here, _message(details, model, here[len(path) :]))
            else:
                expected.setdefault(here, ([], details["input"]))[0].append(phrase.format(**details.get("ctx", {})))
        for here, (phrases, value) in expected.items():
            problems.add(here, _must_be(list(dict.fromkeys(phrases)), value))
        return None


def _must_be(phrases: list[str], value: Any) -> str:
    message = f"must be {' or '.join(phrases)}, got {_short(value)}"
    if "a whole number" in phrases and isinstance(value, float) and value.is_integer():
        return f"{message}; write {int(value)}"
    if isinstance(value, str) and (plain := _PLAIN.get(value.lower())) and "true or false" in phrases:
        return f"{message}; write {plain}"
    if isinstance(value, str) and {"a number", "a whole number"} & set(phrases) and _is_number(value):
        return f"{message}; remove the quotes"
    if isinstance(value, str) and phrases[0].startswith("'"):
        hint = nearest(value, [p.strip("'") for p in phrases[0].replace(" or ", ", ").split(", ")])
        return f"{message}; {hint.split('? ')[0]}?" if "did you mean" in hint else message
    return message


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _message(details: ErrorDetails, model: type[BaseModel], where: KeyPath) -> str:
    if details["type"] == "missing":
        return f"is missing; add '{where[-1]}'"
    if details["type"] == "extra_forbidden":
        hint = nearest(str(where[-1]), _known_keys(model, where[:-1]))
        return f"unknown key; {hint or 'remove it'}"
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    return f"{details['msg'][:1].lower()}{details['msg'][1:]}, got {_short(details['input'])}; correct it"


def _real_location(details: ErrorDetails, data: Any) -> KeyPath:
    """A pydantic location without the tags of union members, which are no keys of the data."""
    location: list[str | int] = []
    holder = data
    last = len(details["loc"]) - 1
    for i, key in enumerate(details["loc"]):
        in_mapping = isinstance(holder, Mapping) and key in holder
        if in_mapping or (isinstance(holder, Sequence) and isinstance(key, int) and key < len(holder)):
            location.append(key)
            holder = holder[key]
        elif i == last and details["type"] == "missing":
            location.append(key)
    return tuple(location)


def _known_keys(model: type[BaseModel], where: KeyPath) -> list[str]:
    """Keys that the model at a location takes."""
    current: type[BaseModel] | None = model
    for key in where:
        if current is not None and isinstance(key, str):
            field = next((f for n, f in current.model_fields.items() if key in (n, f.alias)), None)
            current = _model_inside(field.annotation) if field else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in get_args(annotation) if (found := _model_inside(part))), None)
