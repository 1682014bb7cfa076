"""How fast the review desk answers with many texts and events stored, in a real Chromium on served apps.

Three servers with the same options, used in turn within one run: the app with 100 texts and 300 events ("small"), with
100,000 and 300,000 ("large"), and a page of a few lines ("bare"). All times are taken inside the browser. Key press:
from the keydown of A until the next card's text stands there; bare: a button with that shortcut and a counter. Filter:
from the click on another label until the count of what matches has changed and the script has ended, the rows with it;
bare: a select box, 50 rows and their number. Bulk: the texts that hold one word (a tenth of all) are relabelled, from
the click in the dialog until the page names the step; then its undo. Memory: each server's after the same interactions.

Bounds, as ratios of 95th percentiles: key press at most 1.3 times small and 2 times bare; filter at most 2 times small
and 3 times bare. Bulk and undo under 5 s each. Last line: JSON with `key_ratio_rows`, `key_ratio_bare`,
`filter_ratio_rows`, `filter_ratio_bare`, `bulk_s`, `undo_s`, `server_mib_small`, `server_mib_large`, `texts`, `events`.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import func, insert, select, update

from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    LMKind,
    LMSpec,
    PreparedData,
    RejectReason,
    ReviewAction,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    Task,
    TextFilters,
)
from storage import Store
from storage.engine import reading, writing
from storage.review_steps import status_after
from storage.schema import (
    GenerationRunRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
    TextFlagRow,
    utc_now,
)
from tests.browser.app import App, launch, settle
from tests.conftest import ROOT

LABELS = ("joy", "anger", "surprise")
REVIEWERS = ("Ada", "Bo", "Cy")  # the first one sits at the browser
SMALL = (100, 300)  # texts, events
N_WARM = 5
SOUGHT = "lighthouse"  # every tenth text holds it
WORDS = "i feel so very glad cross stunned about the rain my work this town her song our dog today again".split()
BARE = f"""
import pandas as pd
import streamlit as st

if "rows" in st.query_params:
    label = st.selectbox("Label", ["any", *{LABELS}])
    n = 50 + len(label)
    st.dataframe(pd.DataFrame([(f"text {{i}}", label, i / 50) for i in range(50)], columns=["text", "label", "confidence"]))
    st.text(f"all {{n}} that match")
else:
    n = st.session_state.setdefault("n", 0)
    if st.button("Next", shortcut="A"):
        st.session_state["n"] = n = n + 1
    st.text(f"Pressed {{n}} times")
"""

# Filling -------------------------------------------------------------------------------------------------------------


def fill(home: Path, n_texts: int, n_events: int) -> None:
    """A task with runs, texts and events as the app writes them; a fifth of the texts are decided.

    Two events of three are of bulk relabels and their undos, each third one is a single decision.
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
        n_single = n_events // 3
        relabel_and_take_back(store, task, (n_events - n_single) // 2)
        make_old(store)
        decide_singly(store, task, n_single, rng)
        found = store.reviews.count(task.id, TextFilters()), store.reviews.count_events(task.id)
    assert found == (n_texts, n_events), f"expected {n_texts} texts and {n_events} events, stored {found}"
    print(f"filled with {n_texts:,} texts and {n_events:,} events in {time.perf_counter() - started:.0f} s", flush=True)


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    """The store of a home folder."""
    store = Store.open(f"sqlite:///{home / 'workbench.db'}")
    try:
        yield store
    finally:
        store.close()


def make_data() -> PreparedData:
    """A few real examples of each label in each split."""
    splits = {
        split: tuple(LabelledText(f"{split} example {i} of {label}", label) for label in LABELS for i in range(2))
        for split in (Split.POOL, Split.VALIDATION, Split.TEST)
    }
    return PreparedData("Benchmark", "made up", LABELS, splits)


def write_texts(store: Store, run: GenerationRun, n: int, rng: random.Random) -> None:
    """A finished run of `n` texts with label probabilities; every eighth is flagged."""
    with writing(store.engine) as session:
        rows = [make_text(run, number, rng) for number in range(n)]
        session.execute(insert(SyntheticTextRow), rows)
        query = select(SyntheticTextRow.id).where(SyntheticTextRow.run_id == run.id, SyntheticTextRow.number % 8 == 0)
        flag = {"reason": RejectReason.DISAGREES, "detail": "the classifier of the seeds says joy"}
        session.execute(insert(TextFlagRow), [{"text_id": one, **flag} for one in session.scalars(query)])
    store.generations.write(run.id, [], GenerationProgress(n, n, n, n / 3))
    store.runs.finish(RunKey(RunKind.GENERATION, run.id), RunStatus.DONE, "")


def make_text(run: GenerationRun, number: int, rng: random.Random) -> dict[str, Any]:
    """A pending text as a row; labels are not equally frequent, so that each filter lets another number through."""
    words = [*rng.choices(WORDS, k=12), *([SOUGHT] if number % 10 == 7 else []), f"{run.id}-{number}"]
    label = rng.choices(LABELS, weights=(5, 3, 2))[0]
    weights = [rng.random() + 0.5 * (one == label) for one in LABELS]
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
    """Bulk relabels of `n` texts in all, each undone: two events a text, and the texts wait as before."""
    with reading(store.engine) as session:
        ids = list(session.scalars(select(SyntheticTextRow.id).order_by(SyntheticTextRow.id)))
    size, step = max(10, len(ids) // 100), 0
    while n:
        start = step * size % len(ids)
        chunk, reviewer = ids[start : start + min(size, n)], REVIEWERS[step % len(REVIEWERS)]
        store.reviews.decide_many(task.id, chunk, ReviewAction.RELABEL, reviewer=reviewer, label=LABELS[step % 3])
        store.reviews.undo(task.id, reviewer=reviewer)
        n, step = n - len(chunk), step + 1


def make_old(store: Store) -> None:
    """Date what is there 60 days back: a reviewer's rate looks at the last minutes."""
    with writing(store.engine) as session:
        for row in (GenerationRunRow, SyntheticTextRow, ReviewStepRow):
            session.execute(update(row).values(created_at=utc_now() - timedelta(days=60)))


def decide_singly(store: Store, task: Task, n: int, rng: random.Random) -> None:
    """`n` decisions, each a step of its own, on a fifth of the texts in turn; always by another reviewer than before."""
    text = SyntheticTextRow
    with writing(store.engine) as session:
        query = select(text.id, text.label, text.label_probs).where(text.number % 5 == 0).order_by(text.id)
        found = [tuple(row) for row in session.execute(query)]
        label_of, probs_of = {id_: label for id_, label, _ in found}, {id_: probs for id_, _, probs in found}
        status_of = dict.fromkeys(label_of, ReviewStatus.PENDING)
        ids, last = list(label_of), {}
        first_step = (session.scalar(select(func.max(ReviewStepRow.id))) or 0) + 1
        first_event = (session.scalar(select(func.max(ReviewEventRow.id))) or 0) + 1
        ended = utc_now() - timedelta(hours=1)
        steps, events = [], []
        for i in range(n):
            number, text_id = i // len(ids), ids[i % len(ids)]
            action = rng.choice((ReviewAction.ACCEPT, ReviewAction.ACCEPT, ReviewAction.REJECT, ReviewAction.RELABEL))
            reviewer = REVIEWERS[(number + text_id) % len(REVIEWERS)]
            created_at = ended - timedelta(seconds=20 * (n - i))
            steps.append({"id": first_step + i, "task_id": task.id, "action": action, "reviewer": reviewer})
            steps[-1] |= {"n_events": 1, "created_at": created_at}
            label, status = label_of[text_id], status_of[text_id]
            label_of[text_id] = rng.choice(LABELS) if action is ReviewAction.RELABEL else label
            status_of[text_id] = status_after(action) or status
            last[text_id] = first_event + i
            events.append({"id": first_event + i, "step_id": first_step + i, "text_id": text_id})
            events[-1] |= {"label_before": label, "label_after": label_of[text_id]}
            events[-1] |= {"status_before": status, "status_after": status_of[text_id]}
        session.execute(insert(ReviewStepRow), steps)
        session.execute(insert(ReviewEventRow), events)
        values = [
            {
                "id": one,
                "label": label_of[one],
                "status": status_of[one],
                "label_prob": probs_of[one][LABELS.index(label_of[one])],
                "last_event_id": last[one],
            }
            for one in last
        ]
        session.execute(update(text), values)
