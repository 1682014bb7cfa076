"""Review: cards from the keyboard, a table, who says what of the labels, what review was worth, export and import."""

import streamlit as st

from augment.records import Task
from pages.parts.layout import empty_state, page_header, showing_errors, task_line
from pages.parts.navigation import draw_pending
from pages.parts.review.card import show_card_view
from pages.parts.review.exchange import show_exchange
from pages.parts.review.filters import choose_filters
from pages.parts.review.impact import show_worth
from pages.parts.review.label_sources.tab import show_label_sources
from pages.parts.review.state import CARD, EXCHANGE, LABELS, TABLE, VIEW, WORTH
from pages.parts.review.table import show_table
from pages.parts.reviewer import ask_reviewer, remember_reviewer, reviewer
from pages.parts.session import enter_through_app, require_task, workbench


@st.fragment
def show_views(task: Task) -> None:
    """The tabs, of which only the open one is drawn. Another filter reruns this, not the page around it."""
    draw_pending(task.id)
    workbench().consensus.refresh(task)
    tabs = st.tabs([CARD, TABLE, LABELS, WORTH, EXCHANGE], key=VIEW, bind="query-params")
    card, table, labels, worth, exchange = tabs
    if card.open:
        with card, showing_errors():
            show_card_view(task)
    for tab, view in ((labels, show_label_sources), (worth, show_worth)):
        if tab.open:
            with tab, showing_errors():
                view(task)
    for tab, show in ((table, show_table), (exchange, show_exchange)):
        if tab.open:
            with tab, showing_errors():
                if reviewer():
                    show(task, choose_filters(task))
                else:
                    ask_reviewer()


enter_through_app()
task = require_task("Review")
page_header("Review", task_line(task))
with showing_errors():
    if not sum(workbench().store.reviews.count_status(task.id).values()):
        empty_state("Texts to review appear here once a generation run has written some.", "Generate texts", "generate")
    show_views(task)
    remember_reviewer()  # last, as its place in the page is empty
