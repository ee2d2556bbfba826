import json
import re
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from cosearch.experiments.outputs.plots import MAX_POINTS, front_figures, hypervolume_figure, parallel_figure, shown
from cosearch.experiments.outputs.report import report_data, write_report
from cosearch.experiments.outputs.report_data import ObjectiveColumn, ReportData
from cosearch.experiments.study import Study
from cosearch.search.objective import Constraint

GOALS = (("top1_pct", "maximize"), ("latency_ms", "minimize"), ("energy_mj", "minimize"), ("area_mm2", "minimize"))


def sample(n=60, k=2, feasible_share=0.7, seed=0):
    """Random trials whose first ones form the front."""
    rng = np.random.default_rng(seed)
    objectives = [ObjectiveColumn(metric, goal, "units", "measured") for metric, goal in GOALS[:k]]
    values = {o.metric: rng.uniform(1.0, 2.0, n) for o in objectives}
    feasible = np.arange(n) < feasible_share * n
    front = feasible & (np.arange(n) < 4)
    members = [
        {
            "trial": i, "digest": "d", "seed": i, "held_out": {"test_pct": 50.0 + i}, "violation": 0.0,
            "design": {"depth": i, "flow": f"<b>{i}</b>", "kernel": 3, **({"rows": 8} if i else {})},
            "metrics": {m: float(v[i]) for m, v in values.items()},
            "std": {objectives[-1].metric: 0.25}, "count": {objectives[-1].metric: 20},
        }
        for i in range(min(4, n))
    ]  # fmt: skip
    return ReportData(
        name="</script> & co", subtitle="probe", settings=[("seed", "7")], objectives=objectives,
        sources=[("latency_ms", "minimize", "—", "milliseconds", "measured", "board", "time of a frame")],
        ids=np.arange(n), values=values, feasible=feasible, front=front, members=members,
        history=[(1, 0.5, 1), (n, 0.9, 4)], failures=[("ValueError: <no>", 3, 9)], counts={"done": n, "failed": 3},
        environment={"python": "3.11"}, ending="finished: the trial budget is spent",
    )  # fmt: skip


def plain(figure):
    """The figure with its colour names filled in, refused by plotly if anything in it is wrong."""
    text = re.sub(r'"@\w+"', '"#123456"', json.dumps(figure, allow_nan=False))
    return go.Figure(json.loads(text))


def drawn_figures(page):
    return json.loads(re.search(r"const figures = (.*);\n", page).group(1))


@pytest.mark.parametrize(("k", "n_figures"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_every_figure_is_one_that_plotly_accepts(k, n_figures):
    data = sample(k=k)
    figures = front_figures(data)
    assert len(figures) == n_figures
    for figure in [*figures, hypervolume_figure(data), parallel_figure(data)]:
        plain(figure)


def test_the_front_is_drawn_with_its_error_bars_and_steps():
    data = sample()
    (figure,) = front_figures(data)
    infeasible, dominated, front = plain(figure).data
    assert (infeasible.name, len(infeasible.x)) == ("infeasible", 18)
    assert (dominated.name, len(dominated.x)) == ("dominated", 38)
    assert sorted(front.x) == sorted(float(f"{v:.6g}") for v in data.values["top1_pct"][:4])
    assert list(front.error_y.array) == [0.25] * 4
    assert front.error_x.array is None
    # Accuracy is maximised: up to a design, what the next better one attains is reached by a vertical step first.
    assert front.line.shape == "vh"
    flipped = replace(data, objectives=[replace(data.objectives[0], goal="minimize"), data.objectives[1]])
    assert plain(front_figures(flipped)[0]).data[-1].line.shape == "hv"


def test_only_so_many_dots_and_always_the_same_ones(tmp_path):
    mask = np.arange(40_000) % 2 == 0
    rows = shown(mask)
    assert len(rows) == len(set(rows.tolist())) == MAX_POINTS
    assert mask[rows].all()
    assert (rows[0], rows[-1]) == (0, 39_998)
    np.testing.assert_array_equal(rows, shown(mask))
    page = write_report(sample(20_000, 3), tmp_path / "report.html")
    assert page.stat().st_size < 6e6
    text = page.read_text(encoding="utf-8")
    assert "Of 13,996 dominated trials, 5,000 evenly spread ones are drawn." in text
    assert "Of 6,000 infeasible trials, 5,000 evenly spread ones are drawn." in text
    assert len(drawn_figures(text)["front0"]["data"][0]["x"]) == MAX_POINTS


def test_the_page_needs_nothing_else_and_lets_nothing_in(tmp_path):
    text = write_report(sample(), tmp_path / "report.html").read_text(encoding="utf-8")
    own = text.replace(re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1), "")
    assert not re.findall(r"(?:src|href)\s*=|https?://|@import|url\(", own)
    assert own.count("</script>") == 2
    assert "&lt;/script&gt; &amp; co" in own
    assert "ValueError: &lt;no&gt;" in own
    figures = drawn_figures(own)
    assert set(figures) == {"front0", "parallel", "hypervolume"}
    assert "flow = &lt;b&gt;" in figures["front0"]["data"][-1]["text"][0]


def test_the_table_shows_spread_repeats_and_held_out_numbers(tmp_path):
    text = write_report(sample(), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "± 0.25" in text
    assert "n 20" in text
    assert "held out: test_pct" in text
    assert "The same in all: kernel = 3." in text
    assert "one standard deviation" in text


def test_parallel_coordinates_place_names_and_absent_knobs():
    figure = parallel_figure(sample())
    axes = {axis["label"]: axis for axis in figure["data"][0]["dimensions"]}
    assert list(axes) == ["depth", "flow", "rows", "top1_pct ↑", "latency_ms ↓"]
    assert axes["depth"]["values"] == [0, 1, 2, 3]
    assert axes["rows"]["ticktext"] == ["8", "—"]
    assert axes["rows"]["values"] == [1, 0, 0, 0]
    assert parallel_figure(replace(sample(), members=sample().members[:1])) is None


def test_outliers_do_not_squeeze_the_front_into_a_corner():
    data = sample(100)
    data.values["latency_ms"][50] = 1e6
    (figure,) = front_figures(data)
    low, high = figure["layout"]["yaxis"]["range"]
    members = [m["metrics"]["latency_ms"] for m in data.members]
    assert low < min(members) - 0.25
    assert max(members) + 0.25 < high < 10
    assert "range" not in figure["layout"]["xaxis"]


def test_a_study_writes_its_report(make_experiment):
    experiment = make_experiment(spoil={7: "raise"})
    study = Study.create(replace(experiment, output=experiment.output.model_copy(update={"report": True})))
    study.run()
    text = (study.folder / "report.html").read_text(encoding="utf-8")
    results = study.results
    data = report_data(results)
    assert data.front.sum() == len(results.front) == len(data.members)
    assert len(data.ids) == results.counts["done"]
    stored = {m["trial"]: m["metrics"]["latency_ms"] for m in results.members}
    assert dict(zip(data.ids[data.front].tolist(), data.values["latency_ms"][data.front], strict=True)) == stored
    assert "no number for a = 7" in text
    assert "minimize latency_ms and minimize energy_mj over 1,681 designs" in text
    assert f"<b>{len(results.front)}</b><span>designs on the front" in text


def test_a_study_without_a_feasible_design_says_so(make_experiment, tmp_path):
    study = Study.create(make_experiment(constraints=(Constraint("energy_mj", at_most=-1.0),)))
    study.run()
    data = report_data(study.results)
    assert not data.is_feasible
    text = write_report(data, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No feasible design" in text
    assert "<b>0</b><span>designs on the front" in text
    assert drawn_figures(text)["front0"]["data"][-1]["name"] == "least violating"
