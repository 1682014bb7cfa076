"""What label sources say of a text together, and how many of a task's labels are right by it."""

import streamlit as st

from augment.labels.estimated_accuracy import EstimatedAccuracy
from augment.records import LabelSource, QueueRequest, SourceOpinion, Task, TextConsensus, TextFilters
from augment.wording import percent, plural
from pages.parts.formats import escape_markdown
from pages.parts.review.state import chosen_order
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench
from workbench.consensus import MAX_TEXTS, LabelEstimate, NextDecisions

SHORT_NAMES = {
    LabelSource.WRITTEN: "written",
    LabelSource.JUDGED: "given",
    LabelSource.SCORED: "LM",
    LabelSource.CLASSIFIER: "classifier",
}
SHOWN = (  # in order
    LabelSource.WRITTEN,
    LabelSource.JUDGED,
    LabelSource.SCORED,
    LabelSource.LM,
    LabelSource.FILE,
    LabelSource.CLASSIFIER,
)
NAMED_ONLY = (LabelSource.WRITTEN, LabelSource.JUDGED, LabelSource.FILE)  # they name a label, without a probability


# Of one text ---------------------------------------------------------------------------------------------------------


def describe_consensus(found: TextConsensus) -> str:
    """'written anger · LM 0.41 anger · classifier 0.83 surprise · consensus 0.78 surprise'."""
    parts = [describe_opinion(opinion) for opinion in sort_opinions(found)]
    parts.append(f"decided {found.label}" if found.is_decided else f"consensus {found.prob:.2f} {found.label}")
    return " · ".join(parts)


def sort_opinions(found: TextConsensus) -> list[SourceOpinion]:
    """What came with the text first, then what others say, then the classifier."""
    return sorted(found.opinions, key=lambda opinion: SHOWN.index(opinion.source))


def describe_opinion(opinion: SourceOpinion) -> str:
    """'classifier 0.83 surprise', or 'written anger' of a source that only names labels."""
    name = opinion.name or SHORT_NAMES[opinion.source]
    prob = "" if opinion.source in NAMED_ONLY else f"{opinion.prob:.2f} "
    return f"{name} {prob}{opinion.label}"


def show_consensus(text_id: int) -> None:
    """A line for each source, and what they say together without a decision about the text itself."""
    found = workbench().store.consensus.of_texts([text_id]).get(text_id)
    if found is None:
        return
    for opinion in sort_opinions(found):
        st.caption(escape_markdown(f"{describe_opinion(opinion)}: {opinion.source.value}"))
    without = " without the decision about this text" if found.is_decided else ""
    st.caption(escape_markdown(f"consensus {found.expected_prob:.2f} {found.expected_label}{without}"))


# Of all texts --------------------------------------------------------------------------------------------------------


def show_estimate_line(task: Task, filters: TextFilters) -> None:
    """A line below the progress bar: how many labels are right, and what the next decisions would change."""
    found = workbench().consensus.estimate(task.id)
    if found is None:
        if workbench().consensus.is_working(task.id):
            st.caption("Comparing label sources. How many labels are right appears here after a while.")
        return
    parts = [f"With consensus, {describe_accuracy(found.accuracy)} labels are right"]
    if not chosen_order().is_second:
        request = QueueRequest(filters, chosen_order(), reviewer())
        upcoming = workbench().consensus.expect_next(task.id, request)
        parts += [describe_next(upcoming)] if upcoming and upcoming.n else []
    st.caption(escape_markdown(" · ".join(parts)))


def show_estimate(task: Task) -> None:
    """How many labels are right with consensus, what this is based on, and how much each source counts."""
    found = workbench().consensus.estimate(task.id)
    if found is None:
        n_texts = sum(workbench().store.reviews.count_status(task.id).values())
        if n_texts > MAX_TEXTS:
            st.caption(f"Label sources are compared in tasks of up to {MAX_TEXTS:,} texts; this one has {n_texts:,}.")
        return
    st.markdown(f"**With consensus, {describe_accuracy(found.accuracy)} labels are right.**")
    st.caption(
        escape_markdown(explain(found)),
        help="A decided text counts as right, any other by the probability of its consensus label. These "
        "probabilities are corrected by what decisions showed so far: of each decided text we compare the decision "
        "with what the label sources say together without it. The 95% interval assumes that decided texts are as "
        "right as others of the same probability.",
    )


def explain(found: LabelEstimate) -> str:
    """What the estimate is based on, and how much each source counts."""
    calibration = found.calibration
    if calibration.n_decided:
        basis = (
            f"{plural(calibration.n_decided, 'text')} decided. Without the decisions, label sources are right about "
            f"{calibration.n_right:,} of them and expect {calibration.n_expected:,.0f}."
        )
    else:
        basis = "Nobody has decided yet, so nothing shows whether the probabilities are right. Each decision does."
    weights = (f"{weight.name or SHORT_NAMES[weight.source]} {weight.exponent:.2f}" for weight in found.version.weights)
    return f"{basis} How much each source counts: {' · '.join(weights)}."


def describe_accuracy(accuracy: EstimatedAccuracy) -> str:
    """'about 83% (78% to 88%) of 10,000'."""
    interval = f"{percent(accuracy.low)} to {percent(accuracy.high)}"
    return f"about {percent(accuracy.share)} ({interval}) of {accuracy.n:,}"


def describe_next(upcoming: NextDecisions) -> str:
    """'the next 50 decisions would change about 4 labels'."""
    n = round(upcoming.n_changes)
    changes = f"about {plural(n, 'label')}" if n else "hardly any label"
    return f"the next {plural(upcoming.n, 'decision')} would change {changes}"
