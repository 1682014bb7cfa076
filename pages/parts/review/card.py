"""The Card tab: progress, order and the desk with the next cards on it.

A fragment: a key reruns nothing else, but for the number in the navigation every few seconds.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from augment.records import (
    ReviewStatus,
    StoredText,
    Task,
    TextFilters,
    TextJudged,
    TrainingRun,
)
from augment.results.charts.counts import label_colour
from augment.wording import plural
from pages.parts.formats import escape_markdown, name_flag
from pages.parts.layout import literal, show_error, showing_errors
from pages.parts.review.acts import heard, take_in
from pages.parts.review.desk import show_desk
from pages.parts.review.queue import choose_order, chosen_order, holder, is_blind, next_cards, review_trail
from pages.parts.review.wording import describe, describe_step
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench
from storage.reviews.queue import AHEAD_FOR, LENT_FOR

NAVIGATION_S = 10.0
KEYS = (
    "**1** to **9** set that label and accept  \n**A** accept · **X** reject · **S** skip · **Z** undo  \n"
    "**←** back · **→** forth"
)


def show_card_tab(task: Task, filters: TextFilters, judges: Mapping[str, TrainingRun]) -> None:
    """Progress, order and desk. What does not change from card to card is handed in."""
    with showing_errors():
        follow_in_navigation(task)
        left, right = st.columns([5, 3], vertical_alignment="bottom")
        with right:
            choose_order(judges)
        cards = next_cards(task, filters)
        with left:
            show_progress(task, filters)
        show_desk(view_desk(task, filters, cards), on_sent=partial(take_in, task.id))
        if error := st.session_state.pop("review_error", None):
            show_error(error)
        if not cards:
            st.button("Look again", key="review_again", icon=":material/refresh:")
        else:
            lineage = st.expander(
                "Seeds, prompt, history", icon=":material/history:", key="review_lineage", on_change="rerun"
            )
            if lineage.open:
                with lineage:
                    show_lineage(cards[0], hides_others=is_blind(cards[0]))


def show_progress(task: Task, filters: TextFilters) -> None:
    """What is left, what is done, and how fast this reviewer is."""
    reviews = workbench().store.reviews
    counts = reviews.count_status(task.id)
    done = counts[ReviewStatus.ACCEPTED] + counts[ReviewStatus.REJECTED]
    parts = [f"{plural(counts[ReviewStatus.PENDING], 'text')} left"]
    if has_filters(filters):
        pending = filtered(filters)
        parts.append(f"{reviews.count(task.id, pending):,} of them let through")
    parts.append(f"{counts[ReviewStatus.ACCEPTED]:,} accepted · {counts[ReviewStatus.REJECTED]:,} rejected")
    rate = reviews.rate(task.id, reviewer=reviewer())
    parts.append(escape_markdown(reviewer()) + (f" {rate:.0f}/min" if rate else ""))
    st.progress(done / max(sum(counts.values()), 1), text=" · ".join(parts))


def follow_in_navigation(task: Task) -> None:
    """Have the navigation's number follow, which is no part of this fragment: every few seconds, and at the end."""
    n_pending = workbench().store.reviews.count_status(task.id)[ReviewStatus.PENDING]
    shown, at = st.session_state.get("navigation_waiting", (n_pending, 0.0))
    if shown != n_pending and (time.monotonic() - at > NAVIGATION_S or not n_pending):
        st.session_state["navigation_waiting"] = n_pending, time.monotonic()  # it is asked once, whatever comes of it
        st.rerun()


def has_filters(filters: TextFilters) -> bool:
    """Whether the queue is narrowed; the status does not count there."""
    return filtered(filters) != TextFilters(status=ReviewStatus.PENDING)


def filtered(filters: TextFilters) -> TextFilters:
    """The same filters, of what waits."""
    return replace(filters, status=ReviewStatus.PENDING)


def view_desk(task: Task, filters: TextFilters, cards: Sequence[StoredText]) -> dict[str, Any]:
    """All that the browser draws, as plain values; it takes each text for text."""
    store, judge_id = workbench().store, chosen_order().judge_id
    judged = store.trainings.judgements(judge_id, [one.id for one in cards]) if judge_id else {}
    last = store.reviews.last_step(task.id, reviewer=reviewer())
    trail = review_trail()
    said = st.session_state.pop("review_undone", "") or ("skipped" if trail.has_skipped else describe_step(last))
    return {
        "labels": task.labels,
        "colours": [label_colour(task.labels, label) for label in task.labels],
        "cards": [view_card(card, judged.get(card.id)) for card in cards],
        "end": [] if cards else describe_end(task, filters),
        "session": holder(),
        "queue": repr((filters, st.session_state.get("review_order"))),
        "done": heard().done,
        "ahead_s": AHEAD_FOR.total_seconds() * 0.75,  # the rest is for the way there and back
        "last": said,
        "can_undo": last is not None or trail.has_skipped,
        "can_go_back": trail.at > 0,
    }


def view_card(card: StoredText, judged: TextJudged | None) -> dict[str, Any]:
    """One card: label and status now, what a classifier says, where it came from; a second opinion sees no earlier."""
    hides_others = is_blind(card)
    facts = ["proposed by the LM"] if hides_others else [f"proposed {card.proposed_label} · {card.status.value}"]
    if judged:
        facts.append(f"classifier {judged.label} {judged.prob:.2f}")
    return {
        "id": card.id,
        "event": card.last_event_id,
        "text": card.text,
        "label": card.proposed_label if hides_others else card.label,
        "probs": card.label_probs,
        "facts": [*facts, f"{card.lm_name}, run {card.run_id}"],
        "flags": [name_flag(flag) for flag in card.flags],
        "note": None if hides_others else card.note,  # it may tell what somebody else thought
        "is_blind": hides_others,
    }


def describe_end(task: Task, filters: TextFilters) -> tuple[str, str]:
    """Why there is no card, and what to do next."""
    if chosen_order().is_second:
        return "No text waits for a second opinion.", "Others' decisions appear here once they have made some."
    if n := workbench().store.review_queue.count_lent(task.id, filters, holder=holder()):
        are = "lies on another desk" if n == 1 else "lie on other desks"
        return f"{plural(n, 'text')} {are}.", (
            f"What is left undecided there comes back {LENT_FOR.seconds // 60} minutes after that page was last used."
        )
    if has_filters(filters):
        return "The filters let nothing through that waits.", "Clear them to go on with the others."
    return "Everything is reviewed.", "Train on the accepted texts next, or generate more."


def show_lineage(card: StoredText, *, hides_others: bool = False) -> None:
    """The exact prompt with its seeds, the raw completion, and every decision so far."""
    store = workbench().store
    attempt = store.generations.attempt(card.id)
    if attempt is None:
        st.caption("Imported: it has no prompt here.")
    else:
        st.caption(f"Attempt {attempt.number}: raw completion, then its prompt with the seeds")
        st.code(attempt.completion.text, language=None, wrap_lines=True)
        st.code(attempt.prompt, language=None, wrap_lines=True, height=220)
    if card.text != card.proposed_text:
        st.caption("As the LM wrote it")
        literal(card.proposed_text)
    for event in [] if hides_others else store.reviews.history(card.id):
        what = escape_markdown(f"{event.created_at:%d %b %H:%M:%S} UTC · {event.reviewer}: {describe(event)}")
        st.caption(what)
