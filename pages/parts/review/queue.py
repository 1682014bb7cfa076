"""Which cards come next: the queue's order, the way through the cards, and what others have open."""

import re
from collections.abc import Mapping
from uuid import uuid4

import streamlit as st

from augment.records import QueueOrder as RecordedOrder
from augment.records import QueueRequest, ReviewOrder, ReviewStatus, StoredText, Task, TextFilters, TrainingRun
from augment.results.variants import name_run
from pages.parts.review.history import Trail
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench

N_JUDGES = 12
N_DEALT = 4  # the card on the desk, and those that the browser has ready for the next keys
SECOND = "second opinion"
DISAGREEMENT_WITH = "disagreement with "


class QueueOrder:
    """The chosen order of the queue, as the select box names it."""

    def __init__(self, name: str) -> None:
        self.is_second = name == SECOND
        self.judge_id = int(name.removeprefix("run ")) if name.startswith("run ") else None
        known = {one.value: one for one in ReviewOrder}
        self.order = known.get(name, ReviewOrder.DISAGREEMENT)


def chosen_order() -> QueueOrder:
    """The order as it is chosen now."""
    return QueueOrder(st.session_state.get("review_order") or ReviewOrder.DISAGREEMENT)


def is_blind(card: StoredText) -> bool:
    """Whether others' decision is kept from the reviewer, until there is one of their own: opinions must be two."""
    if not chosen_order().is_second or card.status is ReviewStatus.PENDING:
        return False
    return not workbench().store.reviews.has_decided(card.id, reviewer=reviewer())


def review_trail() -> Trail:
    """This tab's way through the cards."""
    trail: Trail = st.session_state.setdefault("review_trail", Trail())
    return trail


def holder() -> str:
    """This browser tab's name in the queue."""
    name: str = st.session_state.setdefault("review_holder", uuid4().hex)
    return name


def open_card(text_id: int) -> None:
    """A callback: show that text on the Card tab next, whatever the filters are."""
    st.session_state["review_opened"] = text_id
    st.session_state["review_view"] = "Card"


def next_cards(task: Task, filters: TextFilters) -> list[StoredText]:
    """The card on the desk and the ones after it, all lent to this tab; none where nothing waits."""
    store, trail = workbench().store, review_trail()
    wanted = (task.id, filters, st.session_state.get("review_order"))
    if st.session_state.setdefault("review_wanted", wanted) != wanted:
        st.session_state["review_wanted"] = wanted
        trail.start_anew()
    if (opened := st.session_state.pop("review_opened", None)) is not None:
        trail.insert(opened)
    window = trail.coming[:N_DEALT]
    there = {one.id: one for one in store.reviews.texts(window)}
    for gone in (one for one in window if one not in there):
        trail.forget(gone)
    held = store.review_queue.hold(list(there), holder=holder())
    trail.keep_ahead({one for one in held if chosen_order().is_second or there[one].status is ReviewStatus.PENDING})
    trail.show_next()
    if trail.current is not None and trail.current != window[0]:  # which somebody else has by now
        held = store.review_queue.hold(trail.coming[:N_DEALT], holder=holder())
    if len(trail.coming) < N_DEALT:
        there |= {one.id: one for one in _take(task, filters, N_DEALT - len(trail.coming))}
    if trail.current in window and trail.current not in held:
        st.session_state["review_error"] = "Somebody else has this card open too. Only one decision will count."
    return [there[one] for one in trail.coming[:N_DEALT] if one in there]


def _take(task: Task, filters: TextFilters, n: int) -> list[StoredText]:
    """More cards from the queue; when all others are done, those that were skipped."""
    trail, order = review_trail(), chosen_order()
    found: list[StoredText] = []
    for _ in range(2):
        request = QueueRequest(
            filters,
            RecordedOrder(order.order, order.judge_id, order.is_second),
            reviewer(),
            n,
            is_first_shown=trail.current is None,
            skipped=frozenset(trail.passed),
        )
        found = workbench().store.review_queue.take(task.id, request, holder=holder())
        if found or trail.current is not None or not trail.passed:
            break
        trail.passed.clear()
    trail.ahead += [one.id for one in found]
    trail.show_next()
    return found


def list_judges(task: Task) -> dict[str, TrainingRun]:
    """The newest classifiers that judged texts, and the chosen one; a choice that is gone is forgotten."""
    store = workbench().store
    judges = {f"run {run.id}": run for run in store.trainings.judging(task.id, limit=N_JUDGES)}
    chosen = str(st.session_state.get("review_order") or "")
    if in_address := re.match(rf"{DISAGREEMENT_WITH}(\d{{1,9}}) ", st.query_params.get("review_order", "")):
        chosen = chosen or f"run {in_address[1]}"
    if chosen.startswith("run ") and chosen not in judges:
        older = [run for run in store.trainings.judging(task.id) if f"run {run.id}" == chosen]
        judges |= {f"run {run.id}": run for run in older}
        if not older:
            st.session_state["review_order"] = None
    return judges


def choose_order(judges: Mapping[str, TrainingRun]) -> None:
    """What comes first in the queue."""
    st.selectbox(
        "Order",
        [*(one.value for one in ReviewOrder), SECOND, *judges],
        format_func=lambda one: DISAGREEMENT_WITH + name_run(judges[one]) if one in judges else one,
        key="review_order",
        bind="query-params",
        persist_state="session",
        help="Disagreement first: whose label the LM, or a trained classifier, holds least likely; it finds wrong "
        "labels fastest. Least confident: whose likeliest label is least likely. Random: a fair sample, often the "
        "better one to train on where a part is reviewed and the rest left out (docs/RESULTS.md). Second opinion: "
        "what others decided on and you did not; their decision is not shown before yours",
    )
