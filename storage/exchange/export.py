"""The review desk's texts on their way out, with lineage and history, and the ways back in.

Out: records, a chunk of texts at a time, all of one moment. What comes back is checked and written by
`storage.exchange.restore`; labels that were decided elsewhere are compared with what stands here.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, aliased

from augment.errors import DataError
from augment.records import (
    DecidedElsewhere,
    DecisionCount,
    ExportedEvent,
    ExportedText,
    LabelledText,
    Restoration,
    ReviewAction,
    ReviewStatus,
    StoredText,
    TextFilters,
)
from storage.engine import reading, writing
from storage.exchange.restore import SourceRun, add_all, change_of, plan_restoration
from storage.generations import select_texts, to_stored_texts
from storage.reviews.steps import labels_of, leads_to
from storage.reviews.text_queries import conditions_of
from storage.schema import (
    CompletionRow,
    ExampleRow,
    GenerationRunRow,
    PromptVersionRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
)

CHUNK = 500  # texts a step: each brings up to 32 seeds, and SQLite takes 32,766 parameters a statement


class Exchange:
    """Exports, and what comes back from them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> int:
        """How many texts `export` would give."""
        query = select(func.count()).select_from(SyntheticTextRow).where(*_conditions(task_id, filters, statuses))
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def export(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> Iterator[ExportedText]:
        """The texts of these statuses that the filters let through, oldest first; `filters.status` does not count.

        All of one moment, however long it takes: a step of many texts is there as a whole or not at all.
        """
        query = select(SyntheticTextRow.id).where(*_conditions(task_id, filters, statuses))
        with reading(self._engine) as session:
            labels, runs = labels_of(session, task_id), _source_runs(session, task_id)
            ids = list(session.scalars(query.order_by(SyntheticTextRow.id)))
            for start in range(0, len(ids), CHUNK):
                yield from _export(session, ids[start : start + CHUNK], labels, runs)

    def preview(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """What `restore` would store; it raises the same errors."""
        with reading(self._engine) as session:
            return plan_restoration(session, task_id, records).outcome

    def restore(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """Store exported texts with lineage and history as finished runs of the task, one a run they came from.

        All of them or none. Copies of validation and test examples are left out; so is a seed that is no example of the
        task. A prompt version is the task's own one of the same template, or a new one.

        Raises:
            DataError: a label is none of the task's, a history does not lead to what its text is, or nothing but copies
                of held-out texts came.
        """
        with reading(self._engine) as session:  # parsed and checked before the write lock is taken
            plan = plan_restoration(session, task_id, records)
        if not plan.texts:
            raise DataError(
                f"All {plan.outcome.n_held_out} texts stand in the validation or test split. Training on them would be "
                "a leak."
            )
        with writing(self._engine) as session:
            return add_all(session, task_id, plan)

    def compare(self, task_id: int, decided: DecidedElsewhere) -> DecisionCount:
        """How many texts the decisions would change, before `Reviews.import_decisions` does it.

        Raises:
            DataError: an id is of no text of this task, or the table shows another text than stands under it.
        """
        ids, n_same = list(decided.decisions), 0
        with reading(self._engine) as session:
            for start in range(0, len(ids), CHUNK):
                chunk = ids[start : start + CHUNK]
                query = select(SyntheticTextRow).where(
                    SyntheticTextRow.id.in_(chunk), SyntheticTextRow.task_id == task_id
                )
                rows = {row.id: row for row in session.scalars(query)}
                for one in chunk:
                    _check_meant(one, rows.get(one), decided.texts.get(one))
                n_same += sum(leads_to(row, decided.decisions[row.id]) for row in rows.values())
        return DecisionCount(n_changed=len(ids) - n_same, n_same=n_same)


def _check_meant(text_id: int, row: SyntheticTextRow | None, shown: str | None) -> None:
    if row is None:
        raise DataError(
            f"Id {text_id} is of no synthetic text of this task. Export the texts anew and take the ids from there."
        )
    if shown is not None and _same_newlines(shown) != _same_newlines(row.text):
        raise DataError(
            f"Id {text_id} is '{shown[:40]}' in the file and '{row.text[:40]}' here. Take the ids from a new export, "
            "or leave the column 'text' out if these ids are meant."
        )


def _same_newlines(text: str) -> str:
    """Spreadsheets change nothing in a text but these."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _conditions(task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> list[Any]:
    return [*conditions_of(task_id, replace(filters, status=None)), SyntheticTextRow.status.in_(statuses)]


# Out -----------------------------------------------------------------------------------------------------------------


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


def _export(
    session: Session, ids: Sequence[int], labels: Sequence[str], runs: Mapping[int, SourceRun]
) -> Iterator[ExportedText]:
    of_ids = SyntheticTextRow.id.in_(ids)
    stored = to_stored_texts(session, select_texts().where(of_ids).order_by(SyntheticTextRow.id))
    query = (
        select(SyntheticTextRow.id, SyntheticTextRow.number, CompletionRow)
        .outerjoin(CompletionRow, CompletionRow.id == SyntheticTextRow.completion_id)
        .where(of_ids)
    )
    attempts = {text_id: (number, completion) for text_id, number, completion in session.execute(query)}
    seeds = _examples(session, {one for _, row in attempts.values() if row for one in row.seed_ids})
    histories = _histories(session, ids)
    for text in stored:
        number, completion = attempts[text.id]
        yield ExportedText(
            **_standing(text, labels),
            **_lineage(runs[text.run_id], number, completion, seeds),
            history=tuple(histories[text.id]),
        )


def _standing(text: StoredText, labels: Sequence[str]) -> dict[str, Any]:
    """The fields that tell how a text stands."""
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


def _lineage(
    run: SourceRun, number: int, completion: CompletionRow | None, seeds: Mapping[int, LabelledText]
) -> dict[str, Any]:
    """The fields that tell where a text came from."""
    return {
        "lm_name": run.lm_name,
        "strategy": run.strategy,
        "prompt_version": run.prompt_version,
        "config": run.config,
        "number": number,
        "prompt": completion.prompt if completion else None,
        "raw": completion.raw if completion else None,
        "n_tokens": completion.n_tokens if completion else None,
        "n_prompt_tokens": completion.n_prompt_tokens if completion else None,
        "seeds": tuple(seeds[one] for one in completion.seed_ids if one in seeds) if completion else (),
    }


def _examples(session: Session, ids: Collection[int]) -> dict[int, LabelledText]:
    query = select(ExampleRow.id, ExampleRow.text, ExampleRow.label).where(ExampleRow.id.in_(ids))
    return {id_: LabelledText(text, label) for id_, text, label in session.execute(query)}


def _histories(session: Session, text_ids: Sequence[int]) -> Mapping[int, list[ExportedEvent]]:
    """Every event of these texts, oldest first, each with the step that took its step back."""
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
            **change_of(row),
            undoes_id=step.undoes_id,
            undone_id=undone_id,
            undone_at=undone_at,
        )
        found[row.text_id].append(event)
    return found
