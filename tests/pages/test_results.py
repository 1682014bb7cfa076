"""What the Results page and the presentation say beside the answer, from constructed runs."""

import pytest

from augment.records import (
    ExperimentConfig,
    ExperimentProgress,
    ExperimentRecord,
    LabelledText,
    MetricPoint,
    Prediction,
    PreparedData,
    RunEnded,
    RunKey,
    RunKind,
    RunMeasured,
    RunStarted,
    RunStatus,
    Split,
    Task,
    TrainingConfig,
)
from augment.results.bootstrap import Predicted
from storage import Store
from tests.app_test import Open, errors


@pytest.mark.parametrize("page", ["results", "present"])
def test_one_rng_seed_is_said_to_be_too_few(open_page: Open, filled: Task, page: str) -> None:
    shown = [markdown.value.replace("\\", "") for markdown in open_page(page).markdown]
    assert "raw, 12 texts: 4 more RNG seeds would show how much training varies." in shown


def test_results_and_presentation_warn_of_a_weak_test_split(open_page: Open, bench: Store) -> None:
    rows = tuple(LabelledText(f"i feel fine {i}", "joy") for i in range(28))
    splits = {Split.POOL: rows[:20], Split.TEST: rows[20:]}
    task = bench.tasks.create(PreparedData("Small", "test", ("joy", "anger"), splits))
    seed_set = bench.tasks.create_seed_set(task.id, "6", bench.tasks.examples(task.id, Split.POOL)[:6])
    config = ExperimentConfig(seed_set.id, TrainingConfig(task.labels), (), sizes=(), rng_seeds=(0,))
    made = bench.experiments.create(task.id, "", config)
    (run,) = bench.experiments.runs(made.id)
    records: list[ExperimentRecord] = [
        RunStarted(run.id, run.n_train, ()),
        RunMeasured(run.id, MetricPoint(125, 0.1, 0.9, 0.5, 0.5)),
        RunEnded(run.id, RunStatus.DONE, "", 8.0, 125),
    ]
    bench.experiments.write(made.id, records, ExperimentProgress(1, 1, 8.0))
    bench.runs.finish(RunKey(RunKind.EXPERIMENT, made.id), RunStatus.DONE, "")
    for page in ("results", "present"):
        app = open_page(page)
        assert errors(app) == []
        warnings = [warning.value.replace("\\", "") for warning in app.warning]
        assert [warning.partition(",")[0] for warning in warnings] == [
            "The test split has only 8 texts",
            "All 8 test texts have the label joy",
        ]


def test_overview_and_results_give_the_same_answer_and_the_same_next_step(open_page: Open, filled: Task) -> None:
    overview, results = open_page("overview"), open_page("results")
    (sentence,) = [subheader.value for subheader in results.subheader]
    assert sentence in [subheader.value for subheader in overview.subheader]
    (step,) = [markdown.value for markdown in results.markdown if markdown.value.startswith("Next")]
    assert step in [markdown.value for markdown in overview.markdown]
    to_train = results.button(key="results_continue")
    assert to_train.label == overview.button(key="overview_next").label == "Continue: train"
    to_train.click().run()
    assert errors(results) == []
    assert [title.value for title in results.title] == ["Train"]


def test_overview_reads_predictions_once_and_shares_them_with_results(
    open_page: Open, bench: Store, filled: Task
) -> None:
    (experiment,) = bench.experiments.all(filled.id)
    n_test = bench.tasks.count_split(filled.id, Split.TEST)
    records = [
        RunMeasured(run.id, Prediction(i, filled.labels[(i + run.id) % 3], (0.8, 0.1, 0.1)))
        for run in bench.experiments.runs(experiment.id)
        for i in range(n_test)
    ]
    bench.experiments.write(experiment.id, records, ExperimentProgress(2, 2, 16.0))
    app = open_page("overview")

    def read() -> list[Predicted]:
        return list(app.session_state["results_evidence"].comparisons[experiment.id,].predicted.values())

    first = read()
    assert len(first) == 2
    for page in ("overview", "results", "overview"):
        app.switch_page(f"pages/{page}.py").run()
        assert errors(app) == []
        assert [now is before for now, before in zip(read(), first, strict=True)] == [True, True]
