"""The bar above the table: changes the ticked rows, or all matching texts once they are selected, as one step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from augment.errors import AugmentError
from augment.records import ReviewAction, ShownTexts, Task, TextFilters, Verdict
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.review.similar import find_similar
from pages.parts.review.state import MORE, open_card, review_state, task_review
from pages.parts.review.use_as_seeds import make_seeds
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench

VERBS = {ReviewAction.ACCEPT: "accept", ReviewAction.REJECT: "reject", ReviewAction.RELABEL: "relabel"}
Scope = Literal["ticked", "matching"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Texts that a bulk change is about, and how many there were when they were counted."""

    texts: TextFilters | ShownTexts
    n: int


def show_bulk_bar(task: Task, filters: TextFilters, ticked: Mapping[int, int | None], matching: Selection) -> None:
    """Nothing can be changed until rows are ticked, or all that match are selected. `ticked` has their last events."""
    state = task_review(task.id)
    if state.all_matching != filters:
        state.all_matching = None  # it was said of other texts
    with st.container(horizontal=True, vertical_alignment="center"):
        if not ticked and state.all_matching is None:
            st.caption("Tick rows to accept, reject or relabel them.")
            st.button(
                f"Select all {matching.n:,} that match",
                key="review_select_all",
                type="tertiary",
                icon=":material/select_all:",
                on_click=select_all,
                args=(task.id, filters),
            )
            return
        selections = {"ticked": Selection(ShownTexts(ticked), len(ticked)), "matching": matching}
        show_actions(task, selections[choose_scope(ticked, matching)])
        more = st.popover("More", icon=":material/more_horiz:", key=MORE, on_change="rerun")
        if more.open:
            with more:
                show_more(task, list(ticked))


def choose_scope(ticked: Mapping[int, int | None], matching: Selection) -> Scope:
    """Which texts the actions change: the ticked rows by default, if there are any."""
    names: dict[Scope, str] = {"ticked": f"{len(ticked):,} ticked", "matching": f"all {matching.n:,} that match"}
    scopes: list[Scope] = ["ticked", "matching"] if ticked else ["matching"]
    return st.segmented_control(
        "What",
        scopes,
        default=scopes[0],
        format_func=names.__getitem__,
        required=True,
        key="review_scope_ticked" if ticked else "review_scope_matching",
        label_visibility="collapsed",
    )


def select_all(task_id: int, filters: TextFilters) -> None:
    """Select every text that the filters let through; a button's callback."""
    task_review(task_id).all_matching = filters


def show_actions(task: Task, selection: Selection) -> None:
    """Accept, reject or relabel what is selected, or select nothing."""
    for action, icon in ((ReviewAction.ACCEPT, "check"), (ReviewAction.REJECT, "close")):
        if st.button(VERBS[action].capitalize(), key=f"review_bulk_{action.value}", icon=f":material/{icon}:"):
            confirm(task, selection, Verdict(action))
    label = st.selectbox(
        "Relabel as",
        task.labels,
        index=None,
        key="review_bulk_label",
        placeholder="Relabel as …",
        label_visibility="collapsed",
        width=160,
    )
    if st.button("Relabel", key="review_bulk_relabel", icon=":material/label:", disabled=label is None):
        confirm(task, selection, Verdict(ReviewAction.RELABEL, label))
    st.button("Deselect", key="review_deselect", type="tertiary", on_click=task_review(task.id).clear_selection)


def show_more(task: Task, ticked: Sequence[int]) -> None:
    """Actions on one ticked row, and the button that makes seeds of several."""
    is_one = len(ticked) == 1
    if not ticked:
        st.caption(
            "Tick one row to open it on the card or to find similar texts. Tick one or more to make seeds of them."
        )
    st.button(
        "Open on the card",
        key="review_open",
        icon=":material/open_in_full:",
        disabled=not is_one,
        on_click=open_card,
        args=(task.id, *ticked[:1]),
    )
    st.button(
        "Find similar texts",
        key="review_find_near",
        icon=":material/hub:",
        disabled=not is_one,
        on_click=find_similar,
        args=(task.id, *ticked[:1]),
    )
    make_seeds(task, ticked)


@st.dialog("Change these texts?")
def confirm(task: Task, selection: Selection, verdict: Verdict) -> None:
    """Say what would change, and change it on the second click."""
    reviews, texts, n = workbench().store.reviews, selection.texts, selection.n
    if isinstance(texts, TextFilters):
        n = reviews.count(task.id, texts)
    label = f" as {verdict.label}" if verdict.label else ""
    what = escape_markdown(f"{VERBS[verdict.action].capitalize()} {plural(n, 'text')}{label}")
    st.markdown(f"**{what}.** Texts that already have this status and label do not change. One Undo takes it all back.")
    if n != selection.n:
        st.caption(f"There were {selection.n:,} when you clicked: somebody else is reviewing too.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="review_bulk_cancel"):
            st.rerun()
        if st.button(what, type="primary", key="review_bulk_do", on_click=change, args=(task.id, selection, verdict)):
            st.rerun()  # closes this


def change(task_id: int, selection: Selection, verdict: Verdict) -> None:
    """Change what is selected; a button's callback."""
    state = review_state()
    try:
        step = workbench().store.reviews.decide_many(task_id, selection.texts, verdict, reviewer=reviewer())
    except AugmentError as error:
        state.table_error.text = str(error)
    else:
        if step is not None and step.n_kept:
            state.table_error.text = (
                f"{plural(step.n_kept, 'text')} left unchanged: somebody else decided on them since they were shown."
            )
    task_review(task_id).clear_selection()
