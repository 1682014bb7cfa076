"""How fast the review desk answers with many texts and events stored, in a real Chromium on served apps.

Three servers with the same options, used in turn within one run: the app with 100 texts and 300 events ("small"), with
100,000 and 300,000 ("large"), and a page of a few lines ("bare"). All times are taken inside the browser. Key press:
from the keydown of A until the next card's text stands there; bare: a button with that shortcut and a counter. Stored:
from the keydown until the page names the decision. Filter: from the click on another label until the count of what
matches has changed and the script has ended, the rows with it; bare: a select box, 50 rows and their number. Bulk: the
texts that hold one word (a tenth of all) are relabelled, from the click in the dialog until the page names the step;
then its undo. Memory: each server's after the same interactions.

Bounds, as ratios of 95th percentiles: key press at most 1.3 times small and 2 times bare; filter at most 2 times small
and 3 times bare. Bulk and undo under 5 s each. Last line: JSON with `key_ratio_rows`, `key_ratio_bare`,
`key_stored_ms` (95th percentile, large), `filter_ratio_rows`, `filter_ratio_bare`, `bulk_s`, `undo_s`,
`server_mib_small`, `server_mib_large`, `texts`, `events`.
"""

import argparse
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import func, insert, select, update

from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    Decision,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    LMKind,
    LMSpec,
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
)
from pages._reviewer import COOKIE
from storage import Store
from storage.engine import reading, writing
from storage.review_steps import event_values, status_after
from storage.schema import (
    GenerationRunRow,
    ReviewEventRow,
    ReviewStepRow,
    SyntheticTextRow,
    TextFlagRow,
    utc_now,
)
from tests.browser.app import App, launch, settle

LABELS = ("joy", "anger", "surprise")
REVIEWERS = ("Ada", "Bo", "Cy")  # the first one sits at the browser
SMALL = (100, 300)  # texts, events
N_WARM = 5
SOUGHT = "lighthouse"  # every tenth text holds it
WORDS = "i,feel,so,very,glad,cross,stunned,about,the,rain,my,work,this,town,her,song,our,dog,today,again"
BARE = f"""
import pandas as pd
import streamlit as st

if "rows" in st.query_params:
    labels = ["any", *{LABELS}]
    label = st.selectbox("Label", labels)
    rows = [(f"text {{i}} of {{label}}", label, i / 50) for i in range(50)]
    st.dataframe(pd.DataFrame(rows, columns=["text", "label", "confidence"]))
    st.text(f"all {{50 + labels.index(label)}} that match")
else:
    n = st.session_state.setdefault("n", 0)
    if st.button("Next", shortcut="A"):
        n = st.session_state["n"] = n + 1
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
        n_bulk = n_events // 3
        relabel_and_take_back(store, task, n_bulk)
        make_old(store)
        decide_singly(store, task, n_events - 2 * n_bulk, rng)
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
    words = [*rng.choices(WORDS.split(","), k=12), *([SOUGHT] if number % 10 == 7 else []), f"{run.id}-{number}"]
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
    """`n` decisions, each a step of its own, on a fifth of the texts in turn, by one reviewer after the other."""
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
    """Whether texts stand as their events say: some that wait, some that were decided on."""
    for status in ReviewStatus:
        for text in store.reviews.page(task.id, TextFilters(status=status), order=ReviewOrder.RANDOM, size=n):
            label, stands = text.proposed_label, ReviewStatus.PENDING
            for event in store.reviews.history(text.id):
                assert (event.label_before, event.status_before) == (label, stands), f"text {text.id}, event {event.id}"
                label, stands = event.label_after, event.status_after
            assert (label, stands) == (text.label, text.status), f"text {text.id} stands otherwise than its events say"


# Serving -------------------------------------------------------------------------------------------------------------


class BareApp(App):
    """The page of a few lines, served as the app is."""

    def start(self) -> None:
        """Serve the script from the same folder, so with the same config."""
        self.script = self.home / "bare.py"
        self.script.write_text(BARE)
        super().start()


@dataclass(frozen=True, slots=True)
class Desk:
    """One served page in a browser context of its own, and where its script stands."""

    app: App
    page: Page
    path: str  # of the page that is measured
    rows: str  # added to it: the view with the rows
    card: str  # CSS selector of the text that a key press changes
    count: str  # CSS selector of what tells how many rows match

    def show_rows(self) -> None:
        """The view with the select box and the rows."""
        self.go(self.rows)
        expect(self.page.locator(self.count)).to_contain_text("that match")
        settle(self.page)

    def go(self, query: str = "") -> None:
        """The page, whole."""
        self.page.goto(self.app.url(self.path) + query)
        settle(self.page)

    @property
    def rss_mib(self) -> float:
        """Resident memory of the server process, in MiB."""
        return float(psutil.Process(self.app.process.pid).memory_info().rss) / 2**20


def open_desk(stack: ExitStack, browser: Browser, app: App) -> Desk:
    """A window on a served page, with the reviewer's cookie; both end with the stack."""
    stack.callback(app.kill)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": COOKIE, "value": REVIEWERS[0], "url": app.url("overview")}])
    if isinstance(app, BareApp):
        text = "[data-testid='stText']"
        return Desk(app, context.new_page(), "overview", "?rows=1", text, text)
    return Desk(app, context.new_page(), "review", "?review_view=Table", ".desk .text", ".st-key-review_bulk")


# Measuring -----------------------------------------------------------------------------------------------------------

WATCH = """
([event, selector, before]) => {
  const desk = document.querySelector("[data-testid='stBidiComponentIsolated']")?.shadowRoot;
  const text = () => (desk?.querySelector(selector) ?? document.querySelector(selector))?.textContent ?? "";
  const script = () => document.querySelector("[data-testid='stApp']").dataset.testScriptState;
  let started = null;
  addEventListener(event, (one) => { started = one.timeStamp; }, { capture: true, once: true });
  window.benchmarkMs = new Promise((resolve, reject) => {
    const observer = new MutationObserver(() => {
      if (started === null || !(CONDITION)) return;
      observer.disconnect();
      resolve(performance.now() - started);
    });
    const options = { childList: true, characterData: true, attributeFilter: ["data-test-script-state"] };
    for (const root of [document, desk]) if (root) observer.observe(root, { subtree: true, ...options });
    setTimeout(() => reject(new Error("nothing came within 60 s; there stands: " + text())), 60000);
  });
}
"""
ANOTHER_TEXT = "text() && text() !== before"
ANOTHER_COUNT = "/all [0-9,]+ that match/.exec(text())?.[0] !== before && script() === 'notRunning'"
NAMED = "text().includes(before)"
IS_TOLD = "text().trim()"  # blank from the key press on
ONLY_THAT_LABEL = """
label => {
  const cells = [...document.querySelectorAll("[data-testid^='glide-cell-2-']")];  // what screen readers are told
  return cells.length > 0 && cells.every((one) => one.textContent === label);
}
"""


@contextmanager
def timed(page: Page, event: str, selector: str, condition: str, before: str) -> Iterator[list[float]]:
    """Milliseconds from the browser's event, caused inside the `with`, to the condition; then the page is settled."""
    page.bring_to_front()
    page.evaluate(WATCH.replace("CONDITION", condition), [event, selector, before])
    found: list[float] = []
    yield found
    found.append(page.evaluate("window.benchmarkMs"))
    settle(page)


def time_key(desk: Desk) -> float:
    """Milliseconds from the key press to another text."""
    before = desk.page.locator(desk.card).text_content() or ""
    with timed(desk.page, "keydown", desk.card, ANOTHER_TEXT, before) as found:
        desk.page.keyboard.press("a")
    if not isinstance(desk.app, BareApp):  # it is being stored: that would slow what is timed next
        desk.page.locator(".desk .last").filter(has_text=re.compile(r"\S")).wait_for()
        settle(desk.page)
    return found[0]


def time_storing(desk: Desk) -> float:
    """Milliseconds from the key press until the page names the decision as stored."""
    with timed(desk.page, "keydown", ".last", IS_TOLD, "") as found:
        desk.page.keyboard.press("a")
    return found[0]


def time_filter(desk: Desk, label: str) -> float:
    """Milliseconds from the choice of a label to its rows."""
    before = re.search("all [0-9,]+ that match", desk.page.locator(desk.count).text_content() or "")
    assert before is not None, "the page does not say how many rows match"
    desk.page.get_by_role("combobox", name="Label", exact=True).click()
    option = desk.page.get_by_role("option", name=label, exact=True)
    with timed(desk.page, "click", desk.count, ANOTHER_COUNT, before[0]) as found:
        option.click()
    desk.page.wait_for_function(ONLY_THAT_LABEL, arg=label)
    return found[0]


def measure(desks: Mapping[str, Desk], rounds: int, time_one: Callable[[Desk, int], float]) -> dict[str, list[float]]:
    """The same interaction on every desk in turn, `rounds` times after the warm-up: milliseconds by desk."""
    found: dict[str, list[float]] = {name: [] for name in desks}
    for number in range(N_WARM + rounds):
        for name, desk in desks.items():
            found[name].append(time_one(desk, number))
    return {name: values[N_WARM:] for name, values in found.items()}


def compare(what: str, found: Mapping[str, list[float]]) -> tuple[float, float]:
    """Print what was found; the 95th percentile of the large app to that of the small one and of the bare page."""
    highest = {name: p95(values) for name, values in found.items()}
    for name, values in found.items():
        median = statistics.median(values)
        print(
            f"{what}, {name}: median {median:.0f} ms, 95th percentile {highest[name]:.0f} ms of {len(values)}",
            flush=True,
        )
    return round(highest["large"] / highest["small"], 2), round(highest["large"] / highest["bare"], 2)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def measure_bulk(desk: Desk) -> tuple[float, float]:
    """Seconds that a relabel of all that hold the sought word takes, and its undo; the database is looked at."""
    page, label = desk.page, LABELS[-1]
    before = sought(desk.app.home)
    desk.go(f"{desk.rows}&review_search={SOUGHT}")
    expect(page.locator(desk.count)).to_contain_text(f"all {len(before):,} that match")
    page.get_by_role("combobox", name="Relabel as").click()
    page.get_by_role("option", name=label, exact=True).click()
    settle(page)
    page.get_by_role("button", name="Relabel", exact=True).click()
    do = page.get_by_role("dialog").get_by_role("button", name=f"Relabel {len(before):,} texts as {label}")
    with timed(page, "click", "body", NAMED, "at once (relabel)") as bulk_ms:
        do.click()
    assert set(sought(desk.app.home).values()) == {(label, ReviewStatus.ACCEPTED)}, "not every text was relabelled"
    with timed(page, "click", "body", NAMED, "undone: ") as undo_ms:
        page.get_by_role("button", name="Undo", exact=True).click()
    assert sought(desk.app.home) == before, "the undo did not bring every text back"
    print(f"bulk relabel of {len(before):,} texts: {bulk_ms[0] / 1000:.2f} s, its undo {undo_ms[0] / 1000:.2f} s")
    return round(bulk_ms[0] / 1000, 2), round(undo_ms[0] / 1000, 2)


def sought(home: Path) -> dict[int, tuple[str, str]]:
    """Label and status of each text that holds the sought word."""
    text = SyntheticTextRow
    with opened(home) as store, reading(store.engine) as session:
        found = session.execute(select(text.id, text.label, text.status).where(text.text.contains(SOUGHT)))
        return {id_: (label, status) for id_, label, status in found}


# All of it -----------------------------------------------------------------------------------------------------------


def run(desks: Mapping[str, Desk], rounds: int) -> dict[str, float]:
    """Every figure but the counts."""
    for desk in desks.values():
        desk.go()
    key = compare("key press to next card", measure(desks, rounds, lambda desk, _: time_key(desk)))
    stored = measure({"large": desks["large"]}, rounds, lambda desk, _: time_storing(desk))["large"]
    print(
        f"key press to stored, large: median {statistics.median(stored):.0f} ms, 95th percentile {p95(stored):.0f} ms"
    )
    for desk in desks.values():
        desk.show_rows()
    labels = LABELS * (rounds + N_WARM)
    rows = compare("filter to rows", measure(desks, rounds, lambda desk, number: time_filter(desk, labels[number])))
    rss = {name: desk.rss_mib for name, desk in desks.items()}
    print(", ".join(f"server {name}: {mib:.0f} MiB" for name, mib in rss.items()), flush=True)
    bulk_s, undo_s = measure_bulk(desks["large"])
    print(f"server large after the bulk change: {desks['large'].rss_mib:.0f} MiB")
    return {
        "key_ratio_rows": key[0],
        "key_ratio_bare": key[1],
        "key_stored_ms": round(p95(stored)),
        "filter_ratio_rows": rows[0],
        "filter_ratio_bare": rows[1],
        "bulk_s": bulk_s,
        "undo_s": undo_s,
        "server_mib_small": round(rss["small"]),
        "server_mib_large": round(rss["large"]),
    }


def main() -> None:
    """Fill, serve, measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=70, help="2 to 74: the small app has 80 cards")
    parser.add_argument("--texts", type=int, default=100_000, help="a multiple of 50")
    parser.add_argument("--events", type=int, default=300_000)
    options = parser.parse_args()
    if not 2 <= options.rounds <= 74:
        parser.error(f"--rounds must be 2 to 74; found {options.rounds}")
    os.environ.pop("AUGMENT_DATABASE_URL", None)  # each app has the database of its own folder
    sizes = {"small": SMALL, "large": (options.texts, options.events), "bare": (0, 0)}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as stack:
        homes = {name: Path(folder) / name for name in sizes}
        for name, home in homes.items():
            home.mkdir()
            if name != "bare":
                fill(home, *sizes[name])
        browser = launch(playwright)
        stack.callback(browser.close)
        kinds = {name: BareApp if name == "bare" else App for name in homes}
        desks = {name: open_desk(stack, browser, kinds[name](home)) for name, home in homes.items()}
        figures = run(desks, options.rounds)
        for name in ("small", "large"):
            with opened(homes[name]) as store:
                check_replay(store, store.tasks.all()[0])
    print(json.dumps(figures | {"texts": options.texts, "events": options.events}))


if __name__ == "__main__":
    main()
