"""Filters: a label, an LM or a strategy may be named 'any', and filters survive a change of tab."""

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import LabelledText, PreparedData, Split, Task
from storage import Store
from tests.app_test import Open, card, errors
from tests.pages.review.conftest import view

LABELS = ("any", "None")


@pytest.fixture
def awkward(bench: Store) -> Task:
    """A task whose labels and LMs have the same name as the choice that filters nothing."""
    task = bench.tasks.create(PreparedData("t", "s", LABELS, {Split.POOL: (LabelledText("real", "any"),)}))
    for lm_name in ("any", "other"):
        texts = [LabelledText(f"{label} by {lm_name}", label) for label in LABELS]
        bench.generations.import_texts(task.id, lm_name, texts)
    return task


def texts_of(app: AppTest) -> set[str]:
    return set(app.dataframe[0].value["text"])


def test_a_label_and_an_lm_named_any_can_be_used_as_filters(open_page: Open, awkward: Task) -> None:
    app = view(open_page("review"), "Table")
    everything = {"any by any", "None by any", "any by other", "None by other"}
    assert texts_of(app) == everything
    app.selectbox(key="review_label").set_value("any").run()
    assert texts_of(app) == {"any by any", "any by other"}
    app.selectbox(key="review_lm").set_value("any").run()
    assert texts_of(app) == {"any by any"}
    app.selectbox(key="review_label").set_value("None").run()
    assert texts_of(app) == {"None by any"}
    app.button(key="review_clear").click().run()
    assert texts_of(app) == everything
    assert errors(app) == []


def test_an_address_can_filter_by_a_label_and_an_lm_named_any(open_page: Open, awkward: Task) -> None:
    app = open_page("overview")
    app.query_params["review_label"] = "any"
    app.query_params["review_lm"] = "any"
    app.switch_page("pages/review.py").run()
    assert errors(app) == []
    assert (app.selectbox(key="review_label").value, app.selectbox(key="review_lm").value) == ("any", "any")
    assert card(app)["text"] == "any by any"
    assert app.selectbox(key="review_strategy").value is None


def test_an_address_with_an_unknown_label_filters_nothing(open_page: Open, awkward: Task) -> None:
    app = open_page("overview")
    app.query_params["review_label"] = "joy"
    app.switch_page("pages/review.py").run()
    assert errors(app) == []
    assert app.selectbox(key="review_label").value is None


def test_filters_stay_when_another_tab_is_opened(open_page: Open, awkward: Task) -> None:
    app = open_page("review")
    app.selectbox(key="review_lm").set_value("other").run()
    app.text_input(key="review_search").set_value("None").run()
    for tab in ("Table", "Was it worth it", "Table"):
        view(app, tab)
    assert texts_of(app) == {"None by other"}
    assert card(view(app, "Card"))["text"] == "None by other"
    assert errors(app) == []


def test_runs_and_prompts_are_filtered_by_identity_not_name(open_page: Open, awkward: Task, bench: Store) -> None:
    first = bench.generations.all(awkward.id)[-1]
    app = view(open_page("review"), "Table")
    app.selectbox(key="review_run").set_value(first.id).run()
    assert texts_of(app) == {f"{label} by {first.lm_name}" for label in LABELS}
    assert errors(app) == []
