"""Plan the import of exported texts: check the file against itself and the task before anything is written.

A file that contradicts itself or the task is refused; texts of the validation and test splits are left out. The ids of
the file only show what belongs together.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from augment.errors import DataError
from augment.records import (
    ExportedText,
    GenerationConfig,
    LabelledText,
    RejectReason,
    Restoration,
    ReviewAction,
    Split,
)
from augment.records.copies import CopyCheck
from storage.codec import from_json
from storage.reviews.texts import labels_of
from storage.schema import ExampleRow, SyntheticTextRow

HELD_OUT = (Split.VALIDATION, Split.TEST)


@dataclass(frozen=True, slots=True)
class SourceRun:
    """What all texts of a run have in common."""

    lm_name: str
    strategy: str | None
    prompt_version: int | None
    config: str | None


@dataclass(frozen=True, slots=True)
class SourceStep:
    """What all events of a review step have in common."""

    action: ReviewAction
    reviewer: str
    created_at: datetime
    undoes_id: int | None


Shared = TypeVar("Shared", SourceRun, SourceStep)


@dataclass(frozen=True, slots=True)
class RestorationPlan:
    """The checked texts, with their runs, steps and seeds by the ids of the file."""

    texts: list[ExportedText]
    labels: list[str]
    runs: dict[int, SourceRun]
    steps: dict[int, SourceStep]
    seed_ids: dict[LabelledText, int]
    n_held_out: dict[int, int]  # by run
    outcome: Restoration


def plan_restoration(session: Session, task_id: int, records: Iterable[ExportedText]) -> RestorationPlan:
    """Check the records against each other and the task, and collect their runs and steps.

    Raises:
        DataError: the task does not have a label, a text does not match its history, or the texts are not from one
            export.
    """
    labels = labels_of(session, task_id)
    held_out, seed_ids = _held_out(session, task_id), _seedable_ids(session, task_id)
    texts, n_held_out = [], Counter[int]()
    for record in records:
        _check(record, labels)
        if any(held_out.find(text) for text in _every_text(record)):
            n_held_out[record.run_id] += 1
        else:
            texts.append(record)
    runs, steps = _runs_of(texts), _steps_of(texts)
    known = set(session.scalars(select(SyntheticTextRow.proposed_text).where(SyntheticTextRow.task_id == task_id)))
    events = [event for text in texts for event in text.history]
    outcome = Restoration(
        n_texts=len(texts),
        n_runs=len(runs),
        n_events=len(events),
        reviewers=tuple(sorted({event.reviewer for event in events})),
        n_held_out=n_held_out.total(),
        n_known=sum(text.proposed_text in known for text in texts),
        n_seedless=sum(any(seed not in seed_ids for seed in text.seeds) for text in texts),
    )
    return RestorationPlan(texts, labels, runs, steps, seed_ids, n_held_out, outcome)


def read_config(run_id: int, run: SourceRun) -> GenerationConfig | None:
    """The config of a run of the file, if it has one.

    Raises:
        DataError: it is not JSON, or not the JSON of a config.
    """
    try:
        return from_json(GenerationConfig, json.loads(run.config)) if run.config else None
    except ValueError as error:
        raise DataError(
            f"The config of generation run {run_id} cannot be read. Expected the JSON that was exported. "
            "Export the texts again."
        ) from error


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


def _every_text(record: ExportedText) -> set[str]:
    """Every wording that the text has or that an undo could restore."""
    states = [state for event in record.history for state in (event.change.before, event.change.after)]
    return {record.text, record.proposed_text} | {state.text for state in states if state.text is not None}


def _check(record: ExportedText, labels: Sequence[str]) -> None:
    """Refuse labels that the task does not have, and a text that does not match its history."""
    changes = [event.change for event in record.history]
    used = {record.label, record.proposed_label, *(record.label_probs or ())}
    used |= {state.label for change in changes for state in (change.before, change.after)}
    if unknown := sorted(used - set(labels)):
        raise DataError(
            f"Text {record.id} has the label '{unknown[0]}', which this task does not have. Expected one of "
            f"{', '.join(labels)}. Import the file into a task with the same labels."
        )
    if record.label_probs is not None and set(record.label_probs) != set(labels):
        raise DataError(
            f"Text {record.id} has probabilities for {', '.join(record.label_probs)} only; this task's labels are "
            f"{', '.join(labels)}. Import the file into a task with the same labels."
        )
    if record.replay() != record.state:
        raise DataError(
            f"Text {record.id} does not match its history, so the file was changed after the export. To use the "
            "changed labels, import the file as labels by id."
        )


def _runs_of(texts: Sequence[ExportedText]) -> dict[int, SourceRun]:
    """The runs that the texts came from."""
    runs: dict[int, SourceRun] = {}
    numbers: set[tuple[int, int]] = set()
    for text in sorted(texts, key=lambda text: text.run_id):
        run = SourceRun(text.lm_name, text.strategy, text.prompt_version, text.config)
        _learn(runs, text.run_id, run, "Generation run")
        if (text.run_id, text.number) in numbers:
            raise DataError(
                f"Number {text.number} of generation run {text.run_id} is in the file twice. Expected each text "
                "once; remove one of them."
            )
        numbers.add((text.run_id, text.number))
    for run_id, run in runs.items():
        read_config(run_id, run)
    return runs


def _steps_of(texts: Sequence[ExportedText]) -> dict[int, SourceStep]:
    """The steps of the texts' events, and the steps that undid these, oldest first."""
    steps: dict[int, SourceStep] = {}
    for event in (event for text in texts for event in text.history):
        step = SourceStep(event.action, event.reviewer, event.created_at, event.undoes_id)
        _learn(steps, event.step_id, step, "Step")
        if event.undone_id is not None and event.undone_at is not None:
            undo = SourceStep(ReviewAction.UNDO, event.reviewer, event.undone_at, event.step_id)
            _learn(steps, event.undone_id, undo, "Step")
    undone = [step.undoes_id for step in steps.values() if step.undoes_id is not None]
    if len(set(undone)) < len(undone) or not set(undone) <= steps.keys():
        raise DataError(
            "The file's history is broken: an undo takes back a step that is not in the file or was already undone. "
            "Export the texts again."
        )
    return dict(sorted(steps.items()))


def _learn(known: dict[int, Shared], id_: int, found: Shared, what: str) -> None:
    """Remember a run or step; every text that has it must describe it in the same way."""
    if known.setdefault(id_, found) != found:
        raise DataError(
            f"{what} {id_} is described in two ways, so the file combines two exports. Import them one after the other."
        )
