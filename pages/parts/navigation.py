"""The names in the navigation bar, with a number where something waits or runs; they follow what runs."""

import time
from collections.abc import Iterable

import streamlit as st

from augment.errors import AugmentError
from augment.records import ReviewStatus, RunKey, RunKind, RunState, RunStatus
from pages.parts.formats import progress_share
from pages.parts.layout import POLL_S
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
_Milestones = frozenset[tuple[RunKey, RunStatus, int]]


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
    running = {_PAGE_OF[key.kind]: state for key, state in unfinished if state.status is RunStatus.RUNNING}
    for page, state in running.items():
        share = progress_share(state)
        titles[page] += f" · {share:.0%}" if share >= 0.01 else " · starting"
    return titles


def follow_runs() -> None:
    """Run the page again when a run starts, ends or gets another tenth done, whatever page is open.

    Only a full rerun draws the navigation bar, and what depends on a run's end elsewhere on the page. Nothing is polled
    while nothing runs.
    """
    try:
        now = _milestones(workbench().store.runs.unfinished())
    except AugmentError:  # the page itself shows it
        return
    st.fragment(_rerun_on_change, run_every=POLL_S if now else None)(now)


def _rerun_on_change(drawn: _Milestones) -> None:
    try:
        now = _milestones(workbench().store.runs.unfinished())
    except AugmentError:
        return
    if now != drawn:
        st.rerun()


def _milestones(unfinished: Iterable[tuple[RunKey, RunState]]) -> _Milestones:
    """Which runs wait or run, and how many tenths of each are done."""
    return frozenset((key, state.status, int(10 * progress_share(state))) for key, state in unfinished)
