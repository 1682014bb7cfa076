"""Filters of the Review page: widgets ↔ address → TextFilters, so that a view can be sent to somebody."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from augment.records import GenerationRun, RejectReason, ReviewOrder, ReviewStatus, Task, TextFilters
from pages.parts.session import workbench

ANY = "any"
SURE = (0.0, 1.0)
NOTHING_CHOSEN = {  # of each widget; the three that are always in sight first
    "review_search": "",
    "review_status": ANY,
    "review_label": ANY,
    "review_lm": ANY,
    "review_strategy": ANY,
    "review_run": ANY,
    "review_prompt": ANY,
    "review_flag": ANY,
    "review_confidence": SURE,
    "review_disputed": False,
}
N_IN_SIGHT = 3


def choose_filters(task: Task) -> TextFilters:
    """One row of widgets: what is asked for most often, and the rest folded away."""
    runs = workbench().store.generations.all(task.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="review_filters"):
        search = st.text_input(
            "Search", key="review_search", bind="query-params", placeholder="a part of the text", width=280
        )
        status = _choose("Status", [one.value for one in ReviewStatus], "review_status")
        label = _choose("Label", list(task.labels), "review_label")
        n_more = sum(map(_is_set, list(NOTHING_CHOSEN)[N_IN_SIGHT:]))
        with st.popover(f"More filters · {n_more}" if n_more else "More filters", icon=":material/filter_list:"):
            rest = _choose_more(task, runs)
        n_set = n_more + sum(map(bool, (search, status, label)))
        st.button(
            "Clear", key="review_clear", type="tertiary", on_click=clear_filters, disabled=not n_set, help="No filters"
        )
    return replace(rest, status=ReviewStatus(status) if status else None, label=label, search=search.strip())


def _choose_more(task: Task, runs: Sequence[GenerationRun]) -> TextFilters:
    """Filters by where a text comes from, what was found in it, and how sure its label is."""
    by_name = {run.name: run.id for run in runs}
    prompts = {f"version {one.number}": one.id for one in workbench().store.prompts.all(task.id)}
    left, right = st.columns(2)
    with left:
        lm = _choose("LM", sorted({run.lm_name for run in runs}), "review_lm")
        strategy = _choose("Strategy", sorted({run.config.strategy for run in runs if run.config}), "review_strategy")
        run = _choose("Run", list(by_name), "review_run")
    with right:
        prompt = _choose("Prompt", list(prompts), "review_prompt")
        flag = _choose("Flag", [one.value for one in RejectReason], "review_flag")
        is_disputed = st.checkbox(
            "Reviewers disagree", key="review_disputed", bind="query-params", help="Two people decided differently"
        )
    least, most = st.slider(
        "Confidence",
        0.0,
        1.0,
        SURE,
        0.05,
        key="review_confidence",
        bind="query-params",
        help="The LM's probability of the likeliest label. Below 0 to 1, texts without probabilities are left out",
    )
    return TextFilters(
        lm_name=lm,
        strategy=strategy,
        run_id=by_name.get(run) if run else None,
        prompt_version_id=prompts.get(prompt) if prompt else None,
        flag=RejectReason(flag) if flag else None,
        least=least if least > 0 else None,
        most=most if most < 1 else None,
        is_disputed=is_disputed,
    )


def choose_order() -> ReviewOrder:
    """What the table is sorted by."""
    orders = [one.value for one in ReviewOrder]
    chosen = st.selectbox(
        "Sort",
        orders,
        index=orders.index(ReviewOrder.NEWEST),
        key="review_sort",
        bind="query-params",
        width=220,
    )
    return ReviewOrder(chosen)


def clear_filters() -> None:
    """A button's callback: as if nothing had been filtered."""
    st.session_state.update(NOTHING_CHOSEN)  # forgetting them would bring back what the browser still shows


def _choose(label: str, options: Sequence[str], key: str) -> str | None:
    """One of the options, or None for any."""
    chosen = st.selectbox(label, [ANY, *options], key=key, bind="query-params", width=160)
    return None if chosen in (None, ANY) else chosen


def _is_set(key: str) -> bool:
    return st.session_state.get(key) not in (None, NOTHING_CHOSEN[key])
