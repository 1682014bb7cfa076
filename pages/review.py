"""Review: one card at a time from the keyboard, and a table of the rest. Every decision is a review event."""

import pandas as pd
import streamlit as st

from augment.arms import name_run
from augment.errors import AugmentError
from augment.records import ReviewAction, ReviewEvent, ReviewStatus, StoredText, Task
from pages._shared import (
    empty_state,
    enter_through_app,
    escape_markdown,
    label_bar,
    literal,
    name_flag,
    page_header,
    plural,
    require_task,
    showing_errors,
    task_line,
    workbench,
)

PAGE_SIZE = 50
N_JUDGES = 12
ANY = "any"


def reviewer() -> str:
    return str(st.session_state.get("review_name") or "").strip() or "reviewer"


def decide(text_id: int, action: ReviewAction, label: str | None = None) -> None:
    """A button's callback: it names the text that was on the card, so a late or double click hits no other."""
    try:
        event = workbench().store.reviews.decide(text_id, action, reviewer=reviewer(), label=label)
        st.session_state["review_last"] = describe(event)
        st.session_state.pop("review_last_skip", None)
    except AugmentError as error:
        st.session_state["review_error"] = str(error)
    st.session_state.pop("review_text_id", None)


def skip(text_id: int) -> None:
    """Put the card behind the others until the page is opened anew."""
    st.session_state["review_skipped"] = st.session_state.get("review_skipped", frozenset()) | {text_id}
    st.session_state["review_last_skip"] = text_id
    st.session_state["review_last"] = "skipped"
    st.session_state.pop("review_text_id", None)


def undo(task_id: int) -> None:
    """Take back the last skip, or this reviewer's last decision, and show its card again."""
    if (skipped := st.session_state.pop("review_last_skip", None)) is not None:
        st.session_state["review_text_id"] = skipped
        st.session_state["review_skipped"] -= {skipped}
        st.session_state["review_last"] = "undone"
        return
    try:
        event = workbench().store.reviews.undo(task_id, reviewer=reviewer())
    except AugmentError as error:
        st.session_state["review_error"] = str(error)
        return
    if event is not None:
        st.session_state["review_text_id"] = event.text_id
        st.session_state["review_last"] = "undone"


def describe(event: ReviewEvent) -> str:
    if event.action is ReviewAction.RELABEL and event.label_before != event.label_after:
        return f"relabelled {event.label_before} → {event.label_after}"
    return (
        f"{event.status_after.value} as {event.label_after}"
        if event.status_after is ReviewStatus.ACCEPTED
        else event.status_after.value
    )


def next_card(task: Task) -> StoredText | None:
    """The text chosen in the table or brought back by an undo, else the oldest pending one."""
    reviews = workbench().store.reviews
    chosen = st.session_state.get("review_text_id")
    if chosen is not None:
        return reviews.text(chosen)
    skipped = st.session_state.get("review_skipped", frozenset())
    judge_id = st.session_state.get("review_judge")
    card = reviews.next_pending(task.id, skipped=skipped, judge_id=judge_id)
    if card is None and skipped:
        st.session_state["review_skipped"] = frozenset()
        return reviews.next_pending(task.id, judge_id=judge_id)
    return card


def choose_order(task: Task) -> None:
    """Oldest first, or what a classifier disagrees with first."""
    judges = {run.id: run for run in workbench().store.trainings.judging(task.id, limit=N_JUDGES)}
    chosen = st.session_state.get("review_judge")
    if chosen is not None and chosen not in judges:
        found = [run for run in workbench().store.trainings.judging(task.id) if run.id == chosen]
        judges |= {run.id: run for run in found}
        if not found:
            st.session_state["review_judge"] = None
    if judges:
        st.selectbox(
            "Order",
            [None, *judges],
            format_func=lambda one: f"disagreement with {name_run(judges[one])}" if one else "oldest first",
            key="review_judge",
            persist_state="session",
            width=460,
            help="Disagreement: texts whose label a trained classifier holds least likely come first",
        )


def show_desk(task: Task) -> None:
    """Card and table; a fragment, so that a decision reruns nothing else, and both show it."""
    card, table = st.tabs(["Card", "Table"])
    with card:
        show_card_tab(task)
    with table:
        show_table(task)


def show_card_tab(task: Task) -> None:
    """The card, its keys, and what is left."""
    reviews = workbench().store.reviews
    if error := st.session_state.pop("review_error", None):
        st.error(escape_markdown(error), icon=":material/error:")
    counts = reviews.count_status(task.id)
    choose_order(task)
    card = next_card(task)
    done = counts[ReviewStatus.ACCEPTED] + counts[ReviewStatus.REJECTED]
    st.progress(
        done / max(sum(counts.values()), 1),
        text=(
            f"{plural(counts[ReviewStatus.PENDING], 'text')} left · "
            f"{counts[ReviewStatus.ACCEPTED]:,} accepted · {counts[ReviewStatus.REJECTED]:,} rejected"
        ),
    )
    with st.container(border=True, height=280, gap="small"):
        if card is None:
            st.space("medium")
            st.markdown(
                "**Everything is reviewed.** Train on the accepted texts next, or generate more.",
                text_alignment="center",
            )
        else:
            show_card(card, task)
    if card is not None:
        show_label_keys(card, task)
    show_action_keys(card, task)


def show_label_keys(card: StoredText, task: Task) -> None:
    """One key a label: it sets the label and accepts the text."""
    with st.container(horizontal=True):
        for number, label in enumerate(task.labels[:9], start=1):
            dot = "checked" if label == card.label else "unchecked"
            st.button(
                escape_markdown(label),
                key=f"review_label_{number}",
                shortcut=str(number),
                icon=f":material/radio_button_{dot}:",
                on_click=decide,
                args=(card.id, ReviewAction.RELABEL, label),
            )


def show_action_keys(card: StoredText | None, task: Task) -> None:
    """Accept, reject, skip, undo, and what was done last."""
    reviews = workbench().store.reviews
    last = reviews.last_standing(task.id, reviewer=reviewer())
    with st.container(horizontal=True, vertical_alignment="center"):
        if card is not None:
            st.button(
                "Accept",
                key="review_accept",
                shortcut="A",
                icon=":material/check:",
                type="primary",
                on_click=decide,
                args=(card.id, ReviewAction.ACCEPT),
            )
            st.button(
                "Reject",
                key="review_reject",
                shortcut="X",
                icon=":material/close:",
                on_click=decide,
                args=(card.id, ReviewAction.REJECT),
            )
            st.button(
                "Skip", key="review_skip", shortcut="S", icon=":material/skip_next:", on_click=skip, args=(card.id,)
            )
        st.button(
            "Undo",
            key="review_undo",
            shortcut="Z",
            icon=":material/undo:",
            disabled=last is None and "review_last_skip" not in st.session_state,
            on_click=undo,
            args=(task.id,),
            help="Take back your last decision; press again for the one before",
        )
        st.caption(escape_markdown(st.session_state.get("review_last", "")))


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
        st.caption("Label now")
        st.badge(escape_markdown(card.label), icon=":material/label:", color="primary")
        st.caption(escape_markdown(f"proposed {card.proposed_label} · {card.status.value}"))
        judge_id = st.session_state.get("review_judge")
        judged = workbench().store.trainings.judgement(judge_id, card.id) if judge_id else None
        if judged:
            st.caption(f"classifier **{escape_markdown(judged.label)} {judged.prob:.2f}**")
        st.caption(escape_markdown(f"{card.lm_name}, run {card.run_id}"))
        with st.popover("Prompt and history", icon=":material/history:"):
            show_lineage(card)


def show_lineage(card: StoredText) -> None:
    """The exact prompt, the raw completion and every decision so far."""
    store = workbench().store
    attempt = store.generations.attempt(card.id)
    if attempt is None:
        st.caption("Imported: it has no prompt here.")
    else:
        st.caption(f"Attempt {attempt.number}: raw completion, then its prompt")
        st.code(attempt.completion.text, language=None, wrap_lines=True)
        st.code(attempt.prompt, language=None, wrap_lines=True, height=220)
    for event in store.reviews.history(card.id):
        st.caption(
            escape_markdown(
                f"{event.created_at:%d %b %H:%M:%S} UTC · {event.reviewer}: {event.action.value} → "
                f"{event.status_after.value}, {event.label_after}"
            )
        )


def show_table(task: Task) -> None:
    """All texts of the task, filtered and paged in the database; a selected row goes to the card."""
    reviews = workbench().store.reviews
    with st.container(horizontal=True, vertical_alignment="bottom"):
        status = st.selectbox("Status", [ANY, *ReviewStatus], key="review_status", width=160)
        label = st.selectbox("Label", [ANY, *task.labels], key="review_label", width=160)
    chosen_status, chosen_label = None if status == ANY else ReviewStatus(status), None if label == ANY else label
    _, n = reviews.page(task.id, status=chosen_status, label=chosen_label, number=1, size=0)
    n_pages = max(1, -(-n // PAGE_SIZE))
    number = st.pagination(n_pages, key=f"review_page_{status}_{label}") if n_pages > 1 else 1
    texts, _ = reviews.page(
        task.id, status=chosen_status, label=chosen_label, number=min(number, n_pages), size=PAGE_SIZE
    )
    rows = [
        {
            "text": one.text,
            "label": one.label,
            "proposed": one.proposed_label,
            "status": one.status.value,
            "flags": "; ".join(map(name_flag, one.flags)),
            "LM": one.lm_name,
        }
        for one in texts
    ]
    state = st.dataframe(
        pd.DataFrame(rows, columns=["text", "label", "proposed", "status", "flags", "LM"]),
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="single-row",
        key=f"review_rows_{status}_{label}_{number}",
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "label": st.column_config.TextColumn(width=90),
            "proposed": st.column_config.TextColumn(width=90),
            "status": st.column_config.TextColumn(width=90),
        },
    )
    st.caption(f"{plural(n, 'text')} match. Select one to decide on it again.")
    if state.selection.rows and st.button("Open on the card", key="review_open", icon=":material/open_in_full:"):
        st.session_state["review_text_id"] = texts[state.selection.rows[0]].id
        st.rerun()


enter_through_app()
task = require_task("Review")
action = page_header("Review", task_line(task))
with action.popover("Keys", icon=":material/keyboard:"):
    st.markdown("**1** to **9** set that label and accept  \n**A** accept · **X** reject · **S** skip · **Z** undo")
    st.text_input(
        "Reviewer",
        key="review_name",
        placeholder="reviewer",
        persist_state="session",
        help="Stands on each of your decisions",
    )
with showing_errors():
    if not sum(workbench().store.reviews.count_status(task.id).values()):
        empty_state("Texts to review appear here once a generation run has written some.", "Generate texts", "generate")
    st.fragment(show_desk)(task)
