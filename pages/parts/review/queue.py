"""Which cards come next: asks the queue for them, in the chosen order, and keeps what this tab has open."""

from dataclasses import replace

import streamlit as st

from augment.records import QueueOrder, QueueRequest, ReviewStatus, StoredText, Task, TextFilters
from pages.parts.review.history import ReviewHistory
from pages.parts.review.orders import CONSENSUS_ORDER, DEFAULT_ORDER, ORDERS, judged_by, name_order, order_code
from pages.parts.review.state import ORDER, chosen_order, has_order, review_state, task_review, use_order
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench
from workbench.comparisons import name_runs

N_JUDGES = 12
N_DEALT = 4  # the open card, and those that the browser has ready for the next keys


def is_blind(card: StoredText) -> bool:
    """Whether others' decisions are hidden until the reviewer has decided too: a second opinion must be independent."""
    if not chosen_order().is_second or card.status is ReviewStatus.PENDING:
        return False
    return not workbench().store.reviews.has_decided(card.id, reviewer=reviewer())


def next_cards(task: Task, filters: TextFilters) -> list[StoredText]:
    """The open card and the ones after it, all lent to this tab; none when nothing waits."""
    store, state = workbench().store, task_review(task.id)
    order, holder, history = chosen_order(), review_state().holder, state.history
    if state.queue not in (None, (filters, order)):
        history.restart()
    state.queue = (filters, order)
    if state.opened_id is not None:
        history.insert(state.opened_id)
        state.opened_id = None
    window = history.coming[:N_DEALT]
    cards = {card.id: card for card in store.reviews.texts(window)}
    for gone_id in (text_id for text_id in window if text_id not in cards):
        history.forget(gone_id)
    held = store.review_queue.hold(list(cards), holder=holder)
    history.keep_ahead({id_ for id_ in held if order.is_second or cards[id_].status is ReviewStatus.PENDING})
    history.show_next()
    if history.current is not None and history.current != window[0]:  # which somebody else has by now
        held = store.review_queue.hold(history.coming[:N_DEALT], holder=holder)
    if len(history.coming) < N_DEALT:
        request = QueueRequest(filters, order, reviewer(), N_DEALT - len(history.coming))
        cards |= {card.id: card for card in _take(task, request, history)}
    if history.current in window and history.current not in held:
        review_state().card_error.text = "Somebody else has this card open too. Only one decision will count."
    return [cards[text_id] for text_id in history.coming[:N_DEALT] if text_id in cards]


def _take(task: Task, request: QueueRequest, history: ReviewHistory) -> list[StoredText]:
    """More cards from the queue; when all others are done, those that were skipped."""
    found: list[StoredText] = []
    for _ in range(2):
        request = replace(request, is_first_shown=history.current is None, skipped=frozenset(history.skipped))
        found = workbench().store.review_queue.take(task.id, request, holder=review_state().holder)
        if found or history.current is not None or not history.skipped:
            break
        history.skipped.clear()
    history.ahead += [card.id for card in found]
    history.show_next()
    return found


def list_judges(task: Task) -> dict[int, str]:
    """The newest classifiers that judged texts, and the chosen one, by name; a choice that is gone is forgotten."""
    trainings = workbench().store.trainings
    judges, chosen = trainings.judging(task.id, limit=N_JUDGES), chosen_order().judge_id
    if chosen is not None and chosen not in {run.id for run in judges}:
        older = [run for run in trainings.judging(task.id) if run.id == chosen]
        judges = [*judges, *older]
        if not older:
            use_order(DEFAULT_ORDER)
    return name_runs(workbench(), judges)


def choose_order(task: Task) -> str:
    """What comes first in the queue, by name; the address has its code.

    At first the texts that label sources together are least sure of, once they have been compared: decisions on these
    make more labels right than decisions in random order, on all tasks that were tried (docs/LOG.md).
    """
    has_consensus = workbench().store.consensus.newest(task.id) is not None
    if has_consensus and not has_order():
        use_order(CONSENSUS_ORDER)
    judges = list_judges(task)
    has_consensus = has_consensus or chosen_order() == CONSENSUS_ORDER
    orders = [order for order in ORDERS if order != CONSENSUS_ORDER or has_consensus]
    order: QueueOrder = st.selectbox(
        "Order",
        [*orders, *map(judged_by, judges)],
        format_func=lambda order: name_order(order, judges),
        key=ORDER,
        persist_state="session",
        width=420,
        help="**Least sure consensus first** starts with texts that all label sources together are least sure of: the "
        "other labels gain most from these decisions. **Disagreement first** starts with texts whose label the "
        "language model, or a trained classifier, finds least likely, **least confident first** with texts for which "
        "the language model finds no label likely. **Random** is a fair sample. **Second opinion** shows texts that "
        "others have reviewed and you have not; their decision is hidden until you decide.",
    )
    if order == DEFAULT_ORDER:
        st.query_params.pop("order", None)
    elif st.query_params.get("order") != order_code(order):
        st.query_params["order"] = order_code(order)
    return name_order(order, judges)
