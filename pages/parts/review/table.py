"""The table: filtered, sorted and paged by the database; edited in place, decided on in bulk, each with one undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from augment.errors import AugmentError
from augment.records import PageRequest, ReviewAction, ShownTexts, StoredText, Task, TextFilters, Verdict
from augment.wording import plural
from pages.parts.formats import escape_markdown, name_flag
from pages.parts.layout import show_error
from pages.parts.review.filters import choose_order
from pages.parts.review.queue import open_card
from pages.parts.review.similar import find_near, near_text
from pages.parts.review.use_as_seeds import make_seeds
from pages.parts.review.wording import describe_step, describe_undone
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench

PAGE_SIZE = 50
COLUMNS = ["tick", "text", "label", "status", "proposed", "confidence", "flags", "note", "LM", "run", "id"]
VERBS = {ReviewAction.ACCEPT: "accept", ReviewAction.REJECT: "reject", ReviewAction.RELABEL: "relabel"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which texts a bulk change is about: those ticked, or all that the filters let through."""

    texts: TextFilters | ShownTexts
    n: int


def show_table(task: Task, filters: TextFilters) -> None:
    """Sort and page, what can be done with the rows, and the rows."""
    near = near_text(task)
    if near is not None:
        texts, similarity, n = find_near(task, filters, near)
    else:
        texts, n = choose_page(task, filters)
        similarity = {}
    bar = st.container(key="review_bulk")
    if texts:
        ticked = show_rows(task, texts, similarity)
        shown = {text.id: text.last_event_id for text in texts}
        whole = Scope(filters if near is None else ShownTexts(shown), n)
        with bar:
            show_bulk_bar(task, {text_id: shown[text_id] for text_id in ticked}, whole)
    else:
        bar.info("No text is let through. Clear the filters to see the others.", icon=":material/filter_list_off:")
    show_undo(task)
    if error := st.session_state.pop("review_table_error", None):
        show_error(error)


def choose_page(task: Task, filters: TextFilters) -> tuple[list[StoredText], int]:
    """The chosen page in the chosen order, and how many texts there are in all."""
    reviews = workbench().store.reviews
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = choose_order()
        n = reviews.count(task.id, filters)
        n_pages = max(1, -(-n // PAGE_SIZE))
        number = st.pagination(n_pages, key=f"review_page_{hash((filters, order))}") if n_pages > 1 else 1
    return reviews.page(task.id, filters, PageRequest(order, min(number, n_pages), PAGE_SIZE)), n


def show_rows(task: Task, texts: Sequence[StoredText], similarity: Mapping[int, float]) -> list[int]:
    """The rows; returns the ids that are ticked."""
    version = st.session_state.get("review_table_version", 0)
    key = f"review_rows_{version}_{hash(tuple((one.id, one.last_event_id) for one in texts))}"
    kept = st.session_state.get("review_ticked", frozenset())
    frame = pd.DataFrame([to_row(one, is_ticked=one.id in kept) for one in texts], columns=COLUMNS)
    if similarity:
        frame.insert(2, "similarity", [similarity[one.id] for one in texts])
    edited = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        height=430,
        num_rows="fixed",
        disabled=["similarity", "status", "proposed", "confidence", "flags", "LM", "run", "id"],
        on_change=take_edits,
        args=(key, texts),
        column_config={
            "tick": st.column_config.CheckboxColumn("✓", width=40),
            "text": st.column_config.TextColumn(width=420, required=True),
            "similarity": st.column_config.NumberColumn(format="%.2f", width=80),
            "label": st.column_config.SelectboxColumn(options=list(task.labels), required=True, width=110),
            "status": st.column_config.TextColumn(width=90),
            "proposed": st.column_config.TextColumn(width=90),
            "confidence": st.column_config.TextColumn(width=90),
            "flags": st.column_config.TextColumn(width=160),
            "note": st.column_config.TextColumn(width=160),
        },
    )
    st.caption("Change a label, a text or a note in its cell: a new label accepts the text under it.")
    return [int(one) for one in edited.loc[edited["tick"], "id"]]


def to_row(one: StoredText, *, is_ticked: bool = False) -> dict[str, Any]:
    """A text as a row of the grid."""
    return {
        "tick": is_ticked,
        "text": one.text,
        "label": one.label,
        "status": one.status.value,
        "proposed": one.proposed_label,
        "confidence": "" if one.confidence is None else f"{one.confidence:.2f}",
        "flags": "; ".join(map(name_flag, one.flags)),
        "note": one.note,
        "LM": one.lm_name,
        "run": one.run_id,
        "id": one.id,
    }


def take_edits(key: str, texts: Sequence[StoredText]) -> None:
    """The grid's callback: store what was changed in its cells; ticks alone change nothing."""
    rows: dict[int, dict[str, Any]] = st.session_state[key]["edited_rows"]
    ticked = set(st.session_state.get("review_ticked", frozenset()))
    for position, values in rows.items():
        if "tick" in values:
            (ticked.add if values["tick"] else ticked.discard)(texts[position].id)
    changed = {texts[i]: values for i, values in rows.items() if set(values) - {"tick"}}
    if not changed:
        return
    st.session_state["review_changed"] = True
    refused = []
    for one, values in changed.items():
        try:
            store_edit(one, values)
        except AugmentError as error:  # the other rows' changes count
            refused.append(str(error))
    if refused:
        st.session_state["review_table_error"] = " ".join(refused[:3])
    # Edits are told again with every later one: a new grid begins without them.
    st.session_state["review_table_version"] = st.session_state.get("review_table_version", 0) + 1
    st.session_state["review_ticked"] = frozenset(ticked)


def store_edit(one: StoredText, values: Mapping[str, Any]) -> None:
    """One row's changed cells, as review events.

    Raises:
        StorageError: the label is unknown, the text empty or held out, or somebody decided on it meanwhile.
    """
    reviews = workbench().store.reviews
    new = {name: "" if value is None else str(value) for name, value in values.items()}
    seen: StoredText | None = one  # what comes after the first change is the reviewer's own
    if "text" in new:
        reviews.decide(one.id, Verdict(ReviewAction.EDIT, text=new["text"]), reviewer=reviewer(), seen=seen)
        seen = None
    if "note" in new:
        reviews.decide(one.id, Verdict(ReviewAction.NOTE, note=new["note"]), reviewer=reviewer(), seen=seen)
    if "label" in new:
        reviews.decide(one.id, Verdict(ReviewAction.RELABEL, new["label"]), reviewer=reviewer(), seen=seen)


def show_bulk_bar(task: Task, ticked_ids: Mapping[int, int | None], whole: Scope) -> None:
    """Accept, reject or relabel the ticked rows, or all that match; and what else can be done with them."""
    ticked = Scope(ShownTexts(ticked_ids), len(ticked_ids))
    with st.container(horizontal=True, vertical_alignment="center"):
        of_ticked, of_all = f"{ticked.n:,} ticked", f"all {whole.n:,} that match"
        chosen = st.segmented_control(
            "What",
            [of_ticked, of_all],
            default=of_ticked if ticked.n else of_all,
            required=True,
            key=f"review_scope_{bool(ticked.n)}",
            label_visibility="collapsed",
        )
        scope = ticked if chosen == of_ticked else whole
        for action, icon in ((ReviewAction.ACCEPT, "check"), (ReviewAction.REJECT, "close")):
            if st.button(
                VERBS[action].capitalize(),
                key=f"review_bulk_{action.value}",
                icon=f":material/{icon}:",
                disabled=not scope.n,
            ):
                confirm(task, scope, action, None)
        label = st.selectbox(
            "Relabel as",
            task.labels,
            index=None,
            key="review_bulk_label",
            placeholder="Relabel as …",
            label_visibility="collapsed",
            width=160,
        )
        if st.button("Relabel", key="review_bulk_relabel", icon=":material/label:", disabled=not (scope.n and label)):
            confirm(task, scope, ReviewAction.RELABEL, label)
        more = st.popover("More", icon=":material/more_horiz:", key="review_more", on_change="rerun")
        if more.open:
            with more:
                show_more(task, list(ticked_ids))


def show_more(task: Task, ticked: Sequence[int]) -> None:
    """What is done with one ticked row, or makes seeds of some."""
    is_one = len(ticked) == 1
    if not ticked:
        st.caption("Tick one row to open it on the card or to find texts like it; tick some to make seeds of them.")
    st.button(
        "Open on the card",
        key="review_open",
        icon=":material/open_in_full:",
        disabled=not is_one,
        on_click=open_card,
        args=tuple(ticked[:1]),
    )
    st.button(
        "Find similar texts",
        key="review_find_near",
        icon=":material/hub:",
        disabled=not is_one,
        on_click=find_similar,
        args=tuple(ticked[:1]),
    )
    make_seeds(task, ticked)


def find_similar(text_id: int) -> None:
    """A callback: the rows become the text's neighbours, and the menu that lies over them closes."""
    st.query_params["near"] = str(text_id)
    st.session_state["review_more"] = False
    forget_ticks()


@st.dialog("Change these texts?")
def confirm(task: Task, scope: Scope, action: ReviewAction, label: str | None) -> None:
    """Say what would change, and change it on the second click."""
    reviews = workbench().store.reviews
    n = reviews.count(task.id, scope.texts) if isinstance(scope.texts, TextFilters) else scope.n
    what = escape_markdown(f"{VERBS[action].capitalize()} {plural(n, 'text')}" + (f" as {label}" if label else ""))
    st.markdown(f"**{what}.** Those that stand so already stay. One undo takes it all back.")
    if n != scope.n:
        st.caption(f"There were {scope.n:,} when you clicked; others are at work here too.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Leave them", key="review_bulk_leave"):
            st.rerun()
        if st.button(
            what,
            type="primary",
            key="review_bulk_do",
            on_click=change,
            args=(task, scope, action, label),
        ):
            st.rerun()  # closes this


def change(task: Task, scope: Scope, action: ReviewAction, label: str | None) -> None:
    """Do it, and begin a new grid without ticks."""
    try:
        step = workbench().store.reviews.decide_many(task.id, scope.texts, Verdict(action, label), reviewer=reviewer())
    except AugmentError as error:
        st.session_state["review_table_error"] = str(error)
    else:
        if step is not None and step.n_kept:
            st.session_state["review_table_error"] = (
                f"{plural(step.n_kept, 'text')} left as they are: somebody else decided on them since they were shown."
            )
    forget_ticks()


def forget_ticks() -> None:
    """A new grid, nothing ticked."""
    st.session_state["review_table_version"] = st.session_state.get("review_table_version", 0) + 1
    st.session_state.pop("review_ticked", None)


def show_undo(task: Task) -> None:
    """Undo of this reviewer's last step, whatever it was."""
    last = workbench().store.reviews.last_step(task.id, reviewer=reviewer())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo",
            key="review_table_undo",
            icon=":material/undo:",
            disabled=last is None,
            on_click=take_back,
            args=(task.id,),
        )
        st.caption(escape_markdown(st.session_state.pop("review_table_undone", "") or describe_step(last)))


def take_back(task_id: int) -> None:
    """The undo button's callback."""
    try:
        step = workbench().store.reviews.undo(task_id, reviewer=reviewer())
    except AugmentError as error:
        st.session_state["review_table_error"] = str(error)
        return
    if step is not None:
        st.session_state["review_changed"] = True
        st.session_state["review_table_undone"] = describe_undone(step)
    forget_ticks()
