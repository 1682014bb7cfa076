"""Texts like one text, by the embedded encoder, to correct a whole cluster at once. The text is in the address."""

import streamlit as st

from augment.errors import StorageError
from augment.labels.neighbours import NeighbourIndex, NeighbourProgress
from augment.records import StoredText, Task, TextFilters
from pages.parts.formats import escape_markdown
from pages.parts.review.state import close_more, task_review
from pages.parts.session import workbench

N_CANDIDATES = 5_000  # newest texts that are compared: about 25 s if none of them was embedded before
N_SHOWN = 50
LONGEST_ID = 16  # digits


@st.cache_resource(show_spinner=False)
def neighbours() -> NeighbourIndex:
    """One index for all tabs: a text is embedded once."""
    return NeighbourIndex()


def find_similar(task_id: int, text_id: int) -> None:
    """Show the text's neighbours as the rows, and close the menu that covers them; a button's callback."""
    st.query_params["near"] = str(text_id)
    close_more()
    task_review(task_id).clear_selection()


def near_text(task: Task) -> StoredText | None:
    """The text of the address that others are compared with."""
    value = st.query_params.get("near", "")
    if not (value.isdecimal() and len(value) < LONGEST_ID):
        return None
    try:
        text = workbench().store.reviews.text(int(value))
        is_here = workbench().store.generations.get(text.run_id).task_id == task.id
    except StorageError:
        is_here = False
    if not is_here:
        st.query_params.pop("near")
        return None
    return text


def find_near(task: Task, filters: TextFilters, text: StoredText) -> tuple[list[StoredText], dict[int, float], int]:
    """The nearest texts that pass the filters, the text itself first; their similarity, and how many there are."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Most similar to **{escape_markdown(text.text[:80])}**")
        if st.button("Show all again", key="review_far", type="tertiary", icon=":material/close:"):
            st.query_params.pop("near")
            st.rerun()
    reviews = workbench().store.reviews
    candidates = reviews.newest_texts(task.id, filters, limit=N_CANDIDATES)
    if len(candidates) == N_CANDIDATES:
        st.caption(f"Only the newest {N_CANDIDATES:,} texts that match are compared. Filter to compare others.")
    bar = st.empty()
    similarity = {text.id: 1.0}
    for found in neighbours().find(text.text, candidates, n=N_SHOWN - 1, query_id=text.id):
        if isinstance(found, NeighbourProgress):
            share = found.n_done / max(found.n_total, 1)
            bar.progress(share, f"Reading {found.n_done:,} of {found.n_total:,} texts")
        else:
            similarity |= {neighbour.id: neighbour.similarity for neighbour in found}
    bar.empty()
    texts = reviews.texts(list(similarity))
    return texts, similarity, len(texts)
