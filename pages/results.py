"""Results: whether the synthetic texts helped, how sure that is, and what review gained. All from stored rows."""

from collections.abc import Callable

import streamlit as st

from augment.records import Task
from augment.results.report.build import build_report
from pages.parts.layout import CHARTS_POLL_S, empty_state, page_header, showing_errors, task_line
from pages.parts.results.answer import show_comparison
from pages.parts.results.choice import choose_comparison, choose_metric
from pages.parts.results.details import (
    show_certainty,
    show_disagreement,
    show_label_shares,
    show_labels_found,
    show_runs,
    show_steps,
)
from pages.parts.session import enter_through_app, require_task, workbench
from workbench.comparisons import Comparison
from workbench.reports import gather_report


def offer_export(task: Task, comparison: Comparison, place: "st.delta_generator.DeltaGenerator") -> None:
    """The report as a file, and the read-only page; both of one experiment."""
    if len(comparison.experiments) != 1:
        place.caption("Choose one experiment for its report.")
        return
    experiment = comparison.experiments[0]
    place.download_button(
        "Report",
        lambda: build_report(gather_report(workbench(), task, experiment)),
        f"report-experiment-{experiment.id}.html",
        "text/html",
        key="results_report",
        icon=":material/description:",
        on_click="ignore",
        help="One HTML file that opens offline, for people who have never seen this app",
    )
    place.link_button(
        "Present",
        f"present?task={task.id}&experiment={experiment.id}",
        icon=":material/slideshow:",
        help="A read-only page in large type, with its own address",
    )


def show_results(task: Task, chosen: Comparison, action: "st.delta_generator.DeltaGenerator") -> None:
    """The comparison, followed live, and the details in tabs."""
    offer_export(task, chosen, action)
    is_held = False
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = choose_metric()
        if chosen.is_active:
            is_held = st.toggle(
                "Hold the charts", key="results_hold", help="Keeps them as they are while the experiment goes on"
            )
    with st.container(border=True):
        poll_s = CHARTS_POLL_S if chosen.is_active else None
        st.fragment(show_comparison, run_every=poll_s)(task, chosen, metric, is_held=is_held)
    sections: dict[str, Callable[[], None]] = {
        "How sure": lambda: show_certainty(chosen, metric),
        "Per label": lambda: show_labels_found(task, chosen),
        "Over steps": lambda: show_steps(task, chosen),
        "Label shares": lambda: show_label_shares(task, chosen),
        "Disagreement": lambda: show_disagreement(task, chosen),
        "Runs": lambda: show_runs(chosen),
    }
    tabs = st.tabs(list(sections), key="results_section", on_change="rerun")  # only the open one is computed
    for tab, show in zip(tabs, sections.values(), strict=True):
        if tab.open:
            with tab, showing_errors():
                show()


enter_through_app()
task = require_task("Results")
action = page_header("Results", task_line(task))
with showing_errors():
    found = choose_comparison(task)
    if found is None:
        empty_state(
            "After the first training run, this page compares classifiers trained with and without synthetic texts.",
            "Train",
            "train",
        )
    else:
        show_results(task, found, action)
