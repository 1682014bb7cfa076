"""Exports synthetic texts as records with lineage and history, a chunk at a time."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from augment.records import (
    ExportedEvent,
    ExportedText,
    LabelledText,
    ReviewAction,
    ReviewStatus,
    StoredText,
    TextConsensus,
    TextFilters,
)
from storage.consensus import read_consensus
from storage.exchange.plan import SourceRun
from storage.reviews.steps import change_of
from storage.reviews.text_queries import conditions_of
from storage.reviews.texts import labels_of
from storage.schema import (
    CompletionRow,
    ExampleRow,
    GenerationRunRow,
    PromptVersionRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
)
from storage.text_rows import select_texts, to_stored_texts

CHUNK = 500  # texts per step: each has up to 32 seeds, and SQLite allows 32,766 parameters per statement


@dataclass(frozen=True, slots=True)
class _Lineage:
    """The origin of one text."""

    run: SourceRun
    number: int
    completion: CompletionRow | None


def count_texts(session: Session, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> int:
    """How many texts `export_texts` would return."""
    query = select(func.count()).select_from(SyntheticTextRow).where(*_conditions(task_id, filters, statuses))
    return session.scalar(query) or 0


def export_texts(
    session: Session, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]
) -> Iterator[ExportedText]:
    """The texts with these statuses that pass the filters, oldest first; `filters.status` is ignored."""
    query = select(SyntheticTextRow.id).where(*_conditions(task_id, filters, statuses))
    labels, runs = labels_of(session, task_id), _source_runs(session, task_id)
    ids = list(session.scalars(query.order_by(SyntheticTextRow.id)))
    for start in range(0, len(ids), CHUNK):
        yield from _export_chunk(session, ids[start : start + CHUNK], labels, runs)


def _conditions(task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> list[ColumnElement[bool]]:
    return [*conditions_of(task_id, replace(filters, status=None)), SyntheticTextRow.status.in_(statuses)]


def _source_runs(session: Session, task_id: int) -> dict[int, SourceRun]:
    query = (
        select(GenerationRunRow, PromptVersionRow.number)
        .outerjoin(PromptVersionRow, PromptVersionRow.id == GenerationRunRow.prompt_version_id)
        .where(GenerationRunRow.task_id == task_id)
    )
    return {
        row.id: SourceRun(
            lm_name=row.lm_name,
            strategy=row.config.get("strategy") if row.config else None,
            prompt_version=number,
            config=json.dumps(row.config, ensure_ascii=False) if row.config else None,
        )
        for row, number in session.execute(query)
    }


def _export_chunk(
    session: Session, ids: Sequence[int], labels: Sequence[str], runs: Mapping[int, SourceRun]
) -> Iterator[ExportedText]:
    of_ids = SyntheticTextRow.id.in_(ids)
    stored = to_stored_texts(session, select_texts().where(of_ids).order_by(SyntheticTextRow.id))
    query = (
        select(SyntheticTextRow.id, SyntheticTextRow.run_id, SyntheticTextRow.number, CompletionRow)
        .outerjoin(CompletionRow, CompletionRow.id == SyntheticTextRow.completion_id)
        .where(of_ids)
    )
    lineages = {
        text_id: _Lineage(runs[run_id], number, completion)
        for text_id, run_id, number, completion in session.execute(query)
    }
    completions = [lineage.completion for lineage in lineages.values() if lineage.completion]
    seeds = _examples(session, {seed_id for completion in completions for seed_id in completion.seed_ids})
    histories = _histories(session, ids)
    consensus = read_consensus(session, ids)
    for text in stored:
        yield ExportedText(
            **_text_fields(text, labels),
            **_lineage_fields(lineages[text.id], seeds),
            history=tuple(histories[text.id]),
            **_consensus_fields(consensus.get(text.id)),
        )


def _text_fields(text: StoredText, labels: Sequence[str]) -> dict[str, Any]:
    """The fields of a text's current state."""
    return {
        "id": text.id,
        "text": text.text,
        "label": text.label,
        "status": text.status,
        "note": text.note,
        "proposed_text": text.proposed_text,
        "proposed_label": text.proposed_label,
        "label_probs": dict(zip(labels, text.label_probs, strict=True)) if text.label_probs else None,
        "flags": text.flags,
        "created_at": text.created_at,
        "run_id": text.run_id,
    }


def _lineage_fields(lineage: _Lineage, seeds: Mapping[int, LabelledText]) -> dict[str, Any]:
    """The fields of a text's origin."""
    run, completion = lineage.run, lineage.completion
    return {
        "lm_name": run.lm_name,
        "strategy": run.strategy,
        "prompt_version": run.prompt_version,
        "config": run.config,
        "number": lineage.number,
        "prompt": completion.prompt if completion else None,
        "raw": completion.raw if completion else None,
        "n_tokens": completion.n_tokens if completion else None,
        "n_prompt_tokens": completion.n_prompt_tokens if completion else None,
        "seeds": tuple(seeds[seed_id] for seed_id in completion.seed_ids if seed_id in seeds) if completion else (),
    }


def _consensus_fields(consensus: TextConsensus | None) -> dict[str, Any]:
    """The fields of what all label sources say; a person's decision stands."""
    if consensus is None:
        return {}
    return {"consensus_label": consensus.label, "consensus_prob": consensus.prob}


def _examples(session: Session, ids: Collection[int]) -> dict[int, LabelledText]:
    query = select(ExampleRow.id, ExampleRow.text, ExampleRow.label).where(ExampleRow.id.in_(ids))
    return {id_: LabelledText(text, label) for id_, text, label in session.execute(query)}


def _histories(session: Session, text_ids: Sequence[int]) -> Mapping[int, list[ExportedEvent]]:
    """Every event of these texts, oldest first, each with the step that undid its step."""
    undo = aliased(ReviewStepRow)
    query = (
        select(ReviewEventRow, ReviewStepRow, undo.id, undo.created_at)
        .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
        .outerjoin(undo, undo.undoes_id == ReviewStepRow.id)
        .where(ReviewEventRow.text_id.in_(text_ids))
        .order_by(ReviewEventRow.id)
    )
    found: dict[int, list[ExportedEvent]] = defaultdict(list)
    for row, step, undone_id, undone_at in session.execute(query):
        event = ExportedEvent(
            step_id=step.id,
            action=ReviewAction(step.action),
            reviewer=step.reviewer,
            created_at=step.created_at,
            **change_of(row).columns,
            undoes_id=step.undoes_id,
            undone_id=undone_id,
            undone_at=undone_at,
        )
        found[row.text_id].append(event)
    return found
