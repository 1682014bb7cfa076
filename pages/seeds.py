"""Seeds: import labelled texts, keep their splits apart, and choose the few-shot seeds."""

from collections import Counter

import pandas as pd
import streamlit as st

from augment.records import Split, Task
from augment.results.charts.counts import split_counts
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import PAGES, page_header, showing_errors, task_line
from pages.parts.seeds.seed_set import seed_panel, show_seed_sets
from pages.parts.seeds.source import import_panel
from pages.parts.session import choose_task, current_task, enter_through_app, workbench


def switch_task(task: Task) -> None:
    """Which of the imported data sets this browser tab works on, where there are several."""
    tasks = workbench().store.tasks.all()
    if len(tasks) > 1:
        picked = st.selectbox(
            "Work on",
            tasks,
            index=tasks.index(task),
            format_func=name_task,
            key=f"seeds_task_{task.id}",
            help="Applies to all pages in this browser tab",
        )
        if picked.id != task.id:
            choose_task(picked.id)
            st.rerun()


def show_counts(task: Task) -> None:
    """Counts per label and split, and what was left out."""
    counts = workbench().store.tasks.count_examples(task.id)
    st.caption(escape_markdown(f"From {task.source}, {task.created_at:%d %b %Y %H:%M} UTC"))
    totals = Counter[Split]()
    for (split, _), n in counts.items():
        totals[split] += n
    st.markdown(" · ".join(f"**{totals[split]:,}** {split.value}" for split in Split if split.is_real))
    st.plotly_chart(
        split_counts(counts, task.labels),
        key="seeds_counts",
        alt="Examples per label and split",
        config={"displayModeBar": False},
    )
    left_out = workbench().store.tasks.left_out(task.id)
    if left_out:
        frame = pd.DataFrame(
            [{"reason": row.reason, "split": row.split.value, "label": row.label, "text": row.text} for row in left_out]
        )
        with st.expander(f"{plural(len(left_out), 'row')} left out, with reasons"):
            reasons = frame["reason"].value_counts()
            st.text("\n".join(f"{n:,} × {reason}" for reason, n in reasons.items()))
            st.dataframe(frame, hide_index=True, height=240, key="seeds_left_out")


def show_nothing_yet() -> "st.delta_generator.DeltaGenerator":
    """Say what appears here once texts are imported; returns the place for the import button."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(
            "**No texts yet.** Choose a source and its labels. After the import, this page shows how many texts each "
            "label has, and draws the seeds for the prompt.",
            text_alignment="center",
            width=520,
        )
        action = st.container(horizontal=True, horizontal_alignment="center")
        st.space("small")
    return action


def name_task(task: Task) -> str:
    """'2 · Emotion · joy / anger / surprise'; not escaped."""
    return f"{task.id} · {task.name} · {' / '.join(task.labels)}"


enter_through_app()
task = current_task()
header = page_header("Seeds", "Import labelled texts. A few of them become seeds: the examples that the prompt shows.")
left, right = st.columns([3, 5], gap="large")
with right:
    import_action = None if task else show_nothing_yet()
with left, showing_errors():
    if task:
        st.subheader(task_line(task), anchor=False)
        switch_task(task)
        show_counts(task)
    with st.expander("Import other data") if task else st.container():
        import_panel(import_action)
if task:
    is_saved = False
    with right, showing_errors():
        is_saved = seed_panel(task, header)
    with right:
        show_seed_sets(task)
    if workbench().store.tasks.seed_sets(task.id) and header.button(
        "Continue: prompt",
        type="primary" if is_saved else "secondary",
        key="seeds_continue",
        icon=":material/arrow_forward:",
    ):
        st.switch_page(PAGES["prompt"])
