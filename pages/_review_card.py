"""The card: one text, its labels as keys, undo and the way back and forth. A fragment: a key reruns nothing else."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from augment.errors import AugmentError
from augment.records import (
    ReviewAction,
    ReviewStatus,
    StoredText,
    Task,
    TextFilters,
    TrainingRun,
)
from pages._review_next import choose_order, chosen_order, is_blind, next_card, review_trail, shown_label
from pages._review_words import describe, describe_step, describe_undone
from pages._reviewer import reviewer
from pages._shared import (
    escape_markdown,
    label_bar,
    literal,
    name_flag,
    plural,
    show_error,
    showing_errors,
    workbench,
)

KEYS = (
    "**1** to **9** set that label and accept  \n**A** accept · **X** reject · **S** skip · **Z** undo  \n"
    "**←** back · **→** forth"
)


# Callbacks: each names the text that was on the card, so that a late or double click hits no other -----------------


def decide(card: StoredText, action: ReviewAction, label: str | None = None) -> None:
    """Store a decision and leave the card; where somebody else decided meanwhile, say so and stay."""
    try:
        hides_others = is_blind(card)
        if hides_others and action is ReviewAction.ACCEPT:  # of what was shown, not of what somebody else made of it
            action, label = ReviewAction.RELABEL, card.proposed_label
        seen = None if hides_others else card
        workbench().store.reviews.decide(card.id, action, reviewer=reviewer(), label=label, seen=seen)
    except AugmentError as error:
        st.session_state["review_error"] = str(error)
    else:
        review_trail().go_on(card.id)


def skip(card: StoredText) -> None:
    """Put the card behind the others."""
    review_trail().skip(card.id)


def go_back() -> None:
    """Show the card before."""
    review_trail().go_back()


def undo(task_id: int) -> None:
    """Take back the last skip, or this reviewer's last step, and show its card again."""
    trail = review_trail()
    if trail.at and trail.passed[-1:] == [trail.ids[trail.at - 1]]:
        trail.passed.pop()
        trail.go_back()
        return
    try:
        step = workbench().store.reviews.undo(task_id, reviewer=reviewer())
    except AugmentError as error:
        st.session_state["review_error"] = str(error)
        return
    if step is not None:
        st.session_state["review_undone"] = describe_undone(step)
        if step.text_id is not None:
            trail.insert(step.text_id)


def save_note(card: StoredText, key: str) -> None:
    """Store the note as it stands in its field."""
    try:
        workbench().store.reviews.decide(
            card.id, ReviewAction.NOTE, reviewer=reviewer(), note=st.session_state[key].strip()
        )
    except AugmentError as error:
        st.session_state["review_error"] = str(error)


# The desk ------------------------------------------------------------------------------------------------------------


def show_card_tab(task: Task, filters: TextFilters, judges: Mapping[str, TrainingRun]) -> None:
    """The whole card, in the order the eye meets it. What does not change from card to card is handed in."""
    with showing_errors():
        left, right = st.columns([3, 1], vertical_alignment="center")
        with right:
            choose_order(judges)
        card = next_card(task, filters)
        with left:
            show_progress(task, filters)
        with st.container(border=True, height=230, gap="small"):
            if card is None:
                show_end(filters)
            else:
                show_card(card, task)
        if card is not None:
            show_label_keys(card, task)
        show_action_keys(card, task)
        if error := st.session_state.pop("review_error", None):
            show_error(error)


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
    if rate := reviews.rate(task.id, reviewer=reviewer()):
        parts.append(f"{rate:.0f}/min")
    st.progress(done / max(sum(counts.values()), 1), text=" · ".join(parts))


def has_filters(filters: TextFilters) -> bool:
    """Whether the queue is narrowed; the status does not count there."""
    return filtered(filters) != TextFilters(status=ReviewStatus.PENDING)


def filtered(filters: TextFilters) -> TextFilters:
    """The same filters, of what waits."""
    return replace(filters, status=ReviewStatus.PENDING)


def show_end(filters: TextFilters) -> None:
    """Why there is no card, and what to do next."""
    if chosen_order().is_second:
        text = "**No text waits for a second opinion.** Others' decisions appear here once they have made some."
    elif has_filters(filters):
        text = "**The filters let nothing through that waits.** Clear them to go on with the others."
    else:
        text = "**Everything is reviewed.** Train on the accepted texts next, or generate more."
    st.space("medium")
    st.markdown(text, text_alignment="center")


def show_card(card: StoredText, task: Task) -> None:
    """The text, its label probabilities, and where it came from."""
    left, right = st.columns([3, 1], gap="large")
    with left:
        literal(card.text)
        if card.label_probs:
            label_bar(task.labels, card.label_probs)
        for flag in card.flags:
            st.caption(f":material/flag: {escape_markdown(name_flag(flag))}")
    with right:
        show_side(card)


def show_side(card: StoredText) -> None:
    """Label and status now, what a classifier says, where the text came from; a second opinion sees no earlier one."""
    order, hides_others = chosen_order(), is_blind(card)
    st.badge(escape_markdown(shown_label(card)), icon=":material/label:", color="primary")
    lines = ["proposed by the LM"] if hides_others else [f"proposed {card.proposed_label} · {card.status.value}"]
    judged = workbench().store.trainings.judgement(order.judge_id, card.id) if order.judge_id else None
    if judged:
        lines.append(f"classifier {judged.label} {judged.prob:.2f}")
    lines.append(f"{card.lm_name}, run {card.run_id}")
    st.caption("  \n".join(map(escape_markdown, lines)))
    lineage = st.popover("Seeds, prompt, history", icon=":material/history:", key="review_lineage", on_change="rerun")
    if lineage.open:
        with lineage:
            show_lineage(card, hides_others=hides_others)


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


def show_label_keys(card: StoredText, task: Task) -> None:
    """One key a label: it sets the label and accepts the text."""
    shown, hides_others = shown_label(card), is_blind(card)
    with st.container(horizontal=True):
        for number, label in enumerate(task.labels[:9], start=1):
            dot = "checked" if label == shown else "unchecked"
            st.button(
                escape_markdown(label),
                key=f"review_label_{number}",
                shortcut=str(number),
                icon=f":material/radio_button_{dot}:",
                on_click=decide,
                args=(card, ReviewAction.RELABEL, label),
            )
        show_other_labels(card, task)
        if hides_others:  # the note may tell what somebody else thought
            return
        key = f"review_note_{card.id}_{card.last_event_id}"  # a new field once it is saved: the keys work again
        st.text_input(
            "Note",
            value=card.note,
            key=key,
            placeholder="Note, saved with Enter",
            label_visibility="collapsed",
            width=260,
            on_change=save_note,
            args=(card, key),
        )


def show_other_labels(card: StoredText, task: Task) -> None:
    """Labels from the tenth on, which have no key."""
    if not task.labels[9:]:
        return
    key = f"review_other_{card.id}_{card.last_event_id}"
    st.selectbox(
        "Other label",
        task.labels[9:],
        index=None,
        key=key,
        placeholder="Other label …",
        label_visibility="collapsed",
        width=180,
        on_change=lambda: decide(card, ReviewAction.RELABEL, st.session_state[key]),
    )


def show_action_keys(card: StoredText | None, task: Task) -> None:
    """Accept, reject, skip, undo, back and forth, and what an undo would take back."""
    last = workbench().store.reviews.last_step(task.id, reviewer=reviewer())
    trail = review_trail()
    with st.container(horizontal=True, vertical_alignment="center"):
        if card is not None:
            for name, key, icon, action in (
                ("Accept", "A", "check", ReviewAction.ACCEPT),
                ("Reject", "X", "close", ReviewAction.REJECT),
            ):
                st.button(
                    name,
                    key=f"review_{name.lower()}",
                    shortcut=key,
                    icon=f":material/{icon}:",
                    type="primary" if key == "A" else "secondary",
                    on_click=decide,
                    args=(card, action),
                )
            st.button("Skip", key="review_skip", shortcut="S", icon=":material/skip_next:", on_click=skip, args=(card,))
        has_skipped = bool(trail.at and trail.passed[-1:] == [trail.ids[trail.at - 1]])
        st.button(
            "Undo",
            key="review_undo",
            shortcut="Z",
            icon=":material/undo:",
            disabled=last is None and not has_skipped,
            on_click=undo,
            args=(task.id,),
            help="Take back your last decision, or all of one bulk change; press again for the one before",
        )
        st.button(
            "Back",
            key="review_back",
            shortcut="Left",
            icon=":material/arrow_back:",
            disabled=not trail.at,
            on_click=go_back,
        )
        if card is not None:
            st.button(
                "Forth",
                key="review_forth",
                shortcut="Right",
                icon=":material/arrow_forward:",
                on_click=skip if card.status is ReviewStatus.PENDING else leave,
                args=(card,),
            )
        text = st.session_state.pop("review_undone", "") or ("skipped" if has_skipped else describe_step(last))
        st.caption(escape_markdown(text))


def leave(card: StoredText) -> None:
    """Go on from a card that is decided already."""
    review_trail().go_on(card.id)
