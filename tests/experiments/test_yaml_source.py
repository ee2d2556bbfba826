"""YAML reading against the YAML 1.2.2 core schema and against PyYAML where the two versions agree."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.experiments.configuration.yaml_source import dump_yaml, parse_yaml, read_yaml
from cosearch.spaces.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Examples 10.3 of the YAML 1.2.2 specification and the usual traps of YAML 1.1.
        ("1e-3", 1e-3),
        ("1e3", 1000.0),
        ("12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("0.", 0.0),
        (".5", 0.5),
        ("-0.0", -0.0),
        ("+12", 12),
        ("-19", -19),
        ("0o7", 7),
        ("0x3A", 58),
        ("017", 17),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("OFF", "OFF"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("'1e-3'", "1e-3"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("1e", "1e"),
        ("=", "="),
    ],
)
def test_scalars(text: str, value: object) -> None:
    read = parse_yaml(f"x: {text}", "t").data["x"]
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(parse_yaml("x: .NaN", "t").data["x"])


def test_lines_of_keys_and_entries() -> None:
    document = parse_yaml("a:\n  b:\n    - 1\n    - x: 2\n\n      y: 3\n", "t.yaml")
    lines = {".".join(map(str, path)): mark.line for path, mark in document.marks.items()}
    assert lines == {"": 1, "a": 1, "a.b": 2, "a.b.0": 3, "a.b.1": 4, "a.b.1.x": 4, "a.b.1.y": 6}


def test_the_nearest_container_stands_for_an_unknown_path() -> None:
    document = parse_yaml("a:\n  b: 1\n", "t.yaml")
    assert document.mark(("a", "b", "c", 3)).line == 2
    assert document.mark(("z",)).line == 1


def test_anchors_and_merge_keys() -> None:
    document = parse_yaml("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: *b\nthree: {<<: [{z: 9, x: 8}, *b]}", "t")
    assert document.data["one"] == {"x": 1, "y": 3}
    assert document.data["two"] == {"x": 1, "y": 2}
    assert document.data["three"] == {"z": 9, "x": 8, "y": 2}


def test_both_lines_of_a_repeated_key() -> None:
    document = parse_yaml("a: 1\nb: 2\na: 3\n", "t.yaml")
    assert [str(p) for p in document.problems] == ["t.yaml:3: a: repeats the key of line 1; keep one of the two"]


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1, 2\nb: 3\n", 2), ("a: 1\n b: 2\n", 2), ("a: 'x\n", 2), ("a: *nowhere\n", 1), ("@a: 1", 1)],
)
def test_syntax_errors_have_a_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError, match=rf"^t\.yaml:{line}: not YAML .*; check"):
        parse_yaml(text, "t.yaml")


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\r\nseed: 3\r\n")
    document = read_yaml(path)
    assert document.data == {"name": "x", "seed": 3}
    assert document.mark(("seed",)).line == 2


words = st.text("abcXYZ -_", max_size=8) | st.sampled_from(
    ["1e-3", "no", "0o17", "1_0", "12:30", "~", "<<", ".5", "2020-01-01"]
)
plain = st.recursive(
    st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | st.booleans() | st.none() | words,
    lambda child: st.lists(child, max_size=4) | st.dictionaries(words, child, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(plain)
def test_what_is_written_is_read_back_by_both_versions(value: object) -> None:
    text = dump_yaml({"value": value})
    assert parse_yaml(text, "t").data == {"value": value}
    assert yaml.safe_load(text) == {"value": value}


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text, "t")
