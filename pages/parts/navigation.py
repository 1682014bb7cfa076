"""The names in the navigation bar, with a number where something waits or runs."""

import time

import streamlit as st

from augment.errors import AugmentError
from augment.records import ReviewStatus, RunKind, RunStatus
from pages.parts.formats import progress_share
from pages.parts.session import current_task, workbench

_TITLES = {
    "overview": "Overview",
    "seeds": "Seeds",
    "prompt": "Prompt",
    "generate": "Generate",
    "review": "Review",
    "train": "Train",
    "results": "Results",
    "present": "Presentation",
}
_PAGE_OF = {RunKind.GENERATION: "generate", RunKind.EXPERIMENT: "train"}


def page_titles() -> dict[str, str]:
    """Titles by page: 'Review · 43' while texts wait, 'Train · 62%' while a run goes on."""
    titles = dict(_TITLES)
    try:
        store = workbench().store
        task = current_task()
        waiting = store.reviews.count_status(task.id)[ReviewStatus.PENDING] if task else 0
        unfinished = store.runs.unfinished()
    except AugmentError:  # the page itself shows it
        return titles
    st.session_state["navigation_waiting"] = waiting, time.monotonic()
    if waiting:
        titles["review"] += f" · {waiting:,}"
    for key, state in unfinished:
        if state.status is RunStatus.RUNNING:
            titles[_PAGE_OF[key.kind]] += f" · {progress_share(state):.0%}"
    return titles
