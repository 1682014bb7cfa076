"""Review: one card at a time from the keyboard, a table of the rest, what it was worth, and the way in and out."""

import streamlit as st

from augment.records import Task
from pages.parts.layout import empty_state, page_header, showing_errors, task_line
from pages.parts.review.card import KEYS, show_card_tab
from pages.parts.review.exchange import show_exchange
from pages.parts.review.filters import choose_filters
from pages.parts.review.impact import show_worth
from pages.parts.review.queue import list_judges
from pages.parts.review.table import show_table
from pages.parts.reviewer import ask_reviewer, change_reviewer, remember_reviewer, reviewer
from pages.parts.session import enter_through_app, require_task, workbench


@st.fragment
def show_views(task: Task) -> None:
    """Filters and what they let through. Another filter runs this again, not the page around it."""
    if st.session_state.pop("review_changed", False):
        st.rerun()  # the count in the navigation changes too
    with showing_errors():
        filters = choose_filters(task)
        card, table, worth, exchange = st.tabs(
            ["Card", "Table", "Was it worth it", "Export and import"], key="review_view", bind="query-params"
        )
        if card.open:
            with card:
                st.fragment(show_card_tab)(task, filters, list_judges(task))
        if table.open:
            with table:
                show_table(task, filters)
        if worth.open:
            with worth:
                show_worth(task)
        if exchange.open:
            with exchange:
                show_exchange(task, filters, reviewer())


enter_through_app()
task = require_task("Review")
action = page_header("Review", task_line(task))
with showing_errors():
    if not sum(workbench().store.reviews.count_status(task.id).values()):
        empty_state("Texts to review appear here once a generation run has written some.", "Generate texts", "generate")
    if not reviewer():
        ask_reviewer()
        st.stop()
    with action.popover("Keys", icon=":material/keyboard:"):
        st.markdown(KEYS)
        change_reviewer()
    show_views(task)
    remember_reviewer()  # last, as its place in the page is empty
