"""Filters of the Review page: widgets ↔ address → TextFilters, so that a view can be sent to somebody."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from augment.records import GenerationRun, RejectReason, ReviewOrder, ReviewStatus, Task, TextFilters
from pages.parts.review.orders import SORT_NAMES
from pages.parts.review.state import EVERY_PROBABILITY, clear_filters, count_filters
from pages.parts.session import workbench

Option = TypeVar("Option")


def choose_filters(task: Task) -> TextFilters:
    """One row of widgets: the filters that are used most, and the rest folded away."""
    runs = workbench().store.generations.all(task.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="review_filters"):
        search = st.text_input(
            "Search", key="review_search", bind="query-params", placeholder="part of the text", width=280
        )
        status = _choose("Status", list(ReviewStatus), "review_status")
        label = _choose("Label", task.labels, "review_label")
        n_more = count_filters(in_sight=False)
        with st.popover(f"More filters · {n_more}" if n_more else "More filters", icon=":material/tune:"):
            others = _choose_more(task, runs)
        is_filtered = n_more + count_filters(in_sight=True) > 0
        st.button(
            "Clear",
            key="review_clear",
            type="tertiary",
            on_click=clear_filters,
            disabled=not is_filtered,
            help="Removes all filters",
        )
    return replace(others, status=status, label=label, search=search.strip())


def _choose_more(task: Task, runs: Sequence[GenerationRun]) -> TextFilters:
    """Filters by where a text comes from, what was found in it, and how sure the LM is of its label."""
    run_names = {run.id: run.name for run in runs}
    versions = {version.id: f"version {version.number}" for version in workbench().store.prompts.all(task.id)}
    left, right = st.columns(2)
    with left:
        lm_name = _choose("LM", sorted({run.lm_name for run in runs}), "review_lm")
        strategy = _choose("Strategy", sorted({run.config.strategy for run in runs if run.config}), "review_strategy")
        run_id = _choose("Generation run", list(run_names), "review_run", run_names.__getitem__)
    with right:
        version_id = _choose("Prompt", list(versions), "review_prompt", versions.__getitem__)
        flag = _choose("Flag", list(RejectReason), "review_flag")
        is_disputed = st.checkbox(
            "Reviewers disagree",
            key="review_disputed",
            bind="query-params",
            help="Texts on which two people decided differently",
        )
    least, most = st.slider(
        "LM's probability of the likeliest label",
        0.0,
        1.0,
        EVERY_PROBABILITY,
        0.05,
        key="review_confidence",
        bind="query-params",
        help="A range narrower than 0 to 1 leaves out texts without label probabilities",
    )
    return TextFilters(
        lm_name=lm_name,
        strategy=strategy,
        run_id=run_id,
        prompt_version_id=version_id,
        flag=flag,
        least=least if least > 0 else None,
        most=most if most < 1 else None,
        is_disputed=is_disputed,
    )


def choose_sort(*, has_consensus: bool) -> ReviewOrder:
    """What the table is sorted by."""
    orders = [order for order in ReviewOrder if order is not ReviewOrder.LEAST_SURE or has_consensus]
    return st.selectbox(
        "Sort",
        orders,
        index=orders.index(ReviewOrder.NEWEST),
        format_func=SORT_NAMES.__getitem__,
        key="review_sort",
        bind="query-params",
        width=220,
    )


def _choose(label: str, options: Sequence[Option], key: str, name: Callable[[Option], Any] = str) -> Option | None:
    """One of the options, or None for any: an option may itself be called 'any'."""
    return st.selectbox(
        label,
        options,
        index=None,
        format_func=name,
        placeholder="any",
        key=key,
        bind="query-params",
        width=160,
    )
