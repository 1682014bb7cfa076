"""Filters and sort orders of synthetic texts as SQL. The database does all the work, with an index for most orders."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, select

from augment.records import ReviewOrder, TextFilters
from storage.reviews.standing import last_decisions_of_all, outcome_of
from storage.schema import (
    GenerationRunRow,
    ReviewEventRow,
    SyntheticTextRow,
    TextConsensusRow,
    TextFlagRow,
)

# Sorts after every probability; the indexes have the same expression.
NO_PROBABILITY: ColumnElement[float] = literal_column("2.0")
LABEL_PROB_KEY = func.coalesce(SyntheticTextRow.label_prob, NO_PROBABILITY)
CONFIDENCE_KEY = func.coalesce(SyntheticTextRow.confidence, NO_PROBABILITY)


def conditions_of(task_id: int, filters: TextFilters) -> list[ColumnElement[bool]]:
    """The conditions that a synthetic text must meet."""
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
    if of_run := _run_conditions(filters):
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


def _run_conditions(filters: TextFilters) -> list[ColumnElement[bool]]:
    """The conditions that a text's run must meet."""
    found: list[ColumnElement[bool]] = []
    if filters.lm_name is not None:
        found.append(GenerationRunRow.lm_name == filters.lm_name)
    if filters.strategy is not None:
        found.append(GenerationRunRow.config["strategy"].as_string() == filters.strategy)
    if filters.prompt_version_id is not None:
        found.append(GenerationRunRow.prompt_version_id == filters.prompt_version_id)
    return found


def order_of(order: ReviewOrder) -> tuple[Any, ...]:
    """The columns that texts are sorted by; ties are sorted by id."""
    text = SyntheticTextRow
    if order is ReviewOrder.DISAGREEMENT:
        return (LABEL_PROB_KEY, text.id)
    if order is ReviewOrder.LEAST_CONFIDENT:
        return (CONFIDENCE_KEY, text.id)
    if order is ReviewOrder.LEAST_SURE:
        sure = select(TextConsensusRow.prob).where(TextConsensusRow.text_id == text.id).scalar_subquery()
        return (func.coalesce(sure, NO_PROBABILITY), text.id)
    if order is ReviewOrder.RANDOM:
        return (text.shuffle, text.id)
    if order is ReviewOrder.RUN:
        return (text.run_id, text.id)
    return (text.id.desc(),) if order is ReviewOrder.NEWEST else (text.id,)


def _disputed(task_id: int) -> Select[int]:
    """Ids of texts that two reviewers decided differently."""
    last = last_decisions_of_all(task_id)
    return (
        select(last.c.text_id)
        .join(ReviewEventRow, ReviewEventRow.id == last.c.event_id)
        .group_by(last.c.text_id)
        .having(func.count(outcome_of(ReviewEventRow).distinct()) > 1)
    )
