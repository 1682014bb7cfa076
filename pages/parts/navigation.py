"""The titles in the navigation bar, with the number of texts to review and the progress of runs, kept up to date."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

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
_PAGE_OF = {RunKind.GENERATION: "generate", RunKind.EXPERIMENT: "train", RunKind.LABELLING: "review"}
_Milestones = frozenset[tuple[RunKey, RunStatus, int]]
_PENDING = "navigation_pending"
LONGEST_STALE_S = 10.0


@dataclass(slots=True)
class _Pending:
    """How many texts there are to review: as the bar was drawn, and as counted last, twice alike once it is settled."""

    drawn: int
    drawn_at: float  # seconds, monotonic
    counted: int
    is_settled: bool = True


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
    st.session_state[_PENDING] = _Pending(waiting, time.monotonic(), counted=waiting)
    if waiting:
        titles["review"] += f" · {waiting:,}"
    running = {_PAGE_OF[key.kind]: state for key, state in unfinished if state.status is RunStatus.RUNNING}
    for page, state in running.items():
        share = progress_share(state)
        titles[page] += f" · {share:.0%}" if share >= 0.01 else " · starting"
    return titles


def follow_runs() -> None:
    """Run the page again when a run starts, ends or reaches its next tenth, whatever page is open.

    Only a full rerun draws the navigation bar, and what depends on a run's end elsewhere on the page. Nothing is polled
    while nothing runs.
    """
    try:
        now = _milestones(workbench().store.runs.unfinished())
    except AugmentError:  # the page itself shows it
        return
    st.fragment(_rerun_on_change, run_every=POLL_S if now else None)(now)


def draw_pending(task_id: int) -> None:
    """Rerun the page if the bar shows an old number of texts to review. Call it at the start of a fragment."""
    pending = _count_pending(task_id)
    if pending is not None and pending.counted != pending.drawn:
        _draw(pending)


def follow_reviews(task_id: int) -> None:
    """Keep the bar's number of texts to review up to date when decisions rerun only a fragment or other people decide.

    The bar is drawn again once the number stops changing, every few seconds while it changes, and when no text is left:
    a full rerun for each decision would slow down the next one.
    """
    st.fragment(_rerun_on_decisions, run_every=POLL_S)(task_id)


def _rerun_on_decisions(task_id: int) -> None:
    pending = _count_pending(task_id)
    if pending is None or pending.counted == pending.drawn:
        return
    is_overdue = time.monotonic() - pending.drawn_at > LONGEST_STALE_S
    if pending.is_settled or is_overdue or not pending.counted:
        _draw(pending)


def _draw(pending: _Pending) -> None:
    pending.drawn, pending.drawn_at = pending.counted, time.monotonic()  # asked for once, whatever comes of it
    st.rerun()


def _count_pending(task_id: int) -> _Pending | None:
    """What the bar shows, counted again; None where it shows no number since the database cannot be read."""
    pending: _Pending | None = st.session_state.get(_PENDING)
    if pending is None:
        return None
    try:
        counted = workbench().store.reviews.count_status(task_id)[ReviewStatus.PENDING]
    except AugmentError:
        return None
    pending.is_settled = counted == pending.counted
    pending.counted = counted
    return pending


def _rerun_on_change(drawn: _Milestones) -> None:
    try:
        now = _milestones(workbench().store.runs.unfinished())
    except AugmentError:
        return
    if now != drawn:
        st.rerun()


def _milestones(unfinished: Iterable[tuple[RunKey, RunState]]) -> _Milestones:
    """Which runs wait or run, and which tenth of each is being done; 0 while nothing is done yet."""
    return frozenset((key, state.status, math.ceil(10 * progress_share(state))) for key, state in unfinished)
