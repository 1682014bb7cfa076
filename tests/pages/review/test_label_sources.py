"""The Labels tab with AppTest: ask a language model, import labels, accuracy; and its runs on other pages."""

import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import ReviewAction, RunKey, RunKind, RunStatus, Task, Verdict
from pages.parts.review.state import LABELS, VIEW
from storage import Store
from tests.app_test import Open, button, errors
from tests.label_server import LabelServer, serving_labels
from tests.pages.review.conftest import view
from workbench.jobs import worker_name


@pytest.fixture
def server() -> Iterator[LabelServer]:
    with serving_labels() as serving:
        yield serving


@pytest.fixture
def labels(review: AppTest) -> AppTest:
    """The open tab, on the twelve texts '![x](…/i) <b>text</b> i', of which one is rejected."""
    return view(review, LABELS)


def captions(app: AppTest) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in app.caption)


def table(app: AppTest) -> list[list[object]]:
    """The table of sources."""
    shown = next(frame for frame in app.dataframe if "right on decisions" in frame.value.columns)
    rows: list[list[object]] = shown.value.to_numpy().tolist()
    return rows


def choose_endpoint(app: AppTest, server: LabelServer) -> None:
    app.selectbox(key="review_labels_lm").set_value("An OpenAI-compatible endpoint").run()
    app.text_input(key="review_labels_endpoint_url").set_value(server.url).run()
    button(app, "List its models")
    app.selectbox(key="review_labels_endpoint_model").set_value("judge").run()


def wait_for(app: AppTest, bench: Store, task: Task) -> None:
    """Wait until the newest labelling run has ended, and rerun the page."""
    deadline = time.monotonic() + 60
    while bench.label_sources.all(task.id)[0].state.status.is_active and time.monotonic() < deadline:
        time.sleep(0.05)
    app.run()


def test_without_a_source_the_tab_says_what_it_is_for_and_offers_the_embedded_lm(labels: AppTest) -> None:
    assert errors(labels) == []
    assert any(markdown.value.startswith("**No second opinion yet.**") for markdown in labels.markdown)
    assert table(labels) == [["Label it was written with", "–", "–", 11, ""]]
    assert "per text, and some about each seed" in captions(labels)
    assert not next(widget for widget in labels.button if widget.label == "Ask about 11 texts").disabled


def test_an_endpoint_is_asked_after_its_cost_is_shown_and_its_accuracy_appears(
    labels: AppTest, bench: Store, filled: Task, server: LabelServer
) -> None:
    texts = bench.generations.texts([1])
    for text in texts[1:4]:
        bench.reviews.decide(text.id, Verdict(ReviewAction.RELABEL, "joy"), reviewer="Ada")
    choose_endpoint(labels, server)
    assert "Costs about" not in captions(labels)
    labels.number_input(key="review_labels_price_in").set_value(1000.0).run()
    assert "Costs about" in captions(labels)
    labels.number_input(key="review_labels_prompts").set_value(2).run()
    button(labels, "Ask about 11 texts")
    wait_for(labels, bench, filled)
    assert errors(labels) == []
    assert len(server.bodies) > 0
    source = bench.label_sources.all(filled.id)[0]
    assert (source.name, source.n_texts, source.state.status) == ("judge", 11, RunStatus.DONE)
    written, asked = table(labels)
    assert written[1] == "33% (6% to 79%) of 3"
    assert (asked[0], *asked[3:]) == ("judge", 11, "language model")
    assert f"cost {source.cost:.3g}" in captions(labels)
    assert "questions" in captions(labels)


def test_a_run_without_opinions_of_some_texts_can_go_on_and_be_removed(
    labels: AppTest, bench: Store, filled: Task, server: LabelServer
) -> None:
    server.n_answers = 0
    choose_endpoint(labels, server)
    button(labels, "Ask about 11 texts")
    wait_for(labels, bench, filled)
    assert "refused the key" in captions(labels)
    server.n_answers = 10_000
    button(labels, "Ask about 11 texts more")
    wait_for(labels, bench, filled)
    assert bench.label_sources.all(filled.id)[0].n_texts == 11
    assert "Ask about 11 texts more" not in [widget.label for widget in labels.button]
    button(labels, "Remove this source")
    assert bench.label_sources.all(filled.id) == []
    assert len(table(labels)) == 1


def test_labels_of_a_file_are_previewed_and_stored_as_a_source(labels: AppTest, bench: Store, filled: Task) -> None:
    texts = [text.text for text in bench.generations.texts([1])]
    lines = ["content,judge", f'"{texts[1].upper()}",joy', f'"{texts[2]}",anger', f'"{texts[3]}",', "unknown text,joy"]
    file = ("second.csv", "\n".join(lines).encode(), "text/csv")
    labels.file_uploader(key="review_labels_file_0").set_value([file]).run()
    assert "review_labels_import" not in [widget.key for widget in labels.button]  # no label column is chosen yet
    labels.selectbox(key="review_labels_label_column").set_value("judge").run()
    summary = "2 of 3 rows match 2 texts; 9 texts without a row"
    assert summary in [markdown.value.replace("\\", "") for markdown in labels.markdown]
    labels.text_input(key="review_labels_name").set_value("*Ben*").run()
    button(labels, "Store labels of 2 texts")
    assert errors(labels) == []
    assert [message.value.replace("\\", "") for message in labels.success] == [f"'*Ben*' stored: {summary}."]
    assert table(labels)[1] == ["*Ben*", "–", "–", 2, "file"]
    (opinions,) = bench.label_sources.opinions(filled.id)
    assert list(opinions.of_texts.values()) == [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    assert {text.label for text in bench.generations.texts([1])[1:3]} == {"anger", "surprise"}  # none has changed


def test_a_file_with_an_unknown_label_says_what_was_expected(labels: AppTest, bench: Store, filled: Task) -> None:
    file = ("second.csv", b"text,label\nanything,boredom\n", "text/csv")
    labels.file_uploader(key="review_labels_file_0").set_value([file]).run()
    (error,) = [found.replace("\\", "") for found in errors(labels)]
    assert "does not have: boredom. Expected joy, anger, surprise" in error
    assert bench.label_sources.all(filled.id) == []


def test_without_a_seed_set_nothing_can_be_asked(open_page: Open, bench: Store, filled: Task) -> None:
    with bench.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM experiment")
        connection.exec_driver_sql("DELETE FROM seed_set")
    app = view(open_page("review"), LABELS)
    assert [error for error in errors(app) if "Save a seed set first" in error] == errors(app) != []


def test_a_running_labelling_run_shows_on_every_page_and_a_broken_off_one_opens_the_tab(
    open_page: Open, bench: Store, filled: Task, server: LabelServer
) -> None:
    app = view(open_page("review"), LABELS)
    choose_endpoint(app, server)
    button(app, "Ask about 11 texts")
    wait_for(app, bench, filled)
    (source,) = bench.label_sources.all(filled.id)
    key = RunKey(RunKind.LABELLING, source.id)
    bench.runs.start(key, worker_name())
    app = open_page("overview")
    assert errors(app) == []
    assert any(markdown.value.startswith(f"Labelling run {source.id} · ") for markdown in app.markdown)
    bench.runs.finish(key, RunStatus.INTERRUPTED, "")
    app = open_page("overview")
    n = source.state.n_total
    assert f"Labelling run {source.id} was interrupted at {n} of {n}. Open it to resume." in captions(app)
    app.button(key="overview_open_labelling").click().run()
    assert app.session_state[VIEW] == LABELS
