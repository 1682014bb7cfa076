"""What claims on Results and Present rest on, and what must be said beside them.

Stored predictions are read once for the same runs in this browser tab.
"""

from dataclasses import dataclass

import streamlit as st

from augment.records import Task
from augment.results.cautions import check_test_split, list_notes
from augment.results.recommended import Recommended
from pages.parts.formats import escape_markdown
from pages.parts.session import page_state, workbench
from workbench.comparisons import Comparison, count_test_labels, with_predictions
from workbench.recommendations import recommend_variant


@dataclass(slots=True)
class EvidenceState:
    """The newest comparison with its predictions, and what was recommended for which runs."""

    newest: Comparison | None = None
    recommended: tuple[tuple[int, ...], Recommended | None] = ((), None)


def add_predictions(comparison: Comparison) -> Comparison:
    """The comparison with what its runs predict for the test texts; only runs that are new are read."""
    state = page_state("results_evidence", EvidenceState)
    ids = {experiment.id for experiment in comparison.experiments}
    is_same = state.newest and {experiment.id for experiment in state.newest.experiments} == ids
    state.newest = with_predictions(workbench(), comparison, state.newest if is_same else None)
    return state.newest


def recommend(comparison: Comparison) -> Recommended | None:
    """What validation texts recommend once all runs are finished."""
    state, run_ids = page_state("results_evidence", EvidenceState), tuple(run.id for run in comparison.runs)
    if comparison.is_active:
        return None
    if state.recommended[0] != run_ids:
        state.recommended = (run_ids, recommend_variant(workbench(), comparison))
    return state.recommended[1]


def show_cautions(task: Task, comparison: Comparison, metric: str) -> None:
    """What must be known beside the answer: warnings about the test split, then notes."""
    for warning in check_test_split(count_test_labels(workbench(), task)):
        st.warning(escape_markdown(warning), icon=":material/warning:")
    for note in list_notes(comparison.runs, metric, comparison.names, comparison.predicted):
        st.markdown(escape_markdown(note))
