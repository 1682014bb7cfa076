"""The table: filtered, sorted and paged by the database, edited in place. Its rows are decided on in bulk by `bulk`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from augment.errors import AugmentError
from augment.records import PageRequest, ReviewAction, ShownTexts, StoredText, Task, TextConsensus, TextFilters, Verdict
from pages.parts.formats import escape_markdown, name_flag
from pages.parts.layout import show_error
from pages.parts.review.bulk import Selection, show_bulk_bar
from pages.parts.review.filters import choose_sort
from pages.parts.review.similar import find_near, near_text
from pages.parts.review.state import grid_edits, review_state, task_review
from pages.parts.review.wording import describe_step, describe_undone
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench

PAGE_SIZE = 50
LIKELIEST = "LM's likeliest label"
CONSENSUS, CONSENSUS_PROB = "consensus label", "consensus probability"
READ_ONLY = ["similarity", "status", "proposed", LIKELIEST, CONSENSUS, CONSENSUS_PROB, "flags", "LM", "run", "id"]
COLUMNS = ["tick", "text", "label", "status", "proposed", LIKELIEST, CONSENSUS, CONSENSUS_PROB, "flags", "note"]
COLUMNS += ["LM", "run", "id"]


def show_table(task: Task, filters: TextFilters) -> None:
    """Sort and page, what can be done with the rows, and the rows."""
    near = near_text(task)
    similarity: dict[int, float] = {}
    if near is not None:
        texts, similarity, n = find_near(task, filters, near)
    else:
        texts, n = choose_page(task, filters)
    bar = st.container(key="review_bulk")
    if texts:
        shown = {text.id: text.last_event_id for text in texts}
        ticked = {text_id: shown[text_id] for text_id in show_rows(task, texts, similarity)}
        matching = Selection(filters if near is None else ShownTexts(shown), n)
        with bar:
            show_bulk_bar(task, filters, ticked, matching)
    else:
        bar.info("No text matches the filters. Clear them to see the others.", icon=":material/filter_list_off:")
    show_undo(task)
    if error := review_state().table_error.take():
        show_error(error)


def choose_page(task: Task, filters: TextFilters) -> tuple[list[StoredText], int]:
    """The chosen page in the chosen order, and how many texts there are in all."""
    reviews = workbench().store.reviews
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sort = choose_sort(has_consensus=workbench().store.consensus.newest(task.id) is not None)
        n = reviews.count(task.id, filters)
        n_pages = max(1, -(-n // PAGE_SIZE))
        width = 44 * (2 + min(n_pages, 7))  # px; by itself it hides page 2 in a row of widgets
        number = st.pagination(n_pages, width=width, key=f"review_page_{hash((filters, sort))}") if n_pages > 1 else 1
    return reviews.page(task.id, filters, PageRequest(sort, min(number, n_pages), PAGE_SIZE)), n


# Rows ----------------------------------------------------------------------------------------------------------------


def show_rows(task: Task, texts: Sequence[StoredText], similarity: Mapping[int, float]) -> list[int]:
    """The rows; returns the ids that are ticked."""
    state = task_review(task.id)
    versions = hash(tuple((text.id, text.last_event_id) for text in texts))
    key = f"review_rows_{state.grid_version}_{versions}"
    consensus = workbench().store.consensus.of_texts([text.id for text in texts])
    rows = [to_row(text, task.labels, consensus.get(text.id), is_ticked=text.id in state.ticked_ids) for text in texts]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    if similarity:
        frame.insert(2, "similarity", [similarity[text.id] for text in texts])
    edited = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        height=430,
        num_rows="fixed",
        disabled=READ_ONLY,
        on_change=take_edits,
        args=(task.id, key, texts),
        column_config={
            "tick": st.column_config.CheckboxColumn("✓", width=60),
            "text": st.column_config.TextColumn(width=420, required=True),
            "similarity": st.column_config.NumberColumn(format="%.2f", width=80),
            "label": st.column_config.SelectboxColumn(options=list(task.labels), required=True, width=110),
            "status": st.column_config.TextColumn(width=90),
            "proposed": st.column_config.TextColumn(width=90),
            LIKELIEST: st.column_config.TextColumn(
                width=130, help="The label that the language model finds likeliest, and its probability"
            ),
            CONSENSUS: st.column_config.TextColumn(
                width=110, help="What all label sources say together; a person's decision stands"
            ),
            CONSENSUS_PROB: st.column_config.NumberColumn(width=90, format="%.2f"),
            "flags": st.column_config.TextColumn(width=160),
            "note": st.column_config.TextColumn(width=160),
            "run": st.column_config.NumberColumn("generation run"),
        },
    )
    st.caption("Change a label, a text or a note in its cell. A new label also accepts the text.")
    return [int(text_id) for text_id in edited.loc[edited["tick"], "id"]]


def to_row(
    text: StoredText, labels: Sequence[str], consensus: TextConsensus | None, *, is_ticked: bool = False
) -> dict[str, Any]:
    """A text as a row of the grid."""
    return {
        "tick": is_ticked,
        "text": text.text,
        "label": text.label,
        "status": text.status.value,
        "proposed": text.proposed_label,
        LIKELIEST: name_likeliest(text, labels),
        CONSENSUS: consensus.label if consensus else None,
        CONSENSUS_PROB: consensus.prob if consensus else None,
        "flags": "; ".join(map(name_flag, text.flags)),
        "note": text.note,
        "LM": text.lm_name,
        "run": text.run_id,
        "id": text.id,
    }


def name_likeliest(text: StoredText, labels: Sequence[str]) -> str:
    """'surprise 0.83'; '' where there are no probabilities."""
    if not text.label_probs:
        return ""
    prob, label = max(zip(text.label_probs, labels, strict=True), key=lambda pair: pair[0])
    return f"{label} {prob:.2f}"


def take_edits(task_id: int, key: str, texts: Sequence[StoredText]) -> None:
    """The grid's callback: store what was changed in its cells; ticks alone change nothing."""
    rows, state = grid_edits(key), task_review(task_id)
    ticked = set(state.ticked_ids)
    for position, values in rows.items():
        if "tick" in values:
            (ticked.add if values["tick"] else ticked.discard)(texts[position].id)
    changed = {texts[position]: values for position, values in rows.items() if set(values) - {"tick"}}
    if not changed:
        return
    refused = []
    for text, values in changed.items():
        try:
            store_edit(text, values)
        except AugmentError as error:  # the other rows' changes count
            refused.append(str(error))
    if refused:
        review_state().table_error.text = " ".join(refused[:3])
    # The grid repeats its edits with every later one: a new grid begins without them.
    state.grid_version += 1
    state.ticked_ids = frozenset(ticked)


def store_edit(text: StoredText, values: Mapping[str, Any]) -> None:
    """One row's changed cells, as review events.

    Raises:
        StorageError: the label is unknown, the text empty or held out, or somebody decided on it in the meantime.
    """
    reviews = workbench().store.reviews
    new = {name: "" if value is None else str(value) for name, value in values.items()}
    seen: StoredText | None = text  # what comes after the first change is the reviewer's own
    if "text" in new:
        reviews.decide(text.id, Verdict(ReviewAction.EDIT, text=new["text"]), reviewer=reviewer(), seen=seen)
        seen = None
    if "note" in new:
        reviews.decide(text.id, Verdict(ReviewAction.NOTE, note=new["note"]), reviewer=reviewer(), seen=seen)
    if "label" in new:
        reviews.decide(text.id, Verdict(ReviewAction.RELABEL, new["label"]), reviewer=reviewer(), seen=seen)


# Undo ----------------------------------------------------------------------------------------------------------------


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
        st.caption(escape_markdown(review_state().table_undone.take() or describe_step(last)))


def take_back(task_id: int) -> None:
    """The undo button's callback."""
    try:
        step = workbench().store.reviews.undo(task_id, reviewer=reviewer())
    except AugmentError as error:
        review_state().table_error.text = str(error)
        return
    if step is not None:
        review_state().table_undone.text = describe_undone(step)
    task_review(task_id).clear_selection()
