"""Figures from rows: what is drawn, in which colour, and what the title claims."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from augment import charts
from augment.arms import SEEDS_ONLY, name_arm, name_recipe, name_run
from augment.charts import Curve
from augment.records import (
    MetricPoint,
    RunState,
    RunStatus,
    Split,
    TextUse,
    TrainingConfig,
    TrainingPlan,
    TrainingRun,
)

LABELS = ("joy", "anger", "surprise")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def make_run(number: int, arm: str, n: int, macro_f1: float, *, steps: int = 125) -> TrainingRun:
    use = TextUse.NONE if arm == SEEDS_ONLY else TextUse.RAW
    return TrainingRun(
        id=number,
        task_id=1,
        arm=arm,
        config=TrainingConfig(LABELS, steps=steps, rng_seed=number),
        plan=TrainingPlan(1, use, () if use is TextUse.NONE else (1,), n),
        n_train=30 + n,
        state=RunState(RunStatus.DONE, "", steps, steps, 9.0, NOW, NOW, NOW),
        last=MetricPoint(steps, 0.1, 1.0, macro_f1 + 0.1, macro_f1),
    )


RUNS = [
    make_run(1, SEEDS_ONLY, 0, 0.40),
    make_run(2, SEEDS_ONLY, 0, 0.50),
    make_run(3, "GPT-J · raw", 50, 0.60),
    make_run(4, "GPT-J · raw", 50, 0.62),
    make_run(5, "GPT-Neo · raw", 50, 0.30),
]


def test_runs_are_averaged_by_arm_and_size() -> None:
    points = {(one.arm, one.n_synthetic): one.interval for one in charts.aggregate_runs(RUNS, "macro_f1")}
    assert points[SEEDS_ONLY, 0].mean == pytest.approx(0.45)
    assert points["GPT-J · raw", 50].mean == pytest.approx(0.61)
    assert points["GPT-J · raw", 50].n == 2
    assert points["GPT-Neo · raw", 50].low == points["GPT-Neo · raw", 50].mean


def test_every_arm_s_line_begins_at_the_baseline_and_keeps_its_colour() -> None:
    colours = charts.arm_colours([run.arm for run in RUNS])
    figure = charts.learning_curve(charts.aggregate_runs(RUNS, "macro_f1"), "macro_f1", colours)
    lines = {trace.name: trace for trace in figure.data}
    assert set(lines) == {"GPT-J · raw", "GPT-Neo · raw"}
    assert list(lines["GPT-J · raw"].x) == [0, 50]
    assert list(lines["GPT-J · raw"].y) == pytest.approx([0.45, 0.61])
    assert lines["GPT-J · raw"].line.color == colours["GPT-J · raw"] != colours["GPT-Neo · raw"]
    assert colours[SEEDS_ONLY] == charts.BASELINE_GREY
    fewer = charts.arm_colours([run.arm for run in RUNS[:4]])
    assert fewer["GPT-J · raw"] == colours["GPT-J · raw"]


def test_the_majority_line_stands_on_accuracy_charts_only() -> None:
    points = charts.aggregate_runs(RUNS, "accuracy")
    colours = charts.arm_colours([run.arm for run in RUNS])
    accuracy = charts.learning_curve(points, "accuracy", colours, majority=0.674)
    assert any("majority 67.4 %" in one.text for one in accuracy.layout.annotations)
    assert {shape.line.dash for shape in accuracy.layout.shapes} == {"dash", "dot"}
    macro_f1 = charts.learning_curve(points, "macro_f1", colours, majority=0.674)
    assert not any("majority" in one.text for one in macro_f1.layout.annotations)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (RUNS, "GPT-J · raw gains 16.0 points of macro-F1 with 50 texts; the intervals overlap"),
        (
            RUNS[:1] + RUNS[2:3],
            "GPT-J · raw gains 20.0 points of macro-F1 with 50 texts; one run a point, so chance is not ruled out",
        ),
        (RUNS[:2] + RUNS[4:], "No arm beats training on seeds only (macro-F1 0.45)"),
        (
            [
                *(make_run(i, SEEDS_ONLY, 0, 0.45 + i / 1000) for i in range(3)),
                *(make_run(i, "A", 50, 0.60 + i / 1000) for i in range(3)),
                *(make_run(i, "B", 50, 0.30 + i / 1000) for i in range(3)),
            ],
            "A gains 15.0 points of macro-F1 with 50 texts; B loses",
        ),
        (RUNS[:2], "Test macro-F1 by number of synthetic texts"),
    ],
)
def test_the_title_claims_what_the_points_show(runs: list[TrainingRun], expected: str) -> None:
    assert charts.describe_gain(charts.aggregate_runs(runs, "macro_f1"), "macro_f1") == expected


def test_step_curves_stand_at_their_true_steps() -> None:
    points = [MetricPoint(step, 0.5, 1.0, step / 100, step / 200) for step in (20, 40, 60)]
    figure = charts.step_curves([Curve("run", "run 1", "#123456", points)], "accuracy", n_steps=60, majority=0.5)
    assert list(figure.data[0].x) == [20, 40, 60]
    assert list(figure.data[0].y) == [0.2, 0.4, 0.6]


def test_names_at_the_lines_ends_never_overlap() -> None:
    curves = [Curve(f"{i}", f"run {i}", "#123456", [MetricPoint(20, 0.5, 1.0, 0.5, 0.5 + i / 1000)]) for i in range(6)]
    figure = charts.step_curves(curves, "macro_f1", n_steps=20)
    heights = sorted(one.y for one in figure.layout.annotations)
    assert len(heights) == 6
    assert min(b - a for a, b in pairwise(heights)) >= 0.06


def test_names_from_data_are_no_html() -> None:
    figure = charts.label_shares({"<b>run</b>": {"<i>x</i>": 3}}, ("<i>x</i>", "y"))
    assert figure.data[0].name == "&lt;i&gt;x&lt;/i&gt;"
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;run&lt;/b&gt;",)


def test_runs_whose_long_names_begin_alike_keep_a_bar_each() -> None:
    name = "a language model with a long name"
    figure = charts.label_shares({f"{name} (run 1)": {"joy": 1}, f"{name} (run 2)": {"anger": 1}}, LABELS)
    assert all(len(set(trace.y)) == 2 for trace in figure.data)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 1]
    assert [row[1] for row in figure.data[0].customdata] == [f"{name} (run 1)", f"{name} (run 2)"]


def test_label_shares_add_up_and_keep_each_label_s_colour() -> None:
    figure = charts.label_shares({"a": {"joy": 1, "anger": 3}, "empty": {}}, LABELS)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 0]
    assert [trace.marker.color for trace in figure.data] == [charts.label_colour(LABELS, label) for label in LABELS]


def test_split_counts_and_the_funnel_show_the_given_numbers() -> None:
    counts = {(Split.POOL, "joy"): 5, (Split.TEST, "anger"): 2}
    figure = charts.split_counts(counts, LABELS)
    assert [list(trace.x) for trace in figure.data] == [[5, 0, 0], [0, 0, 0], [0, 2, 0]]
    funnel = charts.yield_funnel({"completed": 10, "parsed": 5})
    assert list(funnel.data[0].x) == [10, 5]
    assert funnel.data[0].text[1] == "5  (50%)"


def test_arms_recipes_and_runs_have_names() -> None:
    assert name_arm(["B", "A", "A"], TextUse.RAW) == "A + B · raw"
    assert name_arm(["A"], TextUse.NONE) == SEEDS_ONLY
    assert name_recipe(RUNS[0]) == name_recipe(RUNS[2])  # RNG seed, arm and size may differ
    assert name_recipe(RUNS[0]) != name_recipe(make_run(9, SEEDS_ONLY, 0, 0.5, steps=312))
    assert name_run(RUNS[2]) == "3 · GPT-J · raw · 50 texts"
