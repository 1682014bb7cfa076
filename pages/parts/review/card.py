"""The Card tab: the desk with the next cards first, then who reviews, the order and the filters.

The desk is a fragment: a key reruns nothing else. `navigation.follow_reviews` keeps the number in the navigation bar.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from augment.records import ReviewStatus, ReviewStep, StoredText, Task, TextConsensus, TextFilters, TextJudged
from augment.results.charts.counts import label_colour
from augment.wording import plural
from pages.parts.formats import escape_markdown, name_flag
from pages.parts.layout import literal, show_error, showing_errors
from pages.parts.navigation import follow_reviews
from pages.parts.review.actions import apply_actions
from pages.parts.review.desk import show_desk
from pages.parts.review.filters import choose_filters
from pages.parts.review.history import ReviewHistory
from pages.parts.review.label_sources.consensus import describe_consensus, show_consensus, show_estimate_line
from pages.parts.review.queue import choose_order, is_blind, next_cards
from pages.parts.review.state import DESK, chosen_order, review_state, task_review
from pages.parts.review.wording import describe, describe_step
from pages.parts.reviewer import ask_reviewer, change_reviewer, reviewer
from pages.parts.session import workbench
from storage.reviews.queue import AHEAD_FOR, LENT_FOR

CONSENSUS_EVERY_S = 2.0  # a key press must not wait for a look whether the consensus is stale
KEYS = (
    "**1** to **9** set that label and accept  \n**A** accept · **X** reject · **S** skip · **Z** undo  \n"
    "**←** back · **→** forward"
)


def show_card_view(task: Task) -> None:
    """The desk first; below it, who reviews and which cards come. On a phone the rest is folded under the card."""
    follow_reviews(task.id)
    desk_place = st.container()
    if not reviewer():
        ask_reviewer()
    with st.expander("Order and filters", icon=":material/filter_list:"):  # another label would fold it again
        order = choose_order(task)
        filters = choose_filters(task)
    if reviewer():
        with st.expander("Keys and name", icon=":material/keyboard:"):
            st.markdown(KEYS)
            change_reviewer()
    with desk_place:
        st.fragment(show_cards)(task, filters, order)


def show_cards(task: Task, filters: TextFilters, order: str) -> None:
    """Progress, the desk, and where its card comes from; `order` is the name of the queue's order."""
    with showing_errors():
        workbench().consensus.refresh(task, every_s=CONSENSUS_EVERY_S)
        cards = next_cards(task, filters)
        show_progress(task, filters, order)
        show_estimate_line(task, filters)
        show_desk(view_desk(task, filters, cards), key=DESK, on_sent=partial(apply_actions, task.id))
        if error := review_state().card_error.take():
            show_error(error)
        if not cards:
            st.button("Check again", key="review_again", icon=":material/refresh:")
            return
        if not reviewer():
            return  # the name is asked for next
        lineage = st.expander(
            "Seeds, prompt, history", icon=":material/history:", key="review_lineage", on_change="rerun"
        )
        if lineage.open:
            with lineage:
                show_lineage(cards[0], hides_others=is_blind(cards[0]))


def show_progress(task: Task, filters: TextFilters, order: str) -> None:
    """What is left, in which order, what is done, and how fast this reviewer is."""
    reviews = workbench().store.reviews
    counts = reviews.count_status(task.id)
    done = counts[ReviewStatus.ACCEPTED] + counts[ReviewStatus.REJECTED]
    parts = [f"{plural(counts[ReviewStatus.PENDING], 'text')} left"]
    if has_filters(filters):
        parts.append(f"{reviews.count(task.id, of_pending(filters)):,} of them match")
    parts.append(f"{counts[ReviewStatus.ACCEPTED]:,} accepted · {counts[ReviewStatus.REJECTED]:,} rejected")
    parts.append(escape_markdown(order))
    rate = reviews.rate(task.id, reviewer=reviewer())
    if reviewer():
        parts.append(escape_markdown(reviewer()) + (f" {rate:,.0f}/min" if rate else ""))
    st.progress(done / max(sum(counts.values()), 1), text=" · ".join(parts))


def has_filters(filters: TextFilters) -> bool:
    """Whether the queue is narrowed; it ignores the filter by status."""
    return of_pending(filters) != TextFilters(status=ReviewStatus.PENDING)


def of_pending(filters: TextFilters) -> TextFilters:
    """The same filters, for pending texts."""
    return replace(filters, status=ReviewStatus.PENDING)


# What the desk draws -------------------------------------------------------------------------------------------------


def view_desk(task: Task, filters: TextFilters, cards: Sequence[StoredText]) -> dict[str, Any]:
    """All that the browser draws, as plain values; it shows every text literally."""
    store, state, order = workbench().store, review_state(), chosen_order()
    history = task_review(task.id).history
    judged = {}
    if order.judge_id is not None:
        judged = store.trainings.judgements(order.judge_id, [card.id for card in cards])
    consensus = store.consensus.of_texts([card.id for card in cards])
    last = store.reviews.last_step(task.id, reviewer=reviewer())
    state.n_views += 1
    return {
        "number": state.n_views,  # the browser may be given two views in the wrong order
        "labels": task.labels,
        "colours": [label_colour(task.labels, label) for label in task.labels],
        "cards": [view_card(card, judged.get(card.id), consensus.get(card.id)) for card in cards],
        "end": [] if cards else describe_end(task, filters),
        "session": state.holder,
        "queue": repr((task.id, filters, order)),
        "acknowledged": state.acknowledged.numbers,
        "ahead_s": AHEAD_FOR.total_seconds() * 0.75,  # the rest is for the way there and back
        "last": state.card_undone.take() or describe_last(last, history),
        "is_locked": not reviewer(),
        "can_undo": last is not None or history.was_skipped,
        "can_go_back": history.position > 0,
    }


def describe_last(step: ReviewStep | None, history: ReviewHistory) -> str:
    """The line below the buttons: what was done last, or what to do first."""
    if not reviewer():
        return "Enter your name below to start."
    return "skipped" if history.was_skipped else describe_step(step)


def view_card(card: StoredText, judged: TextJudged | None, consensus: TextConsensus | None) -> dict[str, Any]:
    """One card: what label sources and a classifier say, its status and origin; a second opinion hides others.

    It also hides the label sources: they learned from others' decisions, and a file may be somebody's own labels.
    """
    hides_others = is_blind(card)
    origin = f"{card.lm_name}, generation run {card.run_id}"
    facts = [f"proposed {card.proposed_label} · {card.status.value}"]
    if hides_others:
        facts = ["proposed by the LM"]
    elif consensus:
        facts = [describe_consensus(consensus)]
        origin = f"{card.status.value} · {origin}"
    if judged:
        facts.append(f"classifier {judged.label} {judged.prob:.2f}")
    return {
        "id": card.id,
        "event": card.last_event_id,
        "text": card.text,
        "label": card.proposed_label if hides_others else card.label,
        "probs": card.label_probs,
        "facts": [*facts, origin],
        "flags": [name_flag(flag) for flag in card.flags],
        "note": None if hides_others else card.note,  # it may show what somebody else thought
        "is_blind": hides_others,
    }


def describe_end(task: Task, filters: TextFilters) -> tuple[str, str]:
    """Why there is no card, and what to do next."""
    if chosen_order().is_second:
        return "No text is waiting for a second opinion.", "Texts appear here once others have reviewed them."
    if n := workbench().store.review_queue.count_lent(task.id, filters, holder=review_state().holder):
        are = "is open in another browser tab" if n == 1 else "are open in other browser tabs"
        return f"{plural(n, 'text')} {are}.", (
            f"Texts left undecided there come back {LENT_FOR.seconds // 60} minutes after that tab was last used."
        )
    if has_filters(filters):
        return "No pending text matches the filters.", "Clear the filters to go on with the other texts."
    return "Everything is reviewed.", "Train on the accepted texts next, or generate more."


def show_lineage(card: StoredText, *, hides_others: bool = False) -> None:
    """The exact prompt with its seeds, the raw completion, what label sources say, and every decision so far."""
    store = workbench().store
    attempt = store.generations.attempt(card.id)
    if attempt is None:
        st.caption("This text was imported, so its prompt is not known.")
    else:
        st.caption(f"Attempt {attempt.number}: raw completion, then its prompt with the seeds")
        st.code(attempt.completion.text, language=None, wrap_lines=True)
        st.code(attempt.prompt, language=None, wrap_lines=True, height=220)
    if card.text != card.proposed_text:
        st.caption("As the language model wrote it")
        literal(card.proposed_text)
    if not hides_others:
        show_consensus(card.id)
    for event in [] if hides_others else store.reviews.history(card.id):
        when = f"{event.created_at:%d %b %H:%M:%S} UTC"
        st.caption(escape_markdown(f"{when} · {event.reviewer}: {describe(event)}"))
