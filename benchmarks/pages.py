"""How long pages take to respond during a run compared with idle, in a real Chromium on a served app.

Measured during a generation run and during an experiment with the page's own defaults. Interactions: from the click on
"Other seeds" on the Prompt page until the new prompt is shown, and switching from the Prompt page to the Generate page
and back. Also measured: from the click on "Generate" on a fresh server, where the embedded LM is not loaded yet, to the
first stored text. The last line is JSON with `interaction_ratio`, `training_interaction_ratio`, `first_text_s`,
`texts_per_s` and `runs_per_min`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from augment.lms.unpack import unpack_embedded_lm
from storage import Store
from tests.browser.app import App, launch, settle
from tests.browser.test_journey import generate, import_starter, press, save_prompt

TARGET = 999  # more texts than are written before the benchmark ends


def time_other_seeds(page: Page) -> float:
    """Seconds from the click until another prompt is shown."""
    before = page.locator("[data-testid='stCode']").first.inner_text()
    started = time.perf_counter()
    page.get_by_role("button", name="Other seeds").click()
    page.wait_for_function(
        "before => document.querySelector(\"[data-testid='stCode']\").innerText !== before", arg=before
    )
    seconds = time.perf_counter() - started
    settle(page)
    return seconds


def time_switch(page: Page, link: str, heading: str) -> float:
    """Seconds from the click on a page's link until that page is complete."""
    started = time.perf_counter()
    page.get_by_role("link", name=link).first.click()
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    settle(page)
    return time.perf_counter() - started


def measure(page: Page, rounds: int) -> dict[str, list[float]]:
    """Seconds of every interaction, measured `rounds` times."""
    found: dict[str, list[float]] = {"other seeds": [], "to Generate": [], "to Prompt": []}
    for _ in range(rounds):
        found["other seeds"].append(time_other_seeds(page))
        found["to Generate"].append(time_switch(page, "Generate", "Generate"))
        found["to Prompt"].append(time_switch(page, "Prompt", "Prompt"))
    return found


def main() -> None:
    """Measure the idle app, then the app during runs, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    models = unpack_embedded_lm().parent
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        (home / "models").symlink_to(models)
        app, browser = App(home), launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 800})

        def visit(name: str) -> Page:
            page.goto(app.url(name))
            settle(page)
            return page

        try:
            figures = run(app, visit, options.rounds)
        finally:
            browser.close()
            app.kill()
    print(json.dumps(figures))


def run(app: App, visit: Callable[[str], Page], rounds: int) -> dict[str, float]:
    """Measure the first text of a fresh server, then the idle app with that run's charts shown, then during runs."""
    import_starter(visit)
    save_prompt(visit)
    store = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    page = generate(visit, 12)
    started = time.perf_counter()
    first_id = store.generations.all(store.tasks.all()[0].id)[0].id
    while not store.generations.get(first_id).n_texts:
        time.sleep(0.05)
    first_text_s = time.perf_counter() - started
    expect(page.get_by_text("12 of 12 texts")).to_be_visible(timeout=60_000)
    page = visit("prompt")
    measure(page, 2)  # warm up
    idle = measure(page, rounds)
    task_id = store.tasks.all()[0].id
    generate(visit, TARGET)
    generation = store.generations.all(task_id)[0]
    page = visit("prompt")
    at_first, started = store.generations.get(generation.id).n_texts, time.perf_counter()
    generating = measure(page, rounds)
    texts_per_s = (store.generations.get(generation.id).n_texts - at_first) / (time.perf_counter() - started)
    page = visit("generate")
    press(page, "Cancel")
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=60_000)
    page = visit("train")
    page.get_by_role("tab", name="Design a grid").click()
    page.get_by_role("button", name="Train ").last.click()
    while not any(experiment.state.n_done for experiment in store.experiments.all(task_id)):
        time.sleep(0.2)  # wait until the encoder is loaded and the first run is done
    page = visit("prompt")
    at_first, started = store.experiments.all(task_id)[0].state.n_done, time.perf_counter()
    training = measure(page, rounds)
    n_runs = store.experiments.all(task_id)[0].state.n_done - at_first
    assert store.experiments.all(task_id)[0].state.status.is_active
    runs_per_min = 60 * n_runs / (time.perf_counter() - started)
    store.close()
    return {
        "interaction_ratio": compare("generation", idle, generating),
        "training_interaction_ratio": compare("training", idle, training),
        "first_text_s": round(first_text_s, 1),
        "texts_per_s": round(texts_per_s, 1),
        "runs_per_min": round(runs_per_min, 1),
    }


def compare(what: str, idle: dict[str, list[float]], busy: dict[str, list[float]]) -> float:
    """Print the medians; return the largest ratio busy / idle over the interactions."""
    ratios = []
    for name in idle:
        idle_s, busy_s = statistics.median(idle[name]), statistics.median(busy[name])
        ratios.append(busy_s / idle_s)
        print(f"{name}: idle {idle_s * 1000:.0f} ms, during {what} {busy_s * 1000:.0f} ms, ratio {ratios[-1]:.2f}")
    return round(max(ratios), 2)


if __name__ == "__main__":
    main()
