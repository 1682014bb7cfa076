"""Exported texts on their way into a task: checked first, then written as new runs in one transaction.

What contradicts itself or the task is refused before anything is written; texts of the validation and test splits are
left out. Ids of the file only say what belongs together: everything gets new ones, steps in the order they were made.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from augment.errors import DataError
from augment.records import (
    Decision,
    ExportedEvent,
    ExportedText,
    GenerationConfig,
    LabelledText,
    PromptTemplate,
    RejectReason,
    Restoration,
    ReviewAction,
    ReviewStatus,
    RunStatus,
    Split,
)
from augment.records.copies import CopyCheck
from storage.codec import from_json, to_json
from storage.reviews.steps import labels_of
from storage.schema import (
    CompletionRow,
    ExampleRow,
    GenerationRunRow,
    PromptVersionRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
    TextFlagRow,
    utc_now,
)

CHUNK = 500  # texts a step
HELD_OUT = (Split.VALIDATION, Split.TEST)


# Checked --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceRun:
    """What all texts of a run share."""

    lm_name: str
    strategy: str | None
    prompt_version: int | None
    config: str | None


@dataclass(frozen=True, slots=True)
class _Step:
    """A review step as its events tell it."""

    action: ReviewAction
    reviewer: str
    created_at: datetime
    undoes_id: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked texts with what they share, under the ids of the file."""

    texts: list[ExportedText]
    labels: list[str]
    runs: dict[int, SourceRun]
    steps: dict[int, _Step]
    seed_ids: dict[LabelledText, int]
    n_held_out: dict[int, int]  # by run
    outcome: Restoration


def plan_restoration(session: Session, task_id: int, records: Iterable[ExportedText]) -> Plan:
    """Check the records against themselves and the task, and gather what they share.

    Raises:
        DataError: a label is none of the task's, a text is not what its history made of it, or texts do not belong
            into one file.
    """
    labels = labels_of(session, task_id)
    held_out, seed_ids = _held_out(session, task_id), _seedable_ids(session, task_id)
    texts, n_held_out = [], Counter[int]()
    for one in records:
        _check(one, labels)
        if any(held_out.find(text) for text in _every_text(one)):
            n_held_out[one.run_id] += 1
        else:
            texts.append(one)
    runs, steps = _runs_of(texts), _steps_of(texts)
    known = set(session.scalars(select(SyntheticTextRow.proposed_text).where(SyntheticTextRow.task_id == task_id)))
    events = [event for one in texts for event in one.history]
    outcome = Restoration(
        n_texts=len(texts),
        n_runs=len(runs),
        n_events=len(events),
        reviewers=tuple(sorted({event.reviewer for event in events})),
        n_held_out=n_held_out.total(),
        n_known=sum(one.proposed_text in known for one in texts),
        n_seedless=sum(any(seed not in seed_ids for seed in one.seeds) for one in texts),
    )
    return Plan(texts, labels, runs, steps, seed_ids, n_held_out, outcome)


def _held_out(session: Session, task_id: int) -> CopyCheck:
    check = CopyCheck()
    query = select(ExampleRow.text).where(ExampleRow.task_id == task_id, ExampleRow.split.in_(HELD_OUT))
    check.forbid(session.scalars(query), RejectReason.HELD_OUT_COPY)
    return check


def _seedable_ids(session: Session, task_id: int) -> dict[LabelledText, int]:
    query = select(ExampleRow.text, ExampleRow.label, ExampleRow.id).where(
        ExampleRow.task_id == task_id, ExampleRow.split.not_in(HELD_OUT)
    )
    return {LabelledText(text, label): id_ for text, label, id_ in session.execute(query)}


def _every_text(one: ExportedText) -> set[str]:
    """Every text that it has or that an undo could give it back."""
    events = {text for event in one.history for text in (event.text_before, event.text_after) if text is not None}
    return {one.text, one.proposed_text} | events


def _check(one: ExportedText, labels: Sequence[str]) -> None:
    """Refuse what the task cannot hold, and a text that is not what its history says."""
    used = {one.label, one.proposed_label, *(one.label_probs or ())}
    used |= {label for event in one.history for label in (event.label_before, event.label_after)}
    if unknown := sorted(used - set(labels)):
        raise DataError(
            f"Text {one.id} has the label '{unknown[0]}', which this task does not have. Expected one of "
            f"{', '.join(labels)}: import it into a task with the same labels."
        )
    if one.label_probs is not None and set(one.label_probs) != set(labels):
        raise DataError(
            f"Text {one.id} has probabilities of {', '.join(one.label_probs)} only; this task's labels are "
            f"{', '.join(labels)}. Import it into a task with the same labels."
        )
    if one.replay() != Decision(one.label, one.status, one.text, one.note):
        raise DataError(
            f"Text {one.id} is not what its history made of it, so the file was changed since it was exported. To take "
            "changed labels over, import the file as labels by id."
        )


def _runs_of(texts: Sequence[ExportedText]) -> dict[int, SourceRun]:
    """The runs that the texts came from."""
    runs: dict[int, SourceRun] = {}
    numbers: set[tuple[int, int]] = set()
    for one in sorted(texts, key=lambda text: text.run_id):
        _note(runs, one.run_id, SourceRun(one.lm_name, one.strategy, one.prompt_version, one.config), "Run")
        if (one.run_id, one.number) in numbers:
            raise DataError(
                f"Number {one.number} of run {one.run_id} stands twice in the file. Expected every text once; "
                "leave one out."
            )
        numbers.add((one.run_id, one.number))
    for run_id, run in runs.items():
        _config_of(run_id, run)
    return runs


def _note(known: dict[int, Any], id_: int, told: SourceRun | _Step, what: str) -> None:
    """Learn a run or step of a text, which every other text of it must tell alike."""
    if known.setdefault(id_, told) != told:
        raise DataError(
            f"{what} {id_} is told in two ways: two exports were put into one file. Import them one after the other."
        )


def _config_of(run_id: int, run: SourceRun) -> GenerationConfig | None:
    try:
        return from_json(GenerationConfig, json.loads(run.config)) if run.config else None
    except ValueError as error:  # not JSON, or not a config's
        raise DataError(
            f"The config of run {run_id} cannot be read. Expected the JSON that was exported; export it anew."
        ) from error


def _steps_of(texts: Sequence[ExportedText]) -> dict[int, _Step]:
    """The steps of the texts' events, and those which took these back, oldest first."""
    steps: dict[int, _Step] = {}
    for event in (event for one in texts for event in one.history):
        step = _Step(event.action, event.reviewer, event.created_at, event.undoes_id)
        _note(steps, event.step_id, step, "Step")
        if event.undone_id is not None and event.undone_at is not None:
            undo = _Step(ReviewAction.UNDO, event.reviewer, event.undone_at, event.step_id)
            _note(steps, event.undone_id, undo, "Step")
    undone = [step.undoes_id for step in steps.values() if step.undoes_id is not None]
    if len(set(undone)) < len(undone) or not set(undone) <= steps.keys():
        raise DataError("The file's history is broken: an undo takes back no step of it, or one twice. Export it anew.")
    return dict(sorted(steps.items()))


# Written --------------------------------------------------------------------------------------------------------------


def add_all(session: Session, task_id: int, plan: Plan) -> Restoration:
    """Write what was planned; returns it with the new runs' ids."""
    run_ids = _add_runs(session, task_id, plan)
    step_ids = _add_steps(session, task_id, plan)
    for start in range(0, len(plan.texts), CHUNK):
        _add_texts(session, task_id, plan, plan.texts[start : start + CHUNK], run_ids, step_ids)
    _point_to_last_events(session, run_ids.values())
    return replace(plan.outcome, run_ids=tuple(run_ids.values()))


def _add_runs(session: Session, task_id: int, plan: Plan) -> dict[int, int]:
    """A finished run for each of the file's; their ids by the file's."""
    n_texts = Counter(one.run_id for one in plan.texts)
    rows = {}
    for run_id, run in plan.runs.items():
        left_out = plan.n_held_out[run_id]
        rows[run_id] = GenerationRunRow(
            task_id=task_id,
            prompt_version_id=_prompt_version_id(session, task_id, run_id, run),
            lm_name=run.lm_name,
            config=json.loads(run.config) if run.config else None,
            status=RunStatus.DONE,
            message=f"Imported; {left_out} copies of validation or test texts left out" if left_out else "Imported",
            n_done=n_texts[run_id],
            n_total=n_texts[run_id],
            n_attempts=n_texts[run_id],
            finished_at=utc_now(),
        )
        session.add(rows[run_id])
        session.flush()
    return {run_id: row.id for run_id, row in rows.items()}


def _prompt_version_id(session: Session, task_id: int, run_id: int, run: SourceRun) -> int | None:
    """The task's prompt version of the run's template, of the same number where there are two; a new one if none."""
    config = _config_of(run_id, run)
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


def _add_steps(session: Session, task_id: int, plan: Plan) -> dict[int, int]:
    """The steps, in their order; their ids by the file's."""
    if not plan.steps:
        return {}
    n_events = Counter(event.step_id for one in plan.texts for event in one.history)
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


def _add_texts(
    session: Session,
    task_id: int,
    plan: Plan,
    texts: Sequence[ExportedText],
    run_ids: Mapping[int, int],
    step_ids: Mapping[int, int],
) -> None:
    """One chunk of texts, with their completions before and their flags and events after them."""
    asked = [one for one in texts if one.has_completion]
    completions = _insert(session, CompletionRow, [_completion_values(one, run_ids, plan.seed_ids) for one in asked])
    completion_ids = dict(zip(((one.run_id, one.number) for one in asked), completions, strict=True))
    values = [
        {
            "task_id": task_id,
            "run_id": run_ids[one.run_id],
            "completion_id": completion_ids.get((one.run_id, one.number)),
        }
        | _text_values(one, plan.labels)
        for one in texts
    ]
    text_ids = _insert(session, SyntheticTextRow, values)
    flags = [
        {"text_id": text_id, "reason": reason, "detail": detail}
        for text_id, one in zip(text_ids, texts, strict=True)
        for reason, detail in {flag.reason: flag.detail for flag in one.flags}.items()
    ]
    events = [
        {"text_id": text_id, "step_id": step_ids[event.step_id]} | change_of(event)
        for text_id, one in zip(text_ids, texts, strict=True)
        for event in one.history
    ]
    for kind, rows in ((TextFlagRow, flags), (ReviewEventRow, events)):
        if rows:
            session.execute(insert(kind), rows)


def _completion_values(
    one: ExportedText, run_ids: Mapping[int, int], seed_ids: Mapping[LabelledText, int]
) -> dict[str, Any]:
    return {
        "run_id": run_ids[one.run_id],
        "number": one.number,
        "prompt": one.prompt,
        "seed_ids": [seed_ids[seed] for seed in one.seeds if seed in seed_ids],
        "raw": one.raw,
        "n_tokens": one.n_tokens,
        "n_prompt_tokens": one.n_prompt_tokens,
    }


def _text_values(one: ExportedText, labels: Sequence[str]) -> dict[str, Any]:
    probs = one.label_probs
    return {
        "number": one.number,
        "text": one.text,
        "proposed_text": one.proposed_text,
        "proposed_label": one.proposed_label,
        "label_probs": [probs[label] for label in labels] if probs else None,
        "label": one.label,
        "status": one.status,
        "note": one.note,
        "confidence": max(probs.values()) if probs else None,
        "label_prob": probs[one.label] if probs else None,
        "created_at": one.created_at,
    }


def _insert(session: Session, kind: type[Any], values: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows; their ids in the order given."""
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


def change_of(event: ReviewEventRow | ExportedEvent) -> dict[str, Any]:
    """What an event changed: the fields that its row and its record share."""
    return {
        "label_before": event.label_before,
        "label_after": event.label_after,
        "status_before": ReviewStatus(event.status_before),
        "status_after": ReviewStatus(event.status_after),
        "text_before": event.text_before,
        "text_after": event.text_after,
        "note_before": event.note_before,
        "note_after": event.note_after,
    }
