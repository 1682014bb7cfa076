"""The Train, Results, Presentation and Review pages with an experiment of linear probes on the real encoder."""

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import (
    ClassifierKind,
    LabelledText,
    PreparedData,
    QueueOrder,
    QueueRequest,
    ReviewAction,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    SeedSet,
    Split,
    Task,
    TextUse,
    Variant,
)
from pages.parts.review.orders import judged_by
from pages.parts.session import workbench
from storage import Store
from tests.app_test import Open, act, button, card, desk, errors
from tests.storage.test_experiments import create, drive, grid

pytestmark = pytest.mark.models


def plain(text: str) -> str:
    """The text without Markdown escapes."""
    return text.replace("\\", "")


def open_tab(app: AppTest, name: str) -> None:
    app.session_state["results_section"] = name
    app.run()
    assert errors(app) == []


def start(app: AppTest, *, n_seeds: int = 2) -> AppTest:
    """Start a grid of probes with the button on the page and run it to the end."""
    app.number_input(key="train_repeats").set_value(n_seeds).run()
    kinds = next(widget for widget in app.button_group if widget.key == "train_kinds")
    kinds.set_value([ClassifierKind.PROBE]).run()
    assert errors(app) == []
    app.button(key="train_start").click().run()
    assert workbench().runner.wait(60)
    app.run()
    return app


def test_relabelled_is_preselected_only_if_the_chosen_texts_were_reviewed(
    open_page: Open, bench: Store, filled: Task
) -> None:
    def labels(app: AppTest) -> list[str]:
        return next(
            widget for widget in app.button_group if (widget.key or "").startswith(f"train_{filled.id}_uses")
        ).value

    assert labels(open_page("train")) == [TextUse.RAW, TextUse.RELABELLED]
    bench.generations.import_texts(filled.id, "GPT-3", [LabelledText(f"new {i}", "joy") for i in range(12)])
    app = open_page("train")  # the newest writer is preselected
    assert labels(app) == [TextUse.RAW]
    chosen = next(widget for widget in app.button_group if (widget.key or "").startswith(f"train_{filled.id}_uses"))
    chosen.set_value([TextUse.RAW, TextUse.RELABELLED]).run()
    assert any("Nobody has reviewed these texts yet" in caption.value for caption in app.caption)


def test_without_synthetic_texts_the_page_says_how_to_get_some(
    open_page: Open, bench: Store, starter: PreparedData
) -> None:
    task = bench.tasks.create(starter)
    bench.tasks.create_seed_set(task.id, "3", bench.tasks.examples(task.id, Split.POOL)[:3])
    app = open_page("train")
    assert errors(app) == []
    assert any("generate or import some" in caption.value for caption in app.caption)


def test_a_grid_is_trained_from_the_page_and_described_in_words(open_page: Open, bench: Store, filled: Task) -> None:
    for text in bench.generations.texts([1])[1:9]:
        bench.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="a")
    app = open_page("train")
    labels = next(widget for widget in app.button_group if widget.key == f"train_{filled.id}_uses_True")
    labels.set_value([TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED]).run()
    assert any(
        "3 of the 11 relabelled texts" in caption.value and "reviewed only" in caption.value for caption in app.caption
    )
    app = start(app)
    assert errors(app) == []
    made = bench.experiments.all(filled.id)[0]
    assert made.state.status is RunStatus.DONE
    uses = [variant.use for variant in made.config.variants]
    assert uses == [TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED, TextUse.REAL]
    assert made.config.sizes == (10, 12) or made.config.sizes == (10,)
    runs = bench.experiments.runs(made.id)
    assert {run.config.rng_seed for run in runs} == {0, 1}
    assert {run.state.status for run in runs} == {RunStatus.DONE}
    accepted = {run.n_synthetic for run in runs if run.variant.use is TextUse.ACCEPTED}
    assert accepted == {8}  # all 8 texts although size 10 was chosen
    assert any(
        "accepted has 8 texts: its largest size is all of them" in plain(caption.value) for caption in app.caption
    )

    app = open_page("results")
    assert errors(app) == []
    names = {trace.get("name") for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]}
    assert {"raw", "relabelled", "real texts"} <= names
    assert any(
        "All variants with synthetic texts: GPT-J · linear probe" in plain(caption.value) for caption in app.caption
    )
    open_tab(app, "Runs")
    table = app.dataframe[-1].value
    assert len(table) == made.state.n_total == len(runs)
    for tab in ("Per label", "Over steps", "Label shares", "How sure"):
        open_tab(app, tab)
    assert any("from a bootstrap that draws test texts and RNG seeds again" in caption.value for caption in app.caption)
    tested = app.dataframe[-1].value.set_index(["variant", "synthetic"])["adjusted p"]
    largest = dict(sorted(tested.index))
    assert {point for point, p in tested.items() if p == p} == set(largest.items())  # one p per variant
    open_tab(app, "Disagreement")
    assert any("predicts another label for" in markdown.value for markdown in app.markdown)

    judges = bench.trainings.judging(filled.id)
    app.button(key="results_disagree").click().run()
    assert errors(app) == []
    holder = app.session_state["review_state"].holder
    bench.review_queue.hold([], holder=holder)  # AppTest does not stay on the page it was sent to
    review = open_page("review")
    review.selectbox(key="review_order").set_value(judged_by(judges[0].id)).run()
    dealt = [shown["id"] for shown in desk(review)["cards"]]
    assert len(dealt) == 3  # all texts not yet reviewed
    assert bench.review_queue.take(filled.id, QueueRequest(order=QueueOrder(judge_id=judges[0].id)), holder="x") == []
    judged = bench.trainings.judgements(judges[0].id, dealt)
    likes = [judged[text_id].label_prob for text_id in dealt]
    assert likes == sorted(likes)
    act(review, "skip")
    assert card(review)["id"] == dealt[1]
    assert any("classifier" in fact for fact in card(review)["facts"])


def test_more_rng_seeds_and_removal_from_the_page(open_page: Open, bench: Store, filled: Task) -> None:
    app = start(open_page("train"))
    made = bench.experiments.all(filled.id)[0]
    app.number_input(key=f"train_more_{made.id}").set_value(1).run()
    button(app, "Train 1 more per point")
    assert workbench().runner.wait(60)
    assert bench.experiments.get(made.id).config.rng_seeds == (0, 1, 2)
    app = open_page("train")
    app.button(key=f"train_remove_{made.id}").click().run()
    assert errors(app) == []
    assert made.id not in [experiment.id for experiment in bench.experiments.all(filled.id)]


def test_the_presentation_shows_the_experiment_in_its_address(open_page: Open, bench: Store, filled: Task) -> None:
    start(open_page("train"))
    older, newer = sorted(experiment.id for experiment in bench.experiments.all(filled.id))
    app = open_page("present")
    assert any(f"Experiment {newer}" in caption.value for caption in app.caption)
    app.query_params["experiment"] = str(older)
    app.run()
    assert errors(app) == []
    assert any(f"Experiment {older}" in caption.value for caption in app.caption)
    assert "gain 20.0 points of macro-F1" in plain(app.title[0].value)
    assert not app.button


def test_disagreement_orders_the_queue_and_texts_without_a_prediction_come_last(
    store: Store, task: Task, seed_set: SeedSet
) -> None:
    from augment.records import ClassifierKind
    from tests.storage.test_experiments import create, grid

    rows = [LabelledText("i am so happy and full of joy", label) for label in ("anger", "joy")]
    rows = [replace(row, text=f"{row.text} {i}") for i, row in enumerate(rows)]
    run = store.generations.import_texts(task.id, "LM", rows)
    raw = Variant(TextUse.RAW, (run.id,), kind=ClassifierKind.PROBE)
    experiment = create(store, task, replace(grid(seed_set, raw), sizes=(1,)))
    drive(store, experiment)
    unseen = store.generations.import_texts(task.id, "LM", [LabelledText("never seen", "joy")])
    judge = next(training_run for training_run in store.trainings.judging(task.id) if not training_run.n_synthetic)
    order = []
    for _ in range(3):
        (card,) = store.review_queue.take(task.id, QueueRequest(order=QueueOrder(judge_id=judge.id)), holder="a")
        order.append(card.label if card.run_id != unseen.id else "unseen")
        store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer="a")
    assert order == ["anger", "joy", "unseen"]
    assert store.reviews.count_status(task.id)[ReviewStatus.PENDING] == 0
    wrong = next(text for text in store.generations.texts([run.id]) if text.label == "anger")
    judged = store.trainings.judgements(judge.id, [wrong.id])[wrong.id]
    assert (judged.label, judged.prob > judged.label_prob) == ("joy", True)
    assert store.trainings.count_judged(judge.id) == (2, 1)


def test_the_experiment_of_a_dead_process_is_interrupted_with_its_runs(
    store: Store, task: Task, seed_set: SeedSet
) -> None:
    experiment = create(store, task, grid(seed_set))
    key = RunKey(RunKind.EXPERIMENT, experiment.id)
    store.start_run(key, "host:1:0")
    assert store.interrupt_dead(lambda _worker: False) == [key]
    assert {run.state.status for run in store.experiments.runs(experiment.id)} == {RunStatus.INTERRUPTED}
    store.experiments.requeue(experiment.id)
    assert {run.state.status for run in store.experiments.runs(experiment.id)} == {RunStatus.QUEUED}
    assert store.tasks.count_split(task.id, Split.TEST) == len(store.tasks.examples(task.id, Split.TEST))
