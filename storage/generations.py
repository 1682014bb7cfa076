"""Generation runs, their completions, and the synthetic texts and rejects made from these."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, func, insert, or_, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    Attempt,
    Completion,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    Reject,
    RejectReason,
    ReviewStatus,
    RunStatus,
    StoredReject,
    StoredText,
    SyntheticText,
)
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.runs import state_of
from storage.schema import CompletionRow, GenerationRunRow, SyntheticTextRow, TaskRow, TextFlagRow, utc_now
from storage.text_rows import select_texts, to_stored_texts


class Generations:
    """Generation runs and their results."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, task_id: int, config: GenerationConfig, *, seed_set_id: int, prompt_version_id: int
    ) -> GenerationRun:
        """Store a new run as queued; `Store.start_run` starts it."""
        with writing(self._engine) as session:
            row = GenerationRunRow(
                task_id=task_id,
                seed_set_id=seed_set_id,
                prompt_version_id=prompt_version_id,
                lm_name=config.lm.name,
                config=to_json(config),
                status=RunStatus.QUEUED,
                n_total=config.target,
            )
            session.add(row)
            session.flush()
            return _to_run(row)

    def import_texts(
        self, task_id: int, lm_name: str, texts: Sequence[LabelledText], *, message: str = "Imported"
    ) -> GenerationRun:
        """Store texts that were written elsewhere as a finished run of the LM named `lm_name`."""
        with writing(self._engine) as session:
            row = GenerationRunRow(
                task_id=task_id,
                lm_name=lm_name,
                status=RunStatus.DONE,
                message=message,
                n_done=len(texts),
                n_total=len(texts),
                n_attempts=len(texts),
                finished_at=utc_now(),
            )
            session.add(row)
            session.flush()
            session.execute(
                insert(SyntheticTextRow),
                [_text_values(row, number, text.text, text.label) for number, text in enumerate(texts)],
            )
            return _to_run(row)

    def write(self, run_id: int, records: Sequence[SyntheticText | Reject], progress: GenerationProgress) -> None:
        """Store one batch and the run's progress, together or not at all."""
        with writing(self._engine) as session:
            run = session.get(GenerationRunRow, run_id)
            if run is None:
                raise StorageError(f"Generation run {run_id} was deleted; its texts cannot be stored. Start a new run.")
            labels = session.scalar(select(TaskRow.labels).where(TaskRow.id == run.task_id)) or []
            for record in records:
                reject = record if isinstance(record, Reject) else None
                completion = CompletionRow(
                    run_id=run_id,
                    number=record.attempt.number,
                    prompt=record.attempt.prompt,
                    seed_ids=list(record.attempt.seed_ids),
                    raw=record.attempt.completion.text,
                    n_tokens=record.attempt.completion.n_tokens,
                    n_prompt_tokens=record.attempt.completion.n_prompt_tokens,
                    reject_reason=reject.reason if reject else None,
                    reject_detail=reject.detail if reject else "",
                )
                session.add(completion)
                if isinstance(record, SyntheticText):
                    session.flush()
                    text = SyntheticTextRow(
                        **_text_values(run, record.attempt.number, record.text, record.label),
                        completion_id=completion.id,
                        **_probability_values(record, labels),
                    )
                    session.add(text)
                    session.flush()
                    flags = {flag.reason: flag.detail for flag in record.flags}
                    session.add_all(
                        TextFlagRow(text_id=text.id, reason=reason, detail=detail) for reason, detail in flags.items()
                    )
            run.n_attempts, run.n_done, run.n_total = progress.n_attempts, progress.n_texts, progress.target
            run.cost = progress.cost
            run.elapsed_s, run.message, run.heartbeat_at = progress.elapsed_s, progress.message, utc_now()

    def all(self, task_id: int) -> list[GenerationRun]:
        """Every run of the task, newest first."""
        query = select(GenerationRunRow).where(GenerationRunRow.task_id == task_id)
        with reading(self._engine) as session:
            return [_to_run(row) for row in session.scalars(query.order_by(GenerationRunRow.id.desc()))]

    def get(self, run_id: int) -> GenerationRun:
        """The run with this id.

        Raises:
            StorageError: there is no such run.
        """
        with reading(self._engine) as session:
            return _to_run(_get(session, run_id))

    def progress(self, run_id: int) -> GenerationProgress:
        """The last stored progress of a run, to resume from.

        Raises:
            StorageError: there is no such run, or its texts were imported.
        """
        run = self.get(run_id)
        if run.config is None:
            raise StorageError(f"Generation run {run_id} was imported and cannot be resumed. Start a new run.")
        counts = self.count_labels(run_id)
        n_completed = run.n_texts + sum(self.count_rejects(run_id).values())
        return GenerationProgress(
            run.n_attempts,
            run.n_texts,
            run.config.target,
            run.state.elapsed_s,
            n_by_label=tuple(counts.get(label, 0) for label in run.config.labels),
            cost=run.cost,
            n_completed=n_completed,
        )

    def extend(self, run_id: int, config: GenerationConfig) -> None:
        """Change a run's target, cap or budget; the rest of its config must stay the same.

        Raises:
            StorageError: it was imported, or something else would change.
        """
        with writing(self._engine) as session:
            row = _get(session, run_id)
            stored = from_json(GenerationConfig, row.config) if row.config else None
            same = stored and replace(
                stored, target=config.target, attempt_cap=config.attempt_cap, budget=config.budget
            )
            if same != config:
                raise StorageError(
                    f"Only the target, cap and budget of generation run {run_id} can be changed. "
                    "Start a new run instead."
                )
            row.config, row.n_total = to_json(config), config.target

    def texts(self, run_ids: Sequence[int], *, newest: int | None = None) -> list[StoredText]:
        """The synthetic texts of some runs, round robin over the runs in the order they were written.

        With `newest`, only that many of the latest texts, newest first.
        """
        query = select_texts().where(SyntheticTextRow.run_id.in_(run_ids))
        if newest is None:
            query = query.order_by(SyntheticTextRow.number, SyntheticTextRow.run_id)
        else:
            query = query.order_by(SyntheticTextRow.id.desc()).limit(newest)
        with reading(self._engine) as session:
            return to_stored_texts(session, query)

    def earlier_texts(self, run_id: int) -> list[str]:
        """The texts of the same task's earlier runs, in the order they were written."""
        with reading(self._engine) as session:
            task_id = _get(session, run_id).task_id
            query = (
                select(SyntheticTextRow.text)
                .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
                .where(GenerationRunRow.task_id == task_id, SyntheticTextRow.run_id < run_id)
                .order_by(SyntheticTextRow.id)
            )
            return list(session.scalars(query))

    def is_changed(self, run_ids: Collection[int]) -> bool:
        """Whether people decided on, relabelled or edited any text of these runs."""
        text = SyntheticTextRow
        changed = or_(
            text.status != ReviewStatus.PENDING, text.label != text.proposed_label, text.text != text.proposed_text
        )
        with reading(self._engine) as session:
            return session.scalar(select(text.id).where(text.run_id.in_(run_ids), changed).limit(1)) is not None

    def proposed_texts(self, task_id: int) -> set[str]:
        """Every text of the task, as it was originally written."""
        query = (
            select(SyntheticTextRow.proposed_text)
            .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
            .where(GenerationRunRow.task_id == task_id)
        )
        with reading(self._engine) as session:
            return set(session.scalars(query))

    def rejects(self, run_id: int, *, newest: int) -> list[StoredReject]:
        """The newest rejects of a run, newest first."""
        query = (
            select(CompletionRow)
            .where(CompletionRow.run_id == run_id, CompletionRow.reject_reason.is_not(None))
            .order_by(CompletionRow.number.desc())
            .limit(newest)
        )
        with reading(self._engine) as session:
            return [
                StoredReject(row.id, row.run_id, row.raw, RejectReason(row.reject_reason), row.reject_detail)
                for row in session.scalars(query)
                if row.reject_reason is not None
            ]

    def count_rejects(self, run_id: int) -> dict[RejectReason, int]:
        """Rejects of a run by reason."""
        query = (
            select(CompletionRow.reject_reason, func.count())
            .where(CompletionRow.run_id == run_id, CompletionRow.reject_reason.is_not(None))
            .group_by(CompletionRow.reject_reason)
        )
        with reading(self._engine) as session:
            return {RejectReason(reason): n for reason, n in session.execute(query) if reason is not None}

    def count_flags(self, run_id: int) -> dict[RejectReason, int]:
        """Flags of a run's texts by reason."""
        query = (
            select(TextFlagRow.reason, func.count())
            .join(SyntheticTextRow, SyntheticTextRow.id == TextFlagRow.text_id)
            .where(SyntheticTextRow.run_id == run_id)
            .group_by(TextFlagRow.reason)
        )
        with reading(self._engine) as session:
            return {RejectReason(reason): n for reason, n in session.execute(query)}

    def count_labels(self, run_id: int, *, status: ReviewStatus | None = None) -> dict[str, int]:
        """Synthetic texts of a run by the label the LM proposed, with one review status or all."""
        query = select(SyntheticTextRow.proposed_label, func.count()).where(SyntheticTextRow.run_id == run_id)
        if status is not None:
            query = query.where(SyntheticTextRow.status == status)
        with reading(self._engine) as session:
            return {label: int(n) for label, n in session.execute(query.group_by(SyntheticTextRow.proposed_label))}

    def attempt(self, text_id: int) -> Attempt | None:
        """The prompt, seeds and raw completion behind a synthetic text; None for an imported text."""
        query = select(CompletionRow).join(SyntheticTextRow, SyntheticTextRow.completion_id == CompletionRow.id)
        with reading(self._engine) as session:
            row = session.scalar(query.where(SyntheticTextRow.id == text_id))
            if row is None:
                return None
            completion = Completion(row.raw, row.n_tokens, row.n_prompt_tokens)
            return Attempt(row.number, row.prompt, tuple(row.seed_ids), completion)


def _get(session: Session, run_id: int) -> GenerationRunRow:
    row = session.get(GenerationRunRow, run_id)
    if row is None:
        raise StorageError(f"There is no generation run {run_id} in this database. Reload the page.")
    return row


def _text_values(run: GenerationRunRow, number: int, text: str, label: str) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "task_id": run.task_id,
        "number": number,
        "text": text,
        "proposed_text": text,
        "proposed_label": label,
        "label": label,
        "status": ReviewStatus.PENDING,
    }


def _probability_values(record: SyntheticText, labels: Sequence[str]) -> dict[str, Any]:
    if not record.label_probs:
        return {"label_probs": None}
    return {
        "label_probs": list(record.label_probs),
        "confidence": max(record.label_probs),
        "label_prob": record.label_probs[labels.index(record.label)],
    }


def _to_run(row: GenerationRunRow) -> GenerationRun:
    return GenerationRun(
        id=row.id,
        task_id=row.task_id,
        lm_name=row.lm_name,
        config=from_json(GenerationConfig, row.config) if row.config else None,
        seed_set_id=row.seed_set_id,
        prompt_version_id=row.prompt_version_id,
        state=state_of(row),
        n_attempts=row.n_attempts,
        n_texts=row.n_done,
        cost=row.cost,
    )
