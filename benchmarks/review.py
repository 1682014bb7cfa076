"""How fast the review desk responds with many stored texts and events, in a real Chromium on served apps.

Three servers with the same options alternate within one run: the app with 100 texts and 300 events ("small"), with
100,000 and 300,000 ("large"), and a page of a few lines ("bare"). All times are measured in the browser:

- Key press: from the keydown of A until the next card's text is shown. Bare: a button with that shortcut and a counter.
- Stored: from the keydown until the page names the decision.
- Filter: from the click on another label until the number of matching texts has changed and the script has ended, with
  the new rows. Bare: a select box, 50 rows and their number.
- Bulk: relabel the texts that contain one word (a tenth of all), from the click in the dialog until the page names the
  step; then undo it.
- Memory: of each server, after the same interactions.

Goals, as ratios of 95th percentiles: key press at most 1.3 times small and 2 times bare; filter at most 2 times small
and 3 times bare. Bulk and undo take under 5 s each. The last line is JSON with `key_ratio_rows`, `key_ratio_bare`,
`key_stored_ms` (95th percentile, large), `filter_ratio_rows`, `filter_ratio_bare`, `bulk_s`, `undo_s`,
`server_mib_small`, `server_mib_large`, `texts`, `events`.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from augment.records import (
    ReviewStatus,
)
from benchmarks.review_data import LABELS, REVIEWERS, SOUGHT, check_replay, fill, opened
from pages.parts.reviewer import COOKIE
from storage.engine import reading
from storage.schema import (
    SyntheticTextRow,
)
from tests.browser.app import App, launch, settle

SMALL = (100, 300)  # texts, events
N_WARM = 5
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

# Serving -------------------------------------------------------------------------------------------------------------


class BareApp(App):
    """The page of a few lines, served in the same way as the app."""

    def start(self) -> None:
        """Serve the script from the same folder, and therefore with the same config."""
        self.script = self.home / "bare.py"
        self.script.write_text(BARE)
        super().start()


@dataclass(frozen=True, slots=True)
class Desk:
    """One served page in its own browser context, and the selectors of what is measured on it."""

    app: App
    page: Page
    path: str  # the address of the measured page
    rows: str  # the query string of the view with the rows
    card: str  # CSS selector of the text that a key press changes
    count: str  # CSS selector of the text with the number of matching rows

    def show_rows(self) -> None:
        """Open the view with the select box and the rows."""
        self.go(self.rows)
        expect(self.page.locator(self.count)).to_contain_text("that match")
        settle(self.page)

    def go(self, query: str = "") -> None:
        """Open the page and wait until it is complete."""
        self.page.goto(self.app.url(self.path) + query)
        settle(self.page)

    @property
    def rss_mib(self) -> float:
        """Resident memory of the server process, in MiB."""
        return float(psutil.Process(self.app.process.pid).memory_info().rss) / 2**20


def open_desk(stack: ExitStack, browser: Browser, app: App) -> Desk:
    """Open a served page with the reviewer's cookie; browser context and server end with the stack."""
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
    setTimeout(() => reject(new Error("nothing changed within 60 s; the text is: " + text())), 60000);
  });
}
"""
ANOTHER_TEXT = "text() && text() !== before"
ANOTHER_COUNT = "/all [0-9,]+ that match/.exec(text())?.[0] !== before && script() === 'notRunning'"
NAMED = "text().includes(before)"
IS_TOLD = "text().trim()"  # empty from the key press until the decision is stored
ONLY_THAT_LABEL = """
label => {
  const cells = [...document.querySelectorAll("[data-testid^='glide-cell-2-']")];  // as screen readers see them
  return cells.length > 0 && cells.every((one) => one.textContent === label);
}
"""


@contextmanager
def timed(page: Page, event: str, selector: str, condition: str, before: str) -> Iterator[list[float]]:
    """Milliseconds from an event triggered inside the `with` block until the condition holds; then the page settles."""
    page.bring_to_front()
    page.evaluate(WATCH.replace("CONDITION", condition), [event, selector, before])
    found: list[float] = []
    yield found
    found.append(page.evaluate("window.benchmarkMs"))
    settle(page)


def time_key(desk: Desk) -> float:
    """Milliseconds from the key press until another text is shown."""
    before = desk.page.locator(desk.card).text_content() or ""
    with timed(desk.page, "keydown", desk.card, ANOTHER_TEXT, before) as found:
        desk.page.keyboard.press("a")
    if not isinstance(desk.app, BareApp):  # wait until it is stored, which would slow down the next measurement
        desk.page.locator(".desk .last:not(.is-late)").filter(has_text=re.compile(r"\S")).wait_for()
        settle(desk.page)
    return found[0]


def time_storing(desk: Desk) -> float:
    """Milliseconds from the key press until the page names the decision as stored."""
    with timed(desk.page, "keydown", ".last", IS_TOLD, "") as found:
        desk.page.keyboard.press("a")
    return found[0]


def time_filter(desk: Desk, label: str) -> float:
    """Milliseconds from choosing a label until its rows are shown."""
    before = re.search("all [0-9,]+ that match", desk.page.locator(desk.count).text_content() or "")
    assert before is not None, "the page does not show how many rows match"
    desk.page.get_by_role("combobox", name="Label", exact=True).click()
    option = desk.page.get_by_role("option", name=label, exact=True)
    with timed(desk.page, "click", desk.count, ANOTHER_COUNT, before[0]) as found:
        option.click()
    desk.page.wait_for_function(ONLY_THAT_LABEL, arg=label)
    return found[0]


def measure(desks: Mapping[str, Desk], rounds: int, time_one: Callable[[Desk, int], float]) -> dict[str, list[float]]:
    """Time the same interaction on each desk alternately, `rounds` times after the warm-up: milliseconds by desk."""
    found: dict[str, list[float]] = {name: [] for name in desks}
    for number in range(N_WARM + rounds):
        for name, desk in desks.items():
            found[name].append(time_one(desk, number))
    return {name: values[N_WARM:] for name, values in found.items()}


def compare(what: str, found: Mapping[str, list[float]]) -> tuple[float, float]:
    """Print the times; return the 95th percentile of the large app relative to the small app and the bare page."""
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
    """Seconds to relabel all texts that contain `SOUGHT`, and to undo it; checks the result in the database."""
    page, label = desk.page, LABELS[-1]
    before = sought(desk.app.home)
    desk.go(f"{desk.rows}&review_search={SOUGHT}")
    expect(page.locator(desk.count)).to_contain_text(f"all {len(before):,} that match")
    page.get_by_role("button", name=f"Select all {len(before):,} that match").click()
    settle(page)
    page.get_by_placeholder("Relabel as …").click()
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
    """Label and status of each text that contains `SOUGHT`."""
    text = SyntheticTextRow
    with opened(home) as store, reading(store.engine) as session:
        found = session.execute(select(text.id, text.label, text.status).where(text.text.contains(SOUGHT)))
        return {id_: (label, status) for id_, label, status in found}


# Main -----------------------------------------------------------------------------------------------------------


def run(desks: Mapping[str, Desk], rounds: int) -> dict[str, float]:
    """All figures except the numbers of texts and events."""
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
    """Fill the databases, serve the apps, measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=70, help="2 to 74: the small app has 80 cards")
    parser.add_argument("--texts", type=int, default=100_000, help="a multiple of 50")
    parser.add_argument("--events", type=int, default=300_000)
    options = parser.parse_args()
    if not 2 <= options.rounds <= 74:
        parser.error(f"--rounds must be 2 to 74; found {options.rounds}")
    os.environ.pop("AUGMENT_DATABASE_URL", None)  # each app uses the database in its own folder
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
