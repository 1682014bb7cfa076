"""Orders of the queue and the table: what people call them, and the queue's codes in the address."""

import re
from collections.abc import Mapping

from augment.records import QueueOrder, ReviewOrder

DEFAULT_ORDER = QueueOrder(ReviewOrder.DISAGREEMENT)
SECOND_OPINION = QueueOrder(ReviewOrder.DISAGREEMENT, is_second=True)
ORDERS = (*(QueueOrder(sort) for sort in ReviewOrder), SECOND_OPINION)
SORT_NAMES = {
    ReviewOrder.DISAGREEMENT: "disagreement first",
    ReviewOrder.LEAST_CONFIDENT: "least confident first",
    ReviewOrder.LEAST_SURE: "least sure consensus first",
    ReviewOrder.NEWEST: "newest first",
    ReviewOrder.OLDEST: "oldest first",
    ReviewOrder.RUN: "run by run",
    ReviewOrder.RANDOM: "random",
}
CONSENSUS_ORDER = QueueOrder(ReviewOrder.LEAST_SURE)
_SECOND_CODE = "second-opinion"
_JUDGE_CODE = re.compile(r"judge-(\d{1,9})", re.ASCII)


def judged_by(run_id: int) -> QueueOrder:
    """Order by one training run's classifier: the texts whose label it finds least likely come first."""
    return QueueOrder(ReviewOrder.DISAGREEMENT, judge_id=run_id)


def name_order(order: QueueOrder, judges: Mapping[int, str]) -> str:
    """What the order is called; `judges` names the classifiers by training run."""
    if order.judge_id is not None:
        return f"disagreement with {judges[order.judge_id]}"
    return "second opinion" if order.is_second else SORT_NAMES[order.sort]


def order_code(order: QueueOrder) -> str:
    """The order in the address: 'newest', 'second-opinion', 'judge-12'."""
    if order.judge_id is not None:
        return f"judge-{order.judge_id}"
    return _SECOND_CODE if order.is_second else order.sort.value


def parse_order(code: str) -> QueueOrder | None:
    """The order of an address, or None where there is no such order."""
    if judge := _JUDGE_CODE.fullmatch(code):
        return judged_by(int(judge[1]))
    return next((order for order in ORDERS if order_code(order) == code), None)
