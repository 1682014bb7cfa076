"""The table of the Review page: edited cells, bulk changes of selected texts, seeds and similar texts."""

from typing import Any

import pytest
import streamlit as st
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from augment.records import LabelledText, PageRequest, ReviewAction, ReviewStatus, StoredText, Task, TextFilters
from pages.parts.review import table as review_table
from storage import Store
from storage.schema import SyntheticTextRow
from tests.app_test import button, card, errors
from tests.pages.review.conftest import review_state, task_review, view

BULK = {"review_bulk_accept", "review_bulk_reject", "review_bulk_relabel"}


@pytest.fixture
def table(review: AppTest) -> AppTest:
    """The table of all twelve texts."""
    return view(review, "Table")


def bulk_buttons(app: AppTest) -> set[str]:
    return {widget.key for widget in app.button if widget.key in BULK}


def scope(app: AppTest) -> Any:
    (control,) = [group for group in app.get("button_group") if "review_scope" in str(group.proto.id)]
    return control


def pending(bench: Store, task: Task) -> list[StoredText]:
    return bench.reviews.page(task.id, TextFilters(status=ReviewStatus.PENDING))


# Bulk changes --------------------------------------------------------------------------------------------------------


def test_nothing_is_selected_at_first(table: AppTest) -> None:
    assert bulk_buttons(table) == set()
    assert table.button(key="review_select_all").label == "Select all 12 that match"


def test_bulk_actions_apply_to_ticked_rows_if_there_are_any(table: AppTest, bench: Store, filled: Task) -> None:
    ticked = pending(bench, filled)[:2]
    task_review(table.session_state, filled).ticked_ids = frozenset(text.id for text in ticked)
    table.run()
    assert bulk_buttons(table) == BULK
    assert [option.content for option in scope(table).proto.options] == ["2 ticked", "all 12 that match"]
    table.button(key="review_bulk_reject").click().run()
    table.button(key="review_bulk_do").click().run()
    assert errors(table) == []
    assert bench.reviews.count_status(filled.id)[ReviewStatus.REJECTED] == 3
    assert {bench.reviews.text(text.id).status for text in ticked} == {ReviewStatus.REJECTED}
    assert bulk_buttons(table) == set()  # they are no longer ticked


def test_with_ticked_rows_all_matching_texts_can_still_be_chosen(table: AppTest, bench: Store, filled: Task) -> None:
    task_review(table.session_state, filled).ticked_ids = frozenset([pending(bench, filled)[0].id])
    table.run()
    scope(table).set_value("matching").run()
    table.button(key="review_bulk_reject").click().run()
    assert table.button(key="review_bulk_do").label == "Reject 12 texts"


def test_changing_the_filter_clears_the_selection(table: AppTest) -> None:
    table.button(key="review_select_all").click().run()
    assert bulk_buttons(table) == BULK
    table.selectbox(key="review_label").set_value("anger").run()
    assert bulk_buttons(table) == set()
    table.button(key="review_select_all").click().run()
    table.button(key="review_deselect").click().run()
    assert bulk_buttons(table) == set()


def test_a_ticked_text_that_somebody_decided_on_since_is_left_unchanged(
    table: AppTest, bench: Store, filled: Task
) -> None:
    first, second = pending(bench, filled)[:2]
    task_review(table.session_state, filled).ticked_ids = frozenset([first.id, second.id])
    table.run()
    table.button(key="review_bulk_accept").click().run()
    bench.reviews.decide(first.id, ReviewAction.REJECT, reviewer="Bob")
    table.button(key="review_bulk_do").click().run()
    assert [bench.reviews.text(text.id).status.value for text in (first, second)] == ["rejected", "accepted"]
    assert any("1 text left unchanged" in error for error in errors(table))


# Columns and cells ---------------------------------------------------------------------------------------------------


def test_the_table_shows_the_lm_s_likeliest_label_with_its_probability(
    review: AppTest, bench: Store, filled: Task
) -> None:
    doubtful = pending(bench, filled)[0]
    with bench.engine.begin() as connection:
        query = update(SyntheticTextRow).where(SyntheticTextRow.id == doubtful.id)
        connection.execute(query.values(label_probs=[0.1, 0.2, 0.7], confidence=0.7, label_prob=0.1))
    rows = view(review, "Table").dataframe[0].value
    assert "confidence" not in rows
    likeliest = dict(zip(rows["id"], rows["LM's likeliest label"], strict=True))
    assert likeliest.pop(doubtful.id) == "surprise 0.70"  # regardless of its label
    assert set(likeliest.values()) == {""}


def test_cleared_filters_show_all_texts(review: AppTest, bench: Store, filled: Task) -> None:
    app = view(review, "Table")
    app.text_input(key="review_search").set_value("text 3").run()
    app.slider(key="review_confidence").set_value((0.2, 0.9)).run()
    assert any("No text matches the filters" in message.value for message in app.info)
    app.button(key="review_clear").click().run()
    assert errors(app) == []
    assert len(app.dataframe[0].value) == 12


def test_all_matching_texts_are_changed_after_a_confirmation_and_undone_in_one_step(
    review: AppTest, bench: Store, filled: Task
) -> None:
    app = view(review, "Table")
    app.selectbox(key="review_label").set_value("anger").run()
    app.button(key="review_select_all").click().run()
    app.selectbox(key="review_bulk_label").set_value("joy").run()
    app.button(key="review_bulk_relabel").click().run()
    assert bench.reviews.count(filled.id, TextFilters(label="anger")) == 4  # not changed before the confirmation
    app.button(key="review_bulk_do").click().run()
    assert errors(app) == []
    assert bench.reviews.count(filled.id, TextFilters(label="anger")) == 0
    app.button(key="review_table_undo").click().run()
    assert bench.reviews.count(filled.id, TextFilters(label="anger")) == 4
    assert bench.reviews.count_status(filled.id)[ReviewStatus.PENDING] == 11


def test_edited_cells_become_events_and_repeated_callbacks_do_not(
    bench: Store, filled: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AppTest cannot edit a grid, so the test calls its callback as Streamlit would: twice for one edit."""
    state: dict[str, object] = {"reviewer_name": "Ada"}
    monkeypatch.setattr(st, "session_state", state)
    texts = bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.PENDING))
    state["grid"] = {
        "edited_rows": {0: {"label": "surprise", "tick": True}, 2: {"text": "=1+1 **x**"}, 3: {"tick": True}}
    }
    for _ in range(2):
        review_table.take_edits(filled.id, "grid", texts)
    assert bench.reviews.text(texts[0].id).label == "surprise"
    assert bench.reviews.text(texts[2].id).text == "=1+1 **x**"
    assert bench.reviews.text(texts[3].id).status is ReviewStatus.PENDING
    assert task_review(state, filled).ticked_ids == {texts[0].id, texts[3].id}
    assert sum(len(bench.reviews.history(text.id)) for text in texts) == 2
    bench.reviews.decide(texts[4].id, ReviewAction.REJECT, reviewer="Bob")
    edits = {1: {"text": " "}, 4: {"label": "joy"}, 5: {"note": "counts all the same"}}
    state["grid"] = {"edited_rows": edits}
    review_table.take_edits(filled.id, "grid", texts)
    error = review_state(state).table_error.take()
    assert "cannot be empty" in error
    assert "Bob decided on" in error
    assert bench.reviews.text(texts[4].id).status is ReviewStatus.REJECTED
    assert bench.reviews.text(texts[5].id).note == "counts all the same"


def test_ticked_texts_become_seeds(
    review: AppTest, bench: Store, filled: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticked = [
        text.id for text in bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.PENDING), PageRequest(size=2))
    ]
    task_review(review.session_state, filled).ticked_ids = frozenset(ticked)
    review.session_state["review_more"] = True  # the popover is open
    app = button(view(review, "Table"), "Make 2 seeds")
    assert errors(app) == []
    newest = bench.tasks.seed_sets(filled.id)[0]
    assert len(newest.examples) == 32
    assert any("choose it on the Prompt page" in message.value for message in app.success)


@pytest.mark.models
def test_similar_texts_come_nearest_first_and_the_address_keeps_the_text(
    review: AppTest, bench: Store, filled: Task
) -> None:
    texts = ["the cat sat on the mat", "a cat is sitting on a mat", "stocks fell sharply on monday"]
    run = bench.generations.import_texts(filled.id, "cats", [LabelledText(text, "joy") for text in texts])
    first = bench.generations.texts([run.id])[0]
    review.query_params["near"] = str(first.id)
    app = view(review, "Table")
    assert errors(app) == []
    table = app.dataframe[0].value
    assert list(table["text"][:2]) == texts[:2]
    assert list(table["similarity"]) == sorted(table["similarity"], reverse=True)
    button(app, "Show all again")
    assert "near" not in app.query_params
    assert "similarity" not in app.dataframe[0].value


def test_an_address_with_an_unknown_text_shows_all_texts(review: AppTest) -> None:
    review.query_params["near"] = "99999"
    assert len(view(review, "Table").dataframe[0].value) == 12


def test_a_ticked_row_opens_as_a_card_regardless_of_filters(review: AppTest, bench: Store, filled: Task) -> None:
    target = bench.reviews.page(filled.id, TextFilters(label="surprise"))[-1]
    app = view(review, "Table")
    task_review(app.session_state, filled).ticked_ids = frozenset({target.id})
    app.session_state["review_more"] = True
    app.selectbox(key="review_label").set_value("surprise").run()
    app.button(key="review_open").click().run()
    assert errors(app) == []
    assert card(app)["text"] == target.text


def test_an_invalid_address_still_shows_the_page(review: AppTest) -> None:
    review.query_params["near"] = "9" * 40
    assert errors(view(review, "Table")) == []
