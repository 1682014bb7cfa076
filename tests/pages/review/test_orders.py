"""The queue's orders: compact codes in the address, display names, and a judge chosen on another page."""

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import QueueOrder, ReviewOrder, Task
from pages.parts.review.orders import ORDERS, judged_by, name_order, order_code, parse_order
from storage import Store
from tests.app_test import Open, card, desk, errors


def test_every_order_is_restored_from_its_code() -> None:
    orders = [*ORDERS, judged_by(12)]
    codes = [order_code(order) for order in orders]
    assert [parse_order(code) for code in codes] == orders
    assert len(set(codes)) == len(orders)
    assert {"disagreement", "second-opinion", "judge-12"} <= set(codes)


@pytest.mark.parametrize("code", ["", "newest first", "run 12", "judge-", "judge--1", "judge-1x", "judge-١", "Newest"])
def test_an_address_with_an_unknown_order_has_no_order(code: str) -> None:
    assert parse_order(code) is None


def test_a_classifier_named_like_an_order_is_not_mistaken_for_it() -> None:
    names = {3: "second opinion", 4: "newest first"}
    assert [name_order(judged_by(run_id), names) for run_id in names] == [
        "disagreement with second opinion",
        "disagreement with newest first",
    ]
    assert not judged_by(3).is_second


def test_the_order_in_the_address_is_used_and_kept_there(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("overview")
    app.query_params["order"] = "newest"
    app.switch_page("pages/review.py").run()
    assert errors(app) == []
    assert app.selectbox(key="review_order").value == QueueOrder(ReviewOrder.NEWEST)
    newest = max(text.id for run in bench.generations.all(filled.id) for text in bench.generations.texts([run.id]))
    assert card(app)["id"] == newest
    app.selectbox(key="review_order").set_value(QueueOrder(ReviewOrder.RANDOM)).run()
    assert app.query_params["order"] == "random"
    app.selectbox(key="review_order").set_value(ORDERS[0]).run()
    assert "order" not in app.query_params  # it is the default


def test_a_deleted_judge_is_forgotten(open_page: Open, filled: Task) -> None:
    app = open_page("overview")
    app.query_params["order"] = "judge-999"
    app.switch_page("pages/review.py").run()
    assert errors(app) == []
    assert app.selectbox(key="review_order").value == ORDERS[0]
    assert desk(app)["cards"]


def test_the_table_is_sorted_independently_of_the_queue(open_page: Open, bench: Store, filled: Task) -> None:
    app: AppTest = open_page("review")
    app.session_state["review_view"] = "Table"
    app.run()
    ids = list(app.dataframe[0].value["id"])
    assert ids == sorted(ids, reverse=True)
    app.selectbox(key="review_sort").set_value(ReviewOrder.OLDEST).run()
    assert list(app.dataframe[0].value["id"]) == sorted(ids)
    assert errors(app) == []
