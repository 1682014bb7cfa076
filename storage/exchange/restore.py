"""Write planned texts into a task, as new finished runs. Everything gets new ids; steps keep their order."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from augment.records import ExportedText, LabelledText, PromptTemplate, Restoration, RunStatus
from storage.codec import from_json, to_json
from storage.exchange.plan import RestorationPlan, SourceRun, read_config
from storage.schema import (
    CompletionRow,
    GenerationRunRow,
    PromptVersionRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
    TextFlagRow,
    utc_now,
)

CHUNK = 500  # texts written at once


@dataclass(frozen=True, slots=True)
class _NewIds:
    """New ids in the database by the file's ids."""

    runs: Mapping[int, int]
    steps: Mapping[int, int]


def restore_texts(session: Session, task_id: int, plan: RestorationPlan) -> Restoration:
    """Write the planned texts; returns the outcome with the new runs' ids."""
    ids = _NewIds(_add_runs(session, task_id, plan), _add_steps(session, task_id, plan))
    for start in range(0, len(plan.texts), CHUNK):
        _add_texts(session, task_id, replace(plan, texts=plan.texts[start : start + CHUNK]), ids)
    _point_to_last_events(session, ids.runs.values())
    return replace(plan.outcome, run_ids=tuple(ids.runs.values()))


def _add_runs(session: Session, task_id: int, plan: RestorationPlan) -> dict[int, int]:
    """Add a finished run for each run in the file; returns the new ids by the file's ids."""
    n_texts = Counter(text.run_id for text in plan.texts)
    rows = {}
    for run_id, run in plan.runs.items():
        left_out = plan.n_held_out[run_id]
        rows[run_id] = GenerationRunRow(
            task_id=task_id,
            prompt_version_id=_prompt_version_id(session, task_id, run_id, run),
            lm_name=run.lm_name,
            config=json.loads(run.config) if run.config else None,
            status=RunStatus.DONE,
            message=f"Imported; {left_out:,} copies of validation or test texts left out" if left_out else "Imported",
            n_done=n_texts[run_id],
            n_total=n_texts[run_id],
            n_attempts=n_texts[run_id],
            finished_at=utc_now(),
        )
        session.add(rows[run_id])
        session.flush()
    return {run_id: row.id for run_id, row in rows.items()}


def _prompt_version_id(session: Session, task_id: int, run_id: int, run: SourceRun) -> int | None:
    """The task's prompt version with the run's template, preferably with the same number; a new one if needed."""
    config = read_config(run_id, run)
    if config is None or run.prompt_version is None:
        return None
    query = select(PromptVersionRow).where(PromptVersionRow.task_id == task_id)
    versions = {row.number: row for row in session.scalars(query.order_by(PromptVersionRow.number))}
    alike = [row for row in versions.values() if from_json(PromptTemplate, row.template) == config.template]
    if alike:
        return next((row.id for row in alike if row.number == run.prompt_version), alike[-1].id)
    number = run.prompt_version if run.prompt_version not in versions else max(versions) + 1
    row = PromptVersionRow(task_id=task_id, number=number, template=to_json(config.template), note="Imported")
    session.add(row)
    session.flush()
    return row.id


def _add_steps(session: Session, task_id: int, plan: RestorationPlan) -> dict[int, int]:
    """Add the steps in their order; returns the new ids by the file's ids."""
    if not plan.steps:
        return {}
    n_events = Counter(event.step_id for text in plan.texts for event in text.history)
    values = [
        {
            "task_id": task_id,
            "action": step.action,
            "reviewer": step.reviewer,
            "n_events": n_events[step_id],
            "is_restored": True,
            "created_at": step.created_at,
        }
        for step_id, step in plan.steps.items()
    ]
    ids = dict(zip(plan.steps, _insert(session, ReviewStepRow, values), strict=True))
    undoing = [
        {"id": ids[step_id], "undoes_id": ids[step.undoes_id]}
        for step_id, step in plan.steps.items()
        if step.undoes_id is not None
    ]
    if undoing:
        session.execute(update(ReviewStepRow), undoing)
    return ids


def _add_texts(session: Session, task_id: int, plan: RestorationPlan, ids: _NewIds) -> None:
    """Add completions first, then the texts, then their flags and events."""
    completed = [text for text in plan.texts if text.has_completion]
    values = [{"run_id": ids.runs[text.run_id]} | _completion_values(text, plan.seed_ids) for text in completed]
    completions = _insert(session, CompletionRow, values)
    completion_ids = dict(zip(((text.run_id, text.number) for text in completed), completions, strict=True))
    values = [
        {
            "task_id": task_id,
            "run_id": ids.runs[text.run_id],
            "completion_id": completion_ids.get((text.run_id, text.number)),
        }
        | _text_values(text, plan.labels)
        for text in plan.texts
    ]
    text_ids = _insert(session, SyntheticTextRow, values)
    flags = [
        {"text_id": text_id, "reason": reason, "detail": detail}
        for text_id, text in zip(text_ids, plan.texts, strict=True)
        for reason, detail in {flag.reason: flag.detail for flag in text.flags}.items()
    ]
    events = [
        {"text_id": text_id, "step_id": ids.steps[event.step_id]} | event.change.columns
        for text_id, text in zip(text_ids, plan.texts, strict=True)
        for event in text.history
    ]
    for kind, rows in ((TextFlagRow, flags), (ReviewEventRow, events)):
        if rows:
            session.execute(insert(kind), rows)


def _completion_values(text: ExportedText, seed_ids: Mapping[LabelledText, int]) -> dict[str, Any]:
    return {
        "number": text.number,
        "prompt": text.prompt,
        "seed_ids": [seed_ids[seed] for seed in text.seeds if seed in seed_ids],
        "raw": text.raw,
        "n_tokens": text.n_tokens,
        "n_prompt_tokens": text.n_prompt_tokens,
    }


def _text_values(text: ExportedText, labels: Sequence[str]) -> dict[str, Any]:
    probs = text.label_probs
    return {
        "number": text.number,
        "text": text.text,
        "proposed_text": text.proposed_text,
        "proposed_label": text.proposed_label,
        "label_probs": [probs[label] for label in labels] if probs else None,
        "label": text.label,
        "status": text.status,
        "note": text.note,
        "confidence": max(probs.values()) if probs else None,
        "label_prob": probs[text.label] if probs else None,
        "created_at": text.created_at,
    }


def _insert(session: Session, kind: type[Any], values: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows; returns their ids in the same order."""
    if not values:
        return []
    return list(session.scalars(insert(kind).returning(kind.id, sort_by_parameter_order=True), values))


def _point_to_last_events(session: Session, run_ids: Collection[int]) -> None:
    last = select(func.max(ReviewEventRow.id)).where(ReviewEventRow.text_id == SyntheticTextRow.id).scalar_subquery()
    session.execute(
        update(SyntheticTextRow)
        .where(SyntheticTextRow.run_id.in_(run_ids))
        .values(last_event_id=last)
        .execution_options(synchronize_session=False)
    )
