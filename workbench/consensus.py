"""Keeps the consensus labels of tasks current while people review, and says how many labels are right by them.

The consensus is computed in a thread of its own, not by the job runner, which an experiment may hold for an hour. Pages
ask for it and go on. An error is logged and leaves the last version. Texts are embedded by the copy of the embedded
encoder that comparing texts uses: it is thread-safe, and shares its weights with a running experiment.
"""

import atexit
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition, Thread

import numpy as np
from numpy.typing import NDArray

from augment.encoders import embed_texts
from augment.errors import DataError
from augment.hardware.imports import importing_alone
from augment.labels.estimated_accuracy import (
    Calibration,
    EstimatedAccuracy,
    calibrate,
    estimate_accuracy,
    expect_changes,
)
from augment.records import (
    ConsensusBasis,
    ConsensusVersion,
    LabelledText,
    QueueRequest,
    RunKind,
    Split,
    Task,
)
from augment.records.copies import normalise_text
from storage import Store
from workbench.label_words import find_knowledge

NEW_DECISIONS = 5  # make a consensus stale
MAX_TEXTS = 20_000  # of a task; embedding more for the first time would take many minutes
MAX_KEPT_TEXTS = 50_000  # embeddings, of 1.5 kB each
MAX_FRESH = 2_000  # texts; with more, a known estimate stands for a while
VALID_FOR = 20  # times as long as an estimate took
EXIT_S = 20.0  # that the process waits for it when it ends
NEXT = 50  # decisions that the hint is about

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelEstimate:
    """How many of a task's labels are right with consensus, by which version, and what decisions showed of it."""

    version: ConsensusVersion
    accuracy: EstimatedAccuracy
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class NextDecisions:
    """How many labels the next `n` decisions in the queue's order are expected to change."""

    n: int
    n_changes: float


@dataclass(frozen=True, slots=True)
class _KnownEstimate:
    estimate: LabelEstimate | None
    valid_until: float
    upcoming: dict[QueueRequest, NextDecisions]


class ConsensusKeeper:
    """Computes consensus labels in one daemon thread, a task at a time; the thread starts when it is first needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, Task] = {}
        self._current: Task | None = None
        self._changed = Condition()
        self._thread: Thread | None = None
        self._failed: dict[int, ConsensusBasis] = {}  # not tried again until something has changed
        self._sentences: dict[int, tuple[LabelledText, ...]] = {}
        self._changed_words: set[int] = set()  # tasks whose consensus was made with other label words
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._checked_at: dict[int, float] = {}
        self._estimates: dict[int, _KnownEstimate] = {}  # by task

    def estimate(self, task_id: int) -> LabelEstimate | None:
        """How many of the task's labels are right by its newest consensus and the decisions so far; None before it.

        It reads every text, and the review desk asks at every key: with many texts a known estimate stands for twenty
        times as long as it took.
        """
        known = self._estimates.get(task_id)
        if known and time.monotonic() < known.valid_until:
            return known.estimate
        started = time.monotonic()
        found = estimate_labels(self._store, task_id)
        ended = time.monotonic()
        valid_s = VALID_FOR * (ended - started) if found and found.accuracy.n > MAX_FRESH else 0.0
        self._estimates[task_id] = _KnownEstimate(found, ended + valid_s, {})
        return found

    def expect_next(self, task_id: int, request: QueueRequest) -> NextDecisions | None:
        """How many labels the next decisions in the request's order are expected to change, by the same estimate."""
        found, known = self.estimate(task_id), self._estimates[task_id]
        if found is None:
            return None
        if request not in known.upcoming:
            known.upcoming[request] = expect_next(self._store, task_id, request, found.calibration)
        return known.upcoming[request]

    def refresh(self, task: Task, *, every_s: float = 0.0) -> None:
        """Have the task's consensus computed if it is stale; returns at once.

        Whether it is stale is not looked up again within `every_s`.
        """
        is_recent = time.monotonic() - self._checked_at.get(task.id, -math.inf) < every_s
        if is_recent or self.is_working(task.id):
            return
        self._checked_at[task.id] = time.monotonic()
        if not self.is_stale(task.id):
            return
        with self._changed:
            self._waiting[task.id] = task
            if self._thread is None:
                self._thread = Thread(target=self._run, name="consensus", daemon=True)
                self._thread.start()
                atexit.register(self.wait, EXIT_S)  # a process that ends while a library is loaded here would crash
            self._changed.notify_all()

    def forget(self, task_id: int) -> None:
        """Compute the task's consensus again when it is next refreshed: its label words have changed."""
        self._sentences.pop(task_id, None)
        self._changed_words.add(task_id)
        self._checked_at.pop(task_id, None)

    def is_working(self, task_id: int) -> bool:
        """Whether the task's consensus is being computed, or will be next."""
        with self._changed:
            return task_id in self._waiting or (self._current is not None and self._current.id == task_id)

    def is_stale(self, task_id: int) -> bool:
        """Whether a new consensus can be made from more than the last: five decisions, a text, an opinion, other seeds.

        While a run of the task writes or labels texts, its results alone do not count: they come every second. A task
        with more than `MAX_TEXTS` texts gets no consensus.
        """
        store = self._store.consensus
        if sum(self._store.reviews.count_status(task_id).values()) > MAX_TEXTS:
            return False
        basis, version = store.basis(task_id), store.newest(task_id)
        if basis is None or self._failed.get(task_id) == basis:
            return False
        if version is None:
            return store.has_new_texts(task_id)
        if task_id in self._changed_words:
            return True
        known = version.basis
        if basis.seed_set_id != known.seed_set_id:
            return True
        if store.count_new_decisions(task_id, known.last_event_id) >= NEW_DECISIONS:
            return True
        if any(key.kind is not RunKind.EXPERIMENT for key, _ in self._store.runs.unfinished(task_id)):
            return False
        has_new_opinions = (basis.n_opinions, basis.last_opinion_id) != (known.n_opinions, known.last_opinion_id)
        return has_new_opinions or store.has_new_texts(task_id)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is computed or waits for it; False if that takes longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._current is None, timeout_s)

    # In the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                task = self._current = self._waiting.pop(next(iter(self._waiting)))
            basis = None
            try:
                basis = self._store.consensus.basis(task.id)
                if basis is not None:
                    self._compute(task, basis)
            except Exception:  # the thread must go on; the last consensus stays, and the log has the traceback
                log.exception("The consensus of task %d could not be computed; the last one stays", task.id)
                if basis is not None:
                    self._failed[task.id] = basis
            finally:
                with self._changed:
                    self._current = None
                    self._changed.notify_all()

    def _compute(self, task: Task, basis: ConsensusBasis) -> None:
        with importing_alone:
            from augment.labels.consensus import LabelEvidence, find_consensus  # loads scipy and scikit-learn

        start = time.monotonic()
        self._changed_words.discard(task.id)
        texts = self._store.consensus.texts(task.id)  # after the basis: what comes between the two is new later
        seeds = self._store.tasks.seed_set(basis.seed_set_id).examples
        evidence = LabelEvidence(
            task.labels,
            [LabelledText(seed.text, seed.label) for seed in seeds],
            self._label_sentences(task),
            self._store.label_sources.opinions(task.id),
            [seed.id for seed in seeds],
        )
        taught = {text.label for text in (*evidence.seeds, *evidence.sentences)}
        if missing := [label for label in task.labels if label not in taught]:
            raise DataError(f"No seed and no label sentence says what '{missing[0]}' means. Add a seed of it.")
        sure = [text.text for text in (*evidence.seeds, *evidence.sentences)]
        n_new = self._embed(list(dict.fromkeys([*sure, *(text.text for text in texts)])))
        consensus = find_consensus(evidence, texts, self._vectors)
        self._store.consensus.write(task.id, basis, texts, consensus)
        self._failed.pop(task.id, None)
        powers = ", ".join(f"{weight.name or weight.source.name} {weight.exponent:.2f}" for weight in consensus.weights)
        took_s = time.monotonic() - start
        log.info("task %d: consensus of %d texts, %d new, in %.1f s; %s", task.id, len(texts), n_new, took_s, powers)

    def _label_sentences(self, task: Task) -> tuple[LabelledText, ...]:
        """The label sentences, without those that are held out; kept, as WordNet takes seconds."""
        if task.id not in self._sentences:
            examples = self._store.tasks.examples
            held_out = {
                normalise_text(example.text)
                for split in (Split.VALIDATION, Split.TEST)
                for example in examples(task.id, split)
            }
            knowledge = find_knowledge(self._store, task)
            found = knowledge.sentences if knowledge else ()
            self._sentences[task.id] = tuple(text for text in found if normalise_text(text.text) not in held_out)
        return self._sentences[task.id]

    def _embed(self, texts: Sequence[str]) -> int:
        """Embed the texts that are new; returns how many."""
        if len(self._vectors) > MAX_KEPT_TEXTS:
            self._vectors = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in texts if text not in self._vectors]
        if new:
            self._vectors |= zip(new, embed_texts(new), strict=True)
        return len(new)


def estimate_labels(store: Store, task_id: int) -> LabelEstimate | None:
    """How many of the task's labels are right with consensus; None before its first consensus."""
    version = store.consensus.newest(task_id)
    if version is None:
        return None
    stated = store.consensus.stated(task_id)
    calibration = calibrate(stated)
    accuracy = estimate_accuracy(stated, calibration)
    return LabelEstimate(version, accuracy, calibration) if accuracy else None


def expect_next(store: Store, task_id: int, request: QueueRequest, calibration: Calibration) -> NextDecisions:
    """How many labels the next decisions would change in the request's order, whoever makes them."""
    ids = store.review_queue.coming(task_id, request, n=NEXT)
    probs = [found.expected_prob for found in store.consensus.of_texts(ids).values()]
    return NextDecisions(len(probs), expect_changes(probs, calibration))
