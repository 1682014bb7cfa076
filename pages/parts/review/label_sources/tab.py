"""The Labels tab: how many labels are right, how right each source is, and two ways to get another opinion."""

import pandas as pd
import streamlit as st

from augment.labels.agreement import Share
from augment.records import Task
from augment.wording import percent
from pages.parts.layout import POLL_S, showing_errors
from pages.parts.review.label_sources.asking import show_asking
from pages.parts.review.label_sources.consensus import show_estimate
from pages.parts.review.label_sources.importing import show_importing
from pages.parts.review.label_sources.runs import show_sources
from pages.parts.session import workbench
from workbench.labelling import MeasuredSource, measure_sources

DECISIONS, SEEDS = "right on decisions", "right on seeds"


def show_label_sources(task: Task) -> None:
    """How many labels are right, the sources with their accuracy, what runs, and the two ways to add a source."""
    sources = workbench().store.label_sources.all(task.id)
    if not sources:
        st.markdown(
            "**No second opinion yet.** Many labels that a language model writes are wrong. Ask another language model "
            "what it thinks of each text, or import labels that a person or a model gave elsewhere."
        )
    show_estimate(task)
    show_accuracy(measure_sources(workbench(), task))
    if sources:
        is_active = any(source.state.status.is_active for source in sources)
        st.fragment(show_live, run_every=POLL_S if is_active else None)(task)
    left, right = st.columns(2, gap="large")
    with left, showing_errors():
        show_asking(task)
    with right, showing_errors():
        show_importing(task)


def show_live(task: Task) -> None:
    """`show_sources` as a fragment, which shows its own errors."""
    with showing_errors():
        show_sources(task)


def show_accuracy(measured: list[MeasuredSource]) -> None:
    """A row per source: for how many texts it has an opinion, and how often it is right."""
    rows = [
        {
            "source": source.name,
            DECISIONS: describe_share(source.accuracy.on_decisions),
            SEEDS: describe_share(source.accuracy.on_seeds),
            "texts": source.n_texts,
            "kind": source.source.kind.value if source.source else "",
        }
        for source in measured
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="review_label_sources",
        column_config={
            "source": st.column_config.TextColumn(width=220),
            "kind": st.column_config.TextColumn(width=120),
            "texts": st.column_config.NumberColumn(width=70, help="Texts that it has an opinion about"),
            DECISIONS: st.column_config.TextColumn(
                width=180, help="Of the texts whose label people accepted or changed, with a 95% interval"
            ),
            SEEDS: st.column_config.TextColumn(
                width=180, help="Of the seeds, each asked about in prompts that do not show it, with a 95% interval"
            ),
        },
    )


def describe_share(share: Share) -> str:
    """'81% (64% to 91%) of 32'; a dash where there is nothing to measure on."""
    return f"{percent(share.share)} ({percent(share.low)} to {percent(share.high)}) of {share.n:,}" if share.n else "–"
