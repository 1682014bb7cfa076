"""Tasks, their examples and their seed sets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import Example, LabelKnowledge, LeftOut, PreparedData, ReviewStatus, SeedSet, Split, Task
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.schema import ExampleRow, LeftOutRow, SeedSetExampleRow, SeedSetRow, SyntheticTextRow, TaskRow


class Tasks:
    """Tasks with their examples, left-out rows and seed sets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, data: PreparedData) -> Task:
        """Store prepared data as a new task, in one transaction."""
        with writing(self._engine) as session:
            row = TaskRow(
                name=data.name,
                source=data.source,
                text_type=data.text_type,
                label_type=data.label_type,
                labels=list(data.labels),
            )
            session.add(row)
            session.flush()
            examples = [
                {"task_id": row.id, "split": split, "text": text.text, "label": text.label}
                for split in Split
                for text in data.splits.get(split, ())
            ]
            left_out = [
                {"task_id": row.id, "split": out.split, "text": out.text, "label": out.label, "reason": out.reason}
                for out in data.left_out
            ]
            session.execute(insert(ExampleRow), examples)
            if left_out:
                session.execute(insert(LeftOutRow), left_out)
            return _to_task(row)

    def all(self) -> list[Task]:
        """Every task, newest first."""
        with reading(self._engine) as session:
            return [_to_task(row) for row in session.scalars(select(TaskRow).order_by(TaskRow.id.desc()))]

    def label_knowledge(self, task_id: int) -> LabelKnowledge | None:
        """The words and patterns for the task's labels as people edited them; None if nobody has."""
        with reading(self._engine) as session:
            stored = session.scalar(select(TaskRow.label_knowledge).where(TaskRow.id == task_id))
        return from_json(LabelKnowledge, stored) if stored else None

    def save_label_knowledge(self, task_id: int, knowledge: LabelKnowledge | None) -> None:
        """Keep edited words and patterns, or with None go back to the proposed ones."""
        stored = to_json(knowledge) if knowledge else None
        with writing(self._engine) as session:
            session.execute(update(TaskRow).where(TaskRow.id == task_id).values(label_knowledge=stored))

    def examples(self, task_id: int, split: Split) -> list[Example]:
        """The examples of one split, in the source's order."""
        query = select(ExampleRow).where(ExampleRow.task_id == task_id, ExampleRow.split == split)
        with reading(self._engine) as session:
            return [_to_example(row) for row in session.scalars(query.order_by(ExampleRow.id))]

    def count_examples(self, task_id: int) -> dict[tuple[Split, str], int]:
        """Examples per split and label."""
        query = (
            select(ExampleRow.split, ExampleRow.label, func.count())
            .where(ExampleRow.task_id == task_id)
            .group_by(ExampleRow.split, ExampleRow.label)
        )
        with reading(self._engine) as session:
            return {(Split(split), label): n for split, label, n in session.execute(query)}

    def count_split(self, task_id: int, split: Split) -> int:
        """Examples in one split."""
        return sum(n for (of, _), n in self.count_examples(task_id).items() if of is split)

    def left_out(self, task_id: int) -> list[LeftOut]:
        """Every row of the source that was left out, and why."""
        query = select(LeftOutRow).where(LeftOutRow.task_id == task_id).order_by(LeftOutRow.id)
        with reading(self._engine) as session:
            return [LeftOut(Split(row.split), row.text, row.label, row.reason) for row in session.scalars(query)]

    def create_seed_set(
        self, task_id: int, name: str, examples: Sequence[Example], *, rng_seed: int | None = None
    ) -> SeedSet:
        """Store `examples`, in their order, as a new seed set.

        Raises:
            StorageError: an example is not in the task's pool, or there are no examples.
        """
        wrong = [example for example in examples if example.split is not Split.POOL]
        if wrong or not examples:
            found = f"'{wrong[0].text[:40]}' from the {wrong[0].split} split" if wrong else "no example"
            raise StorageError(f"A seed set needs examples from the pool; found {found}. Choose pool examples.")
        with writing(self._engine) as session:
            return _add_seed_set(session, task_id, name, examples, rng_seed)

    def extend_seed_set(self, seed_set_id: int, text_ids: Sequence[int], *, name: str) -> SeedSet:
        """Store a new seed set: the old one's examples in order, then synthetic texts with their current labels.

        The texts become examples of the split `written`: one example per text and label, even if it is made a seed
        several times. The old seed set and the synthetic texts do not change.

        Raises:
            StorageError: there is no such seed set, no text is given, or a text is missing, rejected or a seed already.
        """
        with writing(self._engine) as session:
            old = _get_seed_set(session, seed_set_id)
            members = list(_members(session, [seed_set_id])[seed_set_id])
            if not text_ids:
                raise StorageError("No text is chosen. Choose at least one to make it a seed.")
            for text_id in dict.fromkeys(text_ids):
                row = _find_seedable(session, old.task_id, text_id)
                if any(member.text == row.text for member in members):
                    raise StorageError(
                        f"'{row.text[:40]}' is already in seed set {seed_set_id} or was chosen twice. Choose it once."
                    )
                members.append(_to_example(_take_over(session, row)))
            return _add_seed_set(session, old.task_id, name, members, None)

    def seed_sets(self, task_id: int) -> list[SeedSet]:
        """Every seed set of the task, newest first."""
        with reading(self._engine) as session:
            rows = session.scalars(
                select(SeedSetRow).where(SeedSetRow.task_id == task_id).order_by(SeedSetRow.id.desc())
            ).all()
            members = _members(session, [row.id for row in rows])
            return [_to_seed_set(row, members) for row in rows]

    def seed_set(self, seed_set_id: int) -> SeedSet:
        """The seed set with this id.

        Raises:
            StorageError: there is no such seed set.
        """
        with reading(self._engine) as session:
            return _to_seed_set(_get_seed_set(session, seed_set_id), _members(session, [seed_set_id]))


def _get_seed_set(session: Session, seed_set_id: int) -> SeedSetRow:
    row = session.get(SeedSetRow, seed_set_id)
    if row is None:
        raise StorageError(f"There is no seed set {seed_set_id} in this database. Reload the page.")
    return row


def _add_seed_set(
    session: Session, task_id: int, name: str, examples: Sequence[Example], rng_seed: int | None
) -> SeedSet:
    row = SeedSetRow(task_id=task_id, name=name, rng_seed=rng_seed)
    session.add(row)
    session.flush()
    links = [
        {"seed_set_id": row.id, "position": position, "example_id": example.id}
        for position, example in enumerate(examples)
    ]
    session.execute(insert(SeedSetExampleRow), links)
    return SeedSet(row.id, task_id, name, tuple(examples), rng_seed, row.created_at)


def _find_seedable(session: Session, task_id: int, text_id: int) -> SyntheticTextRow:
    """A synthetic text of the task, if it can become a seed."""
    row = session.get(SyntheticTextRow, text_id)
    if row is None or row.task_id != task_id:
        raise StorageError(f"Text {text_id} is not in this task any more. Reload the page.")
    if row.status == ReviewStatus.REJECTED:
        raise StorageError(f"'{row.text[:40]}' was rejected. Accept it before you make it a seed.")
    return row


def _take_over(session: Session, text: SyntheticTextRow) -> ExampleRow:
    """The example of split `written` for a synthetic text and its label; created if there is none yet."""
    values = {"task_id": text.task_id, "split": Split.WRITTEN, "text": text.text, "label": text.label}
    row = session.scalar(select(ExampleRow).filter_by(**values).limit(1))
    if row is None:
        row = ExampleRow(**values)
        session.add(row)
        session.flush()
    return row


def _members(session: Session, seed_set_ids: Sequence[int]) -> Mapping[int, Sequence[Example]]:
    query = (
        select(SeedSetExampleRow.seed_set_id, ExampleRow)
        .join(ExampleRow, ExampleRow.id == SeedSetExampleRow.example_id)
        .where(SeedSetExampleRow.seed_set_id.in_(seed_set_ids))
        .order_by(SeedSetExampleRow.seed_set_id, SeedSetExampleRow.position)
    )
    members: dict[int, list[Example]] = defaultdict(list)
    for seed_set_id, row in session.execute(query):
        members[seed_set_id].append(_to_example(row))
    return members


def _to_task(row: TaskRow) -> Task:
    return Task(row.id, row.name, row.source, row.text_type, row.label_type, tuple(row.labels), row.created_at)


def _to_example(row: ExampleRow) -> Example:
    return Example(row.id, Split(row.split), row.text, row.label)


def _to_seed_set(row: SeedSetRow, members: Mapping[int, Sequence[Example]]) -> SeedSet:
    return SeedSet(row.id, row.task_id, row.name, tuple(members[row.id]), row.rng_seed, row.created_at)
