"""The card: one text, its labels as keys, undo and the way back and forth. A fragment: a key reruns nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import streamlit as st

from augment.arms import name_run
from augment.errors import AugmentError, StorageError
from augment.records import (
    ReviewAction,
    ReviewEvent,
    ReviewOrder,
    ReviewStatus,
    ReviewStep,
    StoredText,
    Task,
    TextFilters,
    TrainingRun,
)
from pages._review_trail import Trail
from pages._reviewer import reviewer
from pages._shared import (
    escape_markdown,
    format_duration,
    label_bar,
    literal,
    name_flag,
    plural,
    show_error,
    showing_errors,
    workbench,
)

N_JUDGES = 12
SECOND = "second opinion"
KEYS = (
    "**1** to **9** set that label and accept  \n**A** accept · **X** reject · **S** skip · **Z** undo  \n"
    "**←** back · **→** forth"
)


# Callbacks: each names the text that was on the card, so that a late or double click hits no other -----------------


def decide(card: StoredText, action: ReviewAction, label: str | None = None) -> None:
    """Store a decision and leave the card; where somebody else decided meanwhile, say so and stay."""
    try:
        is_blind = _is_blind(card)
        if is_blind and action is ReviewAction.ACCEPT:  # of what was shown, not of what somebody else made of it
            action, label = ReviewAction.RELABEL, card.proposed_label
        seen = None if is_blind else card
        workbench().store.reviews.decide(card.id, action, reviewer=reviewer(), label=label, seen=seen)
    except AugmentError as error:
        st.session_state["review_error"] = str(error)
    else:
        _trail().go_on(card.id)


def skip(card: StoredText) -> None:
    """Put the card behind the others."""
    _trail().skip(card.id)


def go_back() -> None:
    """Show the card before."""
    _trail().go_back()


def undo(task_id: int) -> None:
    """Take back the last skip, or this reviewer's last step, and show its card again."""
    trail = _trail()
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


# What comes next -----------------------------------------------------------------------------------------------------


class _Order:
    """The chosen order of the queue, as the select box names it."""

    def __init__(self, name: str) -> None:
        self.is_second = name == SECOND
        self.judge_id = int(name.removeprefix("run ")) if name.startswith("run ") else None
        known = {one.value: one for one in ReviewOrder}
        self.order = known.get(name, ReviewOrder.DISAGREEMENT)


def _order() -> _Order:
    return _Order(st.session_state.get("review_order") or ReviewOrder.DISAGREEMENT)


def _is_blind(card: StoredText) -> bool:
    """Whether others' decision is kept from the reviewer, until there is one of their own: opinions must be two."""
    if not _order().is_second or card.status is ReviewStatus.PENDING:
        return False
    return not workbench().store.reviews.has_decided(card.id, reviewer=reviewer())


def _shown_label(card: StoredText) -> str:
    return card.proposed_label if _is_blind(card) else card.label


def _trail() -> Trail:
    trail: Trail = st.session_state.setdefault("review_trail", Trail())
    return trail


def _holder() -> str:
    """This browser tab's name in the queue."""
    holder: str = st.session_state.setdefault("review_holder", uuid4().hex)
    return holder


def open_card(text_id: int) -> None:
    """A callback: show that text on the Card tab next, whatever the filters are."""
    st.session_state["review_opened"] = text_id
    st.session_state["review_view"] = "Card"


def next_card(task: Task, filters: TextFilters) -> StoredText | None:
    """The card that lies on the desk, else the next one that nobody else has."""
    store, trail, order = workbench().store, _trail(), _order()
    wanted = (task.id, filters, st.session_state.get("review_order"))
    if st.session_state.setdefault("review_wanted", wanted) != wanted:
        st.session_state["review_wanted"] = wanted
        trail.start_anew()
    if (opened := st.session_state.pop("review_opened", None)) is not None:
        trail.insert(opened)
    while (text_id := trail.current) is not None:
        try:
            card = store.reviews.text(text_id)
        except StorageError:
            trail.forget(text_id)
            continue
        if not store.review_queue.hold(text_id, holder=_holder()):
            st.session_state["review_error"] = "Somebody else has this card open too. Only one decision will count."
        return card
    for _ in range(2):
        found = store.review_queue.take(
            task.id,
            filters,
            holder=_holder(),
            order=order.order,
            judge_id=order.judge_id,
            second_by=reviewer() if order.is_second else None,
            skipped=frozenset(trail.passed),
        )
        if found is not None or not trail.passed:
            break
        trail.passed.clear()  # all others are done: the skipped ones come back
    if found is not None:
        trail.show(found.id)
    return found


def list_judges(task: Task) -> dict[str, TrainingRun]:
    """The newest classifiers that judged texts, and the chosen one; a choice that is gone is forgotten."""
    store = workbench().store
    judges = {f"run {run.id}": run for run in store.trainings.judging(task.id, limit=N_JUDGES)}
    chosen = str(st.session_state.get("review_order") or "")
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
        format_func=lambda one: f"disagreement with {name_run(judges[one])}" if one in judges else one,
        key="review_order",
        persist_state="session",
        label_visibility="collapsed",
        help="Disagreement first: whose label the LM, or a trained classifier, holds least likely. Least confident: "
        "whose likeliest label is least likely. Second opinion: what others decided on and you did not; their "
        "decision is not shown before yours",
    )


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
    if _order().is_second:
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
    order, is_blind = _order(), _is_blind(card)
    st.badge(escape_markdown(_shown_label(card)), icon=":material/label:", color="primary")
    lines = ["proposed by the LM"] if is_blind else [f"proposed {card.proposed_label} · {card.status.value}"]
    judged = workbench().store.trainings.judgement(order.judge_id, card.id) if order.judge_id else None
    if judged:
        lines.append(f"classifier {judged.label} {judged.prob:.2f}")
    lines.append(f"{card.lm_name}, run {card.run_id}")
    st.caption("  \n".join(map(escape_markdown, lines)))
    lineage = st.popover("Seeds, prompt, history", icon=":material/history:", key="review_lineage", on_change="rerun")
    if lineage.open:
        with lineage:
            show_lineage(card, is_blind=is_blind)


def show_lineage(card: StoredText, *, is_blind: bool = False) -> None:
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
    for event in [] if is_blind else store.reviews.history(card.id):
        what = escape_markdown(f"{event.created_at:%d %b %H:%M:%S} UTC · {event.reviewer}: {describe(event)}")
        st.caption(what)


def show_label_keys(card: StoredText, task: Task) -> None:
    """One key a label: it sets the label and accepts the text."""
    with st.container(horizontal=True):
        for number, label in enumerate(task.labels[:9], start=1):
            dot = "checked" if label == _shown_label(card) else "unchecked"
            st.button(
                escape_markdown(label),
                key=f"review_label_{number}",
                shortcut=str(number),
                icon=f":material/radio_button_{dot}:",
                on_click=decide,
                args=(card, ReviewAction.RELABEL, label),
            )
        show_other_labels(card, task)
        if _is_blind(card):  # the note may tell what somebody else thought
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
    trail = _trail()
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
    _trail().go_on(card.id)


# In words ------------------------------------------------------------------------------------------------------------


def describe(event: ReviewEvent) -> str:
    """'relabelled anger → surprise', 'accepted as joy', 'text edited'."""
    if event.action in (ReviewAction.EDIT, ReviewAction.NOTE):
        return "text edited" if event.action is ReviewAction.EDIT else f"note '{event.note_after or ''}'"
    after = event.status_after.value
    if event.status_after is ReviewStatus.ACCEPTED:
        changed = event.label_before != event.label_after
        after = (
            f"relabelled {event.label_before} → {event.label_after}" if changed else f"accepted as {event.label_after}"
        )
    return f"undone, {after}" if event.action is ReviewAction.UNDO else after


def describe_step(step: ReviewStep | None) -> str:
    """'last: relabelled anger → surprise, 3 s ago'; '' where there is none."""
    if step is None:
        return ""
    ago = format_duration(max((datetime.now(UTC) - step.created_at).total_seconds(), 1))
    if step.n_events != 1:
        return f"last: {plural(step.n_events, 'text')} at once ({step.action.value}), {ago} ago"
    return f"last: {describe(step.event) if step.event else 'on a text that is gone'}, {ago} ago"


def describe_undone(step: ReviewStep) -> str:
    """'undone'; and how many texts stay as they are, since somebody decided on them afterwards."""
    if not step.n_events:
        return "Nothing undone: the text is gone, or somebody decided on it since, and that stays."
    text = "undone" if step.n_events == 1 else f"undone: {plural(step.n_events, 'text')} as before"
    return f"{text}; {step.n_kept:,} stay, as they were decided anew since" if step.n_kept else text
