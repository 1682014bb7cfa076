"""Fills a database with many texts and events for `benchmarks.review`, as the app itself would store them."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update

from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Decision,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    LMKind,
    LMSpec,
    PageRequest,
    PreparedData,
    RejectReason,
    ReviewAction,
    ReviewOrder,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    Task,
    TextFilters,
    Verdict,
)
from storage import Store
from storage.engine import reading, writing
from storage.reviews.steps import event_values
from storage.reviews.verdicts import status_after
from storage.schema import GenerationRunRow, ReviewEventRow, ReviewStepRow, SyntheticTextRow, TextFlagRow, utc_now

LABELS = ("joy", "anger", "surprise")
REVIEWERS = ("Ada", "Bo", "Cy")  # the first one uses the browser
SOUGHT = "lighthouse"  # every tenth text contains it
WORDS = "i,feel,so,very,glad,cross,stunned,about,the,rain,my,work,this,town,her,song,our,dog,today,again"


def fill(home: Path, n_texts: int, n_events: int) -> None:
    """Create a task with runs, texts and events as the app writes them; a fifth of the texts are reviewed.

    Two thirds of the events come from bulk relabels and their undos, one third are single decisions.
    """
    started, rng = time.perf_counter(), random.Random(0)
    with opened(home) as store:
        task = store.tasks.create(make_data())
        seeds = store.tasks.create_seed_set(task.id, "6 seeds", store.tasks.examples(task.id, Split.POOL))
        version = store.prompts.save(task.id, DEFAULT_TEMPLATE)
        lms = ("SmolLM2-135M-Instruct", "Gemma-3-270M")
        n_runs = 5
        for i in range(n_runs):
            config = GenerationConfig(
                DEFAULT_TEMPLATE, LABELS, LMSpec(LMKind.EMBEDDED, lms[i % 2]), target=n_texts // n_runs
            )
            run = store.generations.create(task.id, config, seed_set_id=seeds.id, prompt_version_id=version.id)
            write_texts(store, run, config.target, rng)
        n_bulk = n_events // 3
        relabel_and_take_back(store, task, n_bulk)
        make_old(store)
        decide_singly(store, task, n_events - 2 * n_bulk, rng)
        found = store.reviews.count(task.id, TextFilters()), store.reviews.count_events(task.id)
    assert found == (n_texts, n_events), f"expected {n_texts} texts and {n_events} events, stored {found}"
    print(f"filled with {n_texts:,} texts and {n_events:,} events in {time.perf_counter() - started:.0f} s", flush=True)


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    """Open the store of a home folder, and close it at the end."""
    store = Store.open(f"sqlite:///{home / 'workbench.db'}")
    try:
        yield store
    finally:
        store.close()


def make_data() -> PreparedData:
    """Two real examples per label in each split."""
    splits = {
        split: tuple(LabelledText(f"{split} example {i} of {label}", label) for label in LABELS for i in range(2))
        for split in (Split.POOL, Split.VALIDATION, Split.TEST)
    }
    return PreparedData("Benchmark", "made up", LABELS, splits)


def write_texts(store: Store, run: GenerationRun, n: int, rng: random.Random) -> None:
    """Finish a run with `n` texts that have label probabilities; every eighth is flagged."""
    with writing(store.engine) as session:
        rows = [make_text(run, number, rng) for number in range(n)]
        session.execute(insert(SyntheticTextRow), rows)
        query = select(SyntheticTextRow.id).where(SyntheticTextRow.run_id == run.id, SyntheticTextRow.number % 8 == 0)
        flag = {"reason": RejectReason.DISAGREES, "detail": "the classifier of the seeds says joy"}
        session.execute(insert(TextFlagRow), [{"text_id": text_id, **flag} for text_id in session.scalars(query)])
    store.generations.write(run.id, [], GenerationProgress(n, n, n, n / 3))
    store.runs.finish(RunKey(RunKind.GENERATION, run.id), RunStatus.DONE, "")


def make_text(run: GenerationRun, number: int, rng: random.Random) -> dict[str, Any]:
    """A pending text as a row. Labels differ in frequency, so each label filter matches another number of texts."""
    words = [*rng.choices(WORDS.split(","), k=12), *([SOUGHT] if number % 10 == 7 else []), f"{run.id}-{number}"]
    label = rng.choices(LABELS, weights=(5, 3, 2))[0]
    weights = [rng.random() + 0.5 * (candidate == label) for candidate in LABELS]
    probs = [weight / sum(weights) for weight in weights]
    return {
        "run_id": run.id,
        "task_id": run.task_id,
        "number": number,
        "text": " ".join(words),
        "proposed_text": " ".join(words),
        "proposed_label": label,
        "label": label,
        "status": ReviewStatus.PENDING,
        "label_probs": probs,
        "confidence": max(probs),
        "label_prob": probs[LABELS.index(label)],
    }


def relabel_and_take_back(store: Store, task: Task, n: int) -> None:
    """Relabel `n` texts in bulk and undo each step: two events per text, and the texts are pending again."""
    with reading(store.engine) as session:
        ids = list(session.scalars(select(SyntheticTextRow.id).order_by(SyntheticTextRow.id)))
    size, step = max(10, len(ids) // 100), 0
    while n:
        start = step * size % len(ids)
        chunk, reviewer = ids[start : start + min(size, n)], REVIEWERS[step % len(REVIEWERS)]
        store.reviews.decide_many(task.id, chunk, Verdict(ReviewAction.RELABEL, LABELS[step % 3]), reviewer=reviewer)
        store.reviews.undo(task.id, reviewer=reviewer)
        n, step = n - len(chunk), step + 1


def make_old(store: Store) -> None:
    """Move the existing rows 60 days into the past, because a reviewer's rate covers the last minutes."""
    with writing(store.engine) as session:
        for row in (GenerationRunRow, SyntheticTextRow, ReviewStepRow):
            session.execute(update(row).values(created_at=utc_now() - timedelta(days=60)))


def decide_singly(store: Store, task: Task, n: int, rng: random.Random) -> None:
    """Store `n` decisions on a fifth of the texts, each as its own step; the reviewers take turns."""
    actions = (ReviewAction.ACCEPT, ReviewAction.ACCEPT, ReviewAction.REJECT, ReviewAction.RELABEL)
    with writing(store.engine) as session:
        query = select(SyntheticTextRow).where(SyntheticTextRow.number % 5 == 0).order_by(SyntheticTextRow.id)
        texts = list(session.scalars(query))
        n_steps = session.scalar(select(func.max(ReviewStepRow.id))) or 0
        n_events = session.scalar(select(func.max(ReviewEventRow.id))) or 0
        ended, events = utc_now() - timedelta(hours=1), []
        for i in range(n):
            row, action = texts[i % len(texts)], rng.choice(actions)
            step = ReviewStepRow(id=n_steps + 1 + i, task_id=task.id, action=action, n_events=1)
            step.reviewer = REVIEWERS[(i // len(texts) + row.id) % len(REVIEWERS)]
            step.created_at = ended - timedelta(seconds=20 * (n - i))
            session.add(step)
            label = rng.choice(LABELS) if action is ReviewAction.RELABEL else None
            event = event_values(step, row, Decision(label, status_after(action))) | {"id": n_events + 1 + i}
            events.append(event)
            row.label, row.status, row.last_event_id = event["label_after"], event["status_after"], event["id"]
            row.label_prob = (row.label_probs or [])[LABELS.index(row.label)]
        session.flush()
        session.execute(insert(ReviewEventRow), events)


def check_replay(store: Store, task: Task, n: int = 300) -> None:
    """Check that texts match their events, on up to `n` texts per review status."""
    page = PageRequest(ReviewOrder.RANDOM, size=n)
    for status in ReviewStatus:
        for text in store.reviews.page(task.id, TextFilters(status=status), page):
            label, current_status = text.proposed_label, ReviewStatus.PENDING
            for event in store.reviews.history(text.id):
                before, after = event.change.before, event.change.after
                assert (before.label, before.status) == (label, current_status), f"text {text.id}, event {event.id}"
                label, current_status = after.label, after.status
            assert (label, current_status) == (text.label, text.status), f"text {text.id} differs from its events"
