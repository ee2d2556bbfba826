"""Loading good configurations: extends, overrides, options, and the way back from plain data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cosearch.experiments.configuration.build import build
from cosearch.experiments.configuration.load import from_dict, load
from cosearch.experiments.configuration.options import checked_options, options_model
from cosearch.experiments.configuration.problems import Problems
from cosearch.experiments.configuration.yaml_source import Document, dump_yaml
from cosearch.search.nsga2 import Nsga2
from cosearch.spaces.errors import ConfigError

if TYPE_CHECKING:
    from decimal import Decimal as Nowhere

BASE = Path(__file__).parent / "bad_configs" / "base.yaml"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_and_words_mean_what_they_say() -> None:
    space = load(BASE).space.model_extra
    assert space is not None
    assert space["knobs"]["rate"] == [0.001, 0.01]
    assert space["knobs"]["mode"] == ["yes", "no"]


def test_build_gives_every_part() -> None:
    experiment = build(load(BASE))
    assert experiment.name == "base"
    assert experiment.problem.space.size() == 3 * 3 * 2 * 2
    assert [o.metric for o in experiment.problem.objectives] == ["latency_ms", "area_mm2"]
    assert experiment.sources == dict.fromkeys(("latency_ms", "area_mm2", "utilization_pct"), "model")
    assert experiment.parts == {"model": None}
    strategy = experiment.strategy(experiment.problem, 5)
    assert isinstance(strategy, Nsga2)
    assert strategy.seed == 5
    assert experiment.budget.trials == 20


def test_the_resolved_configuration_loads_equal() -> None:
    config = load(BASE, ["search.population=12", "stop.hypervolume_stalled={window: 30}"])
    resolved = config.resolved()
    again = from_dict(json.loads(json.dumps(resolved)))
    assert again == config
    assert again.resolved() == resolved
    assert build(again).problem.space.digest == build(config).problem.space.digest


def test_the_resolved_configuration_survives_a_yaml_file(tmp_path: Path) -> None:
    config = load(BASE)
    path = write(tmp_path, "kept.yaml", dump_yaml(config.resolved()))
    assert load(path) == config


def test_modules_beside_the_file_are_found_after_everything_else() -> None:
    config = load(BASE)
    assert config.python_path == (str(BASE.parent),)
    assert sys.path.index(str(BASE.parent)) > 0


def test_extends_merges_deeply_and_keeps_both_places(tmp_path: Path) -> None:
    write(tmp_path, "grand.yaml", "name: g\nbudget: {trials: 5, minutes: 1}\nseed: 1\n")
    (tmp_path / "sub").mkdir()
    write(tmp_path, "sub/parent.yaml", f"extends: ../grand.yaml\nseed: 2\nobjectives: [{{metric: a_ms}}]\n{BLOCKS}")
    child = write(tmp_path, "child.yaml", "extends: sub/parent.yaml\nbudget: {trials: 9, minutes: null}\n")
    config = load(child)
    assert (config.name, config.seed, config.budget.trials, config.budget.minutes) == ("g", 2, 9, None)
    marks = config.document
    assert marks.mark(("budget", "trials")) == (str(child), 2)
    assert Path(marks.mark(("seed",)).file).resolve() == (tmp_path / "sub" / "parent.yaml").resolve()
    assert marks.mark(("seed",)).line == 2
    assert Path(marks.mark(("name",)).file).name == "grand.yaml"


BLOCKS = """
space: {knobs: {x: [1, 2, 3]}}
targets: {t: {name: systolic}}
search: {name: nsga2, population: 30}
"""


@pytest.mark.parametrize("way", ["extends", "set"])
def test_options_go_with_their_name(tmp_path: Path, way: str) -> None:
    base = write(tmp_path, "base.yaml", f"name: b\nobjectives: [{{metric: a_ms}}]\n{BLOCKS}")
    if way == "extends":
        config = load(write(tmp_path, "c.yaml", "extends: base.yaml\nsearch: {name: random}\n"))
    else:
        config = load(base, ["search.name=random"])
    assert config.search.model_dump() == {"name": "random"}


def test_the_same_name_keeps_its_options(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", f"name: b\nobjectives: [{{metric: a_ms}}]\n{BLOCKS}")
    config = load(write(tmp_path, "c.yaml", "extends: base.yaml\nsearch: {name: nsga2, mode: generational}\n"))
    assert config.search.model_dump() == {"name": "nsga2", "population": 30, "mode": "generational"}


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("objectives.1.reference=2e-1", ("objectives", 1, "reference"), 0.2),
        ("budget={trials: 3}", ("budget",), {"trials": 3}),
        ("stop.hypervolume_stalled.window=5", ("stop", "hypervolume_stalled", "window"), 5),
        ("name=no", ("name",), "no"),
        ("targets.model.program=a=b", ("targets", "model", "program"), "a=b"),
    ],
)
def test_overrides(override: str, path: tuple[str | int, ...], value: object) -> None:
    document = load(BASE, [override]).document
    found: Any = document.data
    for key in path:
        found = found[key]
    assert found == value
    assert document.mark(path).file == f"--set {override.partition('=')[0]}"


def test_overrides_do_not_change_the_data_they_are_applied_to() -> None:
    data = load(BASE).resolved()
    before = json.dumps(data)
    from_dict(data, ["budget.trials=3", "space.knobs.rows=[1]"])
    assert json.dumps(data) == before


def test_a_knob_name_with_dots_can_be_overridden() -> None:
    knobs = {"hw.rows": [1, 2], "hw.cols": [1, 2]}
    config = from_dict(
        {"name": "d", "space": {"knobs": knobs}, "targets": {"t": {"name": "x"}}, "objectives": [{"metric": "a_ms"}]},
        ["space.knobs.hw.rows=[4, 8]"],
    )
    assert config.space.model_dump()["knobs"] == {"hw.rows": [4, 8], "hw.cols": [1, 2]}


def test_joint_space_and_target_part() -> None:
    data = load(BASE).resolved()
    data["space"] = {
        "name": "joint",
        "arch": {"knobs": {"depth": [1, 2, 3]}},
        "hw": {"knobs": {"rows": [8, 16], "cols": [8, 16]}, "forbid": [{"rows": 8, "cols": 8}]},
        "forbid": [{"arch.depth": 3, "hw.rows": 8}],
    }
    data["targets"]["model"]["part"] = "hw"
    experiment = build(from_dict(data))
    assert experiment.parts == {"model": "hw"}
    assert experiment.problem.space.size() == 3 * 4 - 3 - 1


def test_metrics_chooses_between_two_targets() -> None:
    data = load(BASE).resolved()
    data["targets"]["second"] = {"name": "bad_config_target:Model"}
    data["metrics"] = {"latency_ms": "second", "area_mm2": "model"}
    sources = build(from_dict(data)).sources
    assert sources == {"latency_ms": "second", "area_mm2": "model", "utilization_pct": "model"}


def factory(
    space: object,
    count: int,
    rate: float = 0.5,
    *,
    names: tuple[str, ...] = (),
    copy: bool = True,
    other: Nowhere | None = None,
) -> None:
    """An option called like a method of the model, and an annotation that cannot be resolved."""


def problems() -> Problems:
    return Problems(Document({}, {}, "t"))


def test_options_take_the_types_of_the_signature() -> None:
    given = {"count": 3, "rate": 1, "names": ["a"], "copy": False, "other": {"x": 1}}
    assert checked_options(factory, 1, given, (), problems()) == given | {"rate": 1.0, "names": ("a",)}
    assert checked_options(factory, 1, {"count": 3}, (), problems()) == {"count": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": "3"}, "count: must be a whole number, got '3'; remove the quotes"),
        ({"count": True}, "count: must be a whole number, got True"),
        ({"count": 2.5}, "count: must be a whole number, got 2.5"),
        ({}, "count: is missing; add 'count'"),
        ({"count": 1, "rate": "fast"}, "rate: must be a number, got 'fast'"),
        ({"count": 1, "names": [1]}, "names.0: must be text (put it in quotes), got 1"),
        ({"count": 1, "names": "a"}, "names: must be a list, got 'a'"),
        ({"count": 1, "copy": 1}, "copy: must be true or false, got 1"),
        ({"count": 1, "name": 1}, "name: unknown key; did you mean 'names'? known: count, rate, names, copy, other"),
    ],
)
def test_wrong_options(given: dict[str, Any], message: str) -> None:
    found = problems()
    assert checked_options(factory, 1, given, (), found) is None
    assert [f"{p.path}: {p.message}" for p in found.sorted()] == [message]


def test_open_ended_factories_take_any_option() -> None:
    def open_ended(space: object, size: int, **further: object) -> None:
        """Takes anything."""

    given = {"size": 1, "extra": [1]}
    assert checked_options(open_ended, 1, given, (), problems()) == given


def test_options_model_is_made_for_every_shipped_name() -> None:
    from cosearch.hw_targets.catalog import TARGETS
    from cosearch.search.catalog import STRATEGIES
    from cosearch.spaces.catalog import SPACES

    for registry, given in ((SPACES, 0), (TARGETS, 1), (STRATEGIES, 2)):
        for name, origin, _ in registry.rows():
            if origin == "built-in":
                assert options_model(registry.get(name), given).model_config["extra"] in ("forbid", "allow")


def test_errors_carry_their_problems() -> None:
    with pytest.raises(ConfigError) as caught:
        load(BASE.parent / "many_at_once.yaml")
    assert len(caught.value.problems) == 5
    assert [p.line for p in caught.value.problems] == sorted(p.line for p in caught.value.problems)
