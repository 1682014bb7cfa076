"""What claims on Overview, Results, Review and Present rest on, and what must be said beside them.

Stored predictions are read once for the same runs in this browser tab.
"""

from dataclasses import dataclass, field
from typing import TypeVar

import streamlit as st

from augment.records import Task
from augment.results.cautions import check_test_split, list_notes
from augment.results.next_steps import NextStep, next_step
from augment.results.recommended import Recommended, answer
from pages.parts.formats import escape_markdown
from pages.parts.session import page_state, workbench
from workbench.comparisons import Comparison, count_test_labels, with_predictions
from workbench.recommendations import recommend_variant
from workbench.text_progress import count_progress

Found = TypeVar("Found")

N_KEPT = 4  # comparisons: Overview, Results, Review and Present may each show another one


@dataclass(slots=True)
class EvidenceState:
    """The newest comparisons with their predictions by experiments' ids, and what was recommended by runs' ids."""

    comparisons: dict[tuple[int, ...], Comparison] = field(default_factory=dict)
    recommended: dict[tuple[int, ...], Recommended | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a comparison says: in a sentence, and what to do next."""

    comparison: Comparison
    recommended: Recommended | None
    sentence: str
    step: NextStep


def find_answer(task: Task, comparison: Comparison, metric: str) -> Answer:
    """The answer that every page gives for the same comparison."""
    comparison = add_predictions(comparison)
    recommended = recommend(comparison)
    return Answer(
        comparison,
        recommended,
        answer(comparison.runs, metric, comparison.names, recommended, comparison.predicted),
        next_step(
            comparison.runs,
            metric,
            count_progress(workbench(), task),
            is_seeds_best=recommended is not None and recommended.choice.variant.is_baseline,
            predicted=comparison.predicted,
        ),
    )


def add_predictions(comparison: Comparison) -> Comparison:
    """The comparison with what its runs predict for the test texts; only runs that are new are read."""
    kept = page_state("results_evidence", EvidenceState).comparisons
    ids = tuple(experiment.id for experiment in comparison.experiments)
    found = with_predictions(workbench(), comparison, kept.get(ids))
    _keep(kept, ids, found)
    return found


def recommend(comparison: Comparison) -> Recommended | None:
    """What validation texts recommend once all runs are finished."""
    kept, run_ids = page_state("results_evidence", EvidenceState).recommended, tuple(run.id for run in comparison.runs)
    if comparison.is_active:
        return None
    found = kept[run_ids] if run_ids in kept else recommend_variant(workbench(), comparison)
    _keep(kept, run_ids, found)
    return found


def _keep(kept: dict[tuple[int, ...], Found], ids: tuple[int, ...], found: Found) -> None:
    """Keep what was found last; forget the oldest."""
    kept.pop(ids, None)
    kept[ids] = found
    while len(kept) > N_KEPT:
        del kept[next(iter(kept))]


def show_cautions(task: Task, comparison: Comparison, metric: str) -> None:
    """What must be known beside the answer: warnings about the test split, then notes."""
    for warning in check_test_split(count_test_labels(workbench(), task)):
        st.warning(escape_markdown(warning), icon=":material/warning:")
    for note in list_notes(comparison.runs, metric, comparison.names, comparison.predicted):
        st.markdown(escape_markdown(note))
