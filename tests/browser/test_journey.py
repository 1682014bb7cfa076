"""The whole journey in a real Chromium with the embedded models, starting from an empty database."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.records import ReviewStatus, RunStatus, TextUse
from storage import Store
from tests.browser.app import App, settle

pytestmark = [pytest.mark.browser, pytest.mark.models]

Visit = Callable[[str], Page]
RESULT_TABS = {
    "How sure": "from a bootstrap",
    "Per label": "Confusion",
    "Over steps": "Smoothing",
    "Label shares": "All texts that a variant can draw from",
    "Disagreement": "It predicts another label for",
}


def assert_no_error(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()
    page.wait_for_timeout(300)
    settle(page)


def import_starter(visit: Visit) -> None:
    page = visit("seeds")
    press(page, "Import")
    expect(page.get_by_text("210 pool")).to_be_visible()
    press(page, "Save 30 seeds")
    assert_no_error(page)


def save_prompt(visit: Visit) -> None:
    page = visit("prompt")
    press(page, "Save as a new version")
    expect(page.get_by_role("button", name="Saved")).to_be_disabled()
    assert_no_error(page)


def generate(visit: Visit, n: int) -> Page:
    page = visit("generate")
    page.get_by_label("Texts", exact=True).fill(str(n))
    page.get_by_label("Texts", exact=True).press("Enter")
    expect(page.get_by_role("button", name=f"Generate {n} texts")).to_be_visible()
    press(page, f"Generate {n} texts")
    return page


def test_the_whole_journey_from_an_empty_database(app: App, visit: Visit) -> None:
    page = visit("overview")
    expect(page.get_by_role("button", name="Try the example")).to_be_visible()
    import_starter(visit)

    save_prompt(visit)
    press(page, "Try 5")
    expect(page.get_by_text("of 5 parsed")).to_be_visible(timeout=90_000)

    generate(visit, 50)
    expect(page.get_by_text("50 of 50 texts")).to_be_visible(timeout=180_000)
    assert_no_error(page)

    page = visit("review")
    page.get_by_label("Name", exact=True).fill("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_text("50 texts left")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_be_enabled()  # the desk accepts keys
    for key in ("a", "x", "2", "a", "1", "3", "a", "x", "a", "2"):
        left = page.get_by_text("texts left").inner_text().split(" ")[0]
        page.keyboard.press(key)
        expect(page.get_by_text(f"{int(left) - 1} texts left")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("41 texts left")).to_be_visible()
    expect(page.locator(".desk .last")).to_contain_text("undone")  # keys count only once the card is back
    page.keyboard.press("a")
    expect(page.get_by_text("40 texts left")).to_be_visible()
    assert_no_error(page)

    page = visit("train")
    page.get_by_role("tab", name="Design a grid").click()
    page.get_by_label("RNG seeds", exact=True).fill("1")
    page.get_by_label("RNG seeds", exact=True).press("Enter")
    page.get_by_role("button", name="accepted only").click()
    expect(page.get_by_text("its largest size is all of them").first).to_be_visible()
    # (raw, relabelled, real) × 2 sizes, all accepted texts, and the seeds alone, for both classifiers
    expect(page.get_by_role("button", name="Train 16 runs")).to_be_visible()
    press(page, "Train 16 runs")
    expect(page.get_by_text("running")).to_be_visible()
    expect(page.get_by_text("running")).to_have_count(0, timeout=240_000)
    expect(page.get_by_text("queued")).to_have_count(0)
    assert_no_error(page)

    page = visit("results")
    expect(page.locator(".st-key-results_curve")).to_contain_text("seeds only")
    expect(page.get_by_text("What review gained")).to_be_visible()
    for tab, words in RESULT_TABS.items():
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_text(words).first).to_be_visible()
    assert_no_error(page)
    with page.expect_download() as report:
        page.get_by_role("button", name="Report").click()
    assert "What review gained" in Path(report.value.path()).read_text()
    page.get_by_role("tab", name="Disagreement").click()
    press(page, "Review these first")
    expect(page.get_by_text("40 texts left").filter(has_text="disagreement with")).to_be_visible()
    page = visit("present")
    expect(page.get_by_text("How sure is this?")).to_be_visible()
    assert_no_error(page)
    page = visit("overview")
    assert_no_error(page)
    if folder := os.environ.get("AUGMENT_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / "overview.png"))

    store = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    task = store.tasks.all()[0]
    counts = store.reviews.count_status(task.id)
    assert counts[ReviewStatus.PENDING] == 40
    assert counts[ReviewStatus.REJECTED] == 2
    runs = store.trainings.all(task.id)
    done = [run for run in runs if run.state.status is RunStatus.DONE]
    assert {0, 10, 48, 50} < {run.n_synthetic for run in done}
    assert all(run.last is not None and run.last.step in (1, 125) for run in done)
    assert done == runs
    accepted = next(
        stored for stored in store.experiments.all(task.id)[0].variants if stored.variant.use is TextUse.ACCEPTED
    )
    assert {run.n_synthetic for run in runs if run.variant.use is TextUse.ACCEPTED} == {accepted.n_texts}  # all of them
    assert accepted.n_texts < 10
    store.close()


def test_a_killed_process_loses_nothing_and_the_run_resumes_where_it_stopped(app: App, visit: Visit) -> None:
    import_starter(visit)
    save_prompt(visit)
    page = generate(visit, 400)
    expect(page.get_by_text("of 400 texts")).to_be_visible()
    begun = "() => { const n = /(\\d+) of 400 texts/.exec(document.body.innerText); return n && +n[1] >= 10; }"
    page.wait_for_function(begun, timeout=120_000)
    app.restart()
    store = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    run = store.generations.all(store.tasks.all()[0].id)[0]
    kept = [text.text for text in store.generations.texts([run.id])]
    assert 10 <= len(kept) < 400

    page = visit("generate")
    expect(page.get_by_text("interrupted").first).to_be_visible()
    press(page, "Resume")
    expect(page.get_by_text("400 of 400 texts")).to_be_visible(timeout=180_000)
    texts = [text.text for text in store.generations.texts([run.id])]
    assert texts[: len(kept)] == kept
    assert len(texts) == len(set(texts)) == 400
    store.close()


def test_a_second_tab_shows_the_run_that_the_first_tab_started(app: App, visit: Visit, page: Page) -> None:
    import_starter(visit)
    save_prompt(visit)
    generate(visit, 12)
    other = page.context.new_page()
    other.goto(app.url("generate"))
    settle(other)
    expect(other.get_by_text("12 of 12 texts")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("12 of 12 texts")).to_be_visible(timeout=10_000)
    assert_no_error(page)
    assert_no_error(other)


def test_a_deep_link_on_a_fresh_server_opens_that_page(visit: Visit) -> None:
    page = visit("seeds")
    expect(page.get_by_role("heading", name="Seeds")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Results")).to_be_visible()
    press(page, "Import")
    expect(page.get_by_text("210 pool")).to_be_visible()
