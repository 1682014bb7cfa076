"""Figures from counts, and the names on every chart."""

from datetime import UTC, datetime

import pytest

from augment.records import (
    ArmSpec,
    ClassifierKind,
    Experiment,
    ExperimentConfig,
    MetricPoint,
    RunState,
    RunStatus,
    Split,
    TextFilter,
    TextUse,
    TrainingConfig,
    TrainingRun,
)
from augment.results.charts import counts
from augment.results.variants import SEEDS_ONLY, name_arm, name_baseline, name_recipe, name_run

LABELS = ("joy", "anger", "surprise")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DONE = RunState(RunStatus.DONE, "", 125, 125, 9.0, NOW, NOW, NOW)


def make_run(
    arm: str,
    n: int,
    macro_f1: float | None,
    *,
    rng_seed: int = 0,
    kind: ClassifierKind = ClassifierKind.FINE_TUNED,
    arm_id: int | None = None,
) -> TrainingRun:
    """A finished run; its accuracy is 0.1 above its macro-F1. Without one it is not measured."""
    return TrainingRun(
        id=rng_seed + 1,
        task_id=1,
        experiment_id=1,
        arm_id=arm_id,
        arm=arm,
        n_synthetic=n,
        n_train=30 + n,
        config=TrainingConfig(LABELS, kind=kind, rng_seed=rng_seed),
        state=DONE,
        last=None if macro_f1 is None else MetricPoint(125, 0.1, 1.0, macro_f1 + 0.1, macro_f1),
    )


def test_names_from_data_are_no_html() -> None:
    figure = counts.label_shares({"<b>run</b>": {"<i>x</i>": 3}}, ("<i>x</i>", "y"))
    assert figure.data[0].name == "&lt;i&gt;x&lt;/i&gt;"
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;run&lt;/b&gt;",)


def test_runs_whose_long_names_begin_alike_keep_a_bar_each() -> None:
    name = "a language model with a long name"
    figure = counts.label_shares({f"{name} (run 1)": {"joy": 1}, f"{name} (run 2)": {"anger": 1}}, LABELS)
    assert all(len(set(trace.y)) == 2 for trace in figure.data)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 1]
    assert [row[1] for row in figure.data[0].customdata] == [f"{name} (run 1)", f"{name} (run 2)"]


def test_label_shares_add_up_and_keep_each_label_s_colour() -> None:
    figure = counts.label_shares({"a": {"joy": 1, "anger": 3}, "empty": {}}, LABELS)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 0]
    assert [trace.marker.color for trace in figure.data] == [counts.label_colour(LABELS, label) for label in LABELS]


def test_split_counts_and_the_funnel_show_the_given_numbers() -> None:
    examples = {(Split.POOL, "joy"): 5, (Split.TEST, "anger"): 2}
    figure = counts.split_counts(examples, LABELS)
    assert [list(trace.x) for trace in figure.data] == [[5, 0, 0], [0, 0, 0], [0, 2, 0]]
    funnel = counts.yield_funnel({"completed": 10, "parsed": 5})
    assert list(funnel.data[0].x) == [10, 5]
    assert funnel.data[0].text[1] == "5  (50%)"


def test_quotes_in_names_stand_as_they_are() -> None:
    assert counts.plain("\"A\" & 'B' <i>") == "\"A\" &amp; 'B' &lt;i&gt;"
    assert counts.shorten("abcdef", 6) == "abcdef"
    assert counts.shorten("abcd efg", 6) == "abcd…"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (ArmSpec(TextUse.RAW, (1,)), "A + B · raw"),
        (ArmSpec(TextUse.RAW, (1,), TextFilter(agrees=True)), "A + B · raw · agreed"),
        (ArmSpec(TextUse.SOFT, (1,), kind=ClassifierKind.PROBE), "A + B · soft labels · linear probe"),
        (ArmSpec(TextUse.REAL), "real texts"),
    ],
)
def test_arms_have_names(spec: ArmSpec, expected: str) -> None:
    assert name_arm(["B", "A", "A"], spec) == expected


def test_baselines_runs_and_recipes_have_names() -> None:
    assert name_baseline(ClassifierKind.FINE_TUNED) == SEEDS_ONLY
    assert name_baseline(ClassifierKind.PROBE) == "seeds only · linear probe"
    assert name_run(make_run("GPT-J · raw", 50, 0.5, rng_seed=2)) == "3 · GPT-J · raw · 50 texts · RNG seed 2"

    def recipe(steps: int, rng_seeds: tuple[int, ...] = (0, 1)) -> str:
        config = ExperimentConfig(1, TrainingConfig(LABELS, steps=steps), rng_seeds=rng_seeds)
        return name_recipe(Experiment(1, 1, "first", config, (), DONE, NOW))

    assert recipe(125) == recipe(125, (2, 3)) != recipe(312)
