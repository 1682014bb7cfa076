"""Which texts, in which order: filters and orders as SQL. The database does all of it, with an index for each order."""

from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, literal_column, select

from augment.records import ReviewOrder, ReviewStatus, TextFilters
from storage.reviews.own_decisions import decides
from storage.schema import (
    GenerationRunRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
    TextFlagRow,
)

NO_PROBABILITY: ColumnElement[float] = literal_column(
    "2.0"
)  # sorts behind every probability; the indices hold the same expression
LABEL_PROB_KEY = func.coalesce(SyntheticTextRow.label_prob, NO_PROBABILITY)
CONFIDENCE_KEY = func.coalesce(SyntheticTextRow.confidence, NO_PROBABILITY)


def conditions_of(task_id: int, filters: TextFilters) -> list[ColumnElement[bool]]:
    """What a synthetic text must fulfil."""
    text = SyntheticTextRow
    found: list[ColumnElement[bool]] = [text.task_id == task_id]
    for column, value in (
        (text.status, filters.status),
        (text.label, filters.label),
        (text.proposed_label, filters.proposed_label),
        (text.run_id, filters.run_id),
    ):
        if value is not None:
            found.append(column == value)
    of_run: list[ColumnElement[bool]] = []
    if filters.lm_name is not None:
        of_run.append(GenerationRunRow.lm_name == filters.lm_name)
    if filters.strategy is not None:
        of_run.append(GenerationRunRow.config["strategy"].as_string() == filters.strategy)
    if filters.prompt_version_id is not None:
        of_run.append(GenerationRunRow.prompt_version_id == filters.prompt_version_id)
    if of_run:
        found.append(text.run_id.in_(select(GenerationRunRow.id).where(GenerationRunRow.task_id == task_id, *of_run)))
    if filters.flag is not None:
        found.append(exists().where(TextFlagRow.text_id == text.id, TextFlagRow.reason == filters.flag))
    if filters.least is not None:
        found.append(text.confidence >= filters.least)
    if filters.most is not None:
        found.append(text.confidence <= filters.most)
    if filters.search:
        found.append(text.text.icontains(filters.search, autoescape=True))
    if filters.is_disputed:
        found.append(text.id.in_(_disputed(task_id)))
    return found


def order_of(order: ReviewOrder) -> tuple[Any, ...]:
    """What texts are sorted by; equal ones by their id."""
    text = SyntheticTextRow
    if order is ReviewOrder.DISAGREEMENT:
        return (LABEL_PROB_KEY, text.id)
    if order is ReviewOrder.LEAST_CONFIDENT:
        return (CONFIDENCE_KEY, text.id)
    if order is ReviewOrder.RANDOM:
        return (text.shuffle, text.id)
    if order is ReviewOrder.RUN:
        return (text.run_id, text.id)
    return (text.id.desc(),) if order is ReviewOrder.NEWEST else (text.id,)


def standing_decisions(task_id: int) -> Any:
    """Each reviewer's last standing decision on each text: a CTE of event ids."""
    return (
        select(
            func.max(ReviewEventRow.id).label("event_id"),
            ReviewEventRow.text_id.label("text_id"),
            ReviewStepRow.reviewer.label("reviewer"),
        )
        .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
        .where(ReviewStepRow.task_id == task_id, *decides(ReviewEventRow, ReviewStepRow))
        .group_by(ReviewEventRow.text_id, ReviewStepRow.reviewer)
        .cte("standing")
    )


def outcome_of(event: Any) -> Any:
    """The label that an event gave, '' where it rejected the text."""
    return case((event.status_after == ReviewStatus.REJECTED, ""), else_=event.label_after)


def _disputed(task_id: int) -> Any:
    """Ids of texts that two reviewers decided differently."""
    standing = standing_decisions(task_id)
    return (
        select(standing.c.text_id)
        .join(ReviewEventRow, ReviewEventRow.id == standing.c.event_id)
        .group_by(standing.c.text_id)
        .having(func.count(outcome_of(ReviewEventRow).distinct()) > 1)
    )
