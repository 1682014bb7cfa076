"""The reference data in the browser: upload the Emotion files, import the notebook's texts, train on them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.records import RunStatus, Split, TextUse
from storage import Store
from tests.browser.app import App, settle
from tests.browser.test_journey import assert_no_error, press

pytestmark = [pytest.mark.browser, pytest.mark.models]


def upload_emotion(visit: Callable[[str], Page], emotion_folder: Path) -> None:
    """Create a task from Emotion's three files, with the first ten texts of each label as seeds."""
    page = visit("seeds")
    page.get_by_text("Upload", exact=True).click()
    settle(page)
    files = [str(emotion_folder / name) for name in ("train.txt", "val.txt", "test.txt")]
    page.locator(".st-key-seeds_upload input[type=file]").set_input_files(files)
    expect(page.get_by_text("Split of test.txt (2,000 rows)")).to_be_visible(timeout=30_000)
    press(page, "Import")
    expect(page.get_by_text("797 test")).to_be_visible(timeout=60_000)
    page.get_by_text("First in order").click()
    settle(page)
    press(page, "Save 30 seeds")
    assert_no_error(page)


def test_a_classifier_is_trained_on_the_emotion_upload_and_gpt_j_texts(
    app: App, visit: Callable[[str], Page], emotion_folder: Path, ml6_folder: Path
) -> None:
    upload_emotion(visit, emotion_folder)
    page = visit("generate")
    page.get_by_role("tab", name="Import").click()
    page.get_by_label("Name of the language model", exact=True).fill("GPT-J 6B")
    page.get_by_label("Name of the language model", exact=True).press("Enter")
    page.locator("[class*=st-key-generate_import_file] input[type=file]").set_input_files(
        str(ml6_folder / "gpt-j_200.jsonl")
    )
    press(page, "Import texts")
    expect(page.get_by_text("200 of 200 texts")).to_be_visible(timeout=30_000)
    assert_no_error(page)

    page = visit("train")
    page.get_by_role("tab", name="Design a grid").click()
    page.get_by_label("RNG seeds", exact=True).fill("1")
    page.get_by_label("RNG seeds", exact=True).press("Enter")
    page.get_by_role("button", name="linear probe").click()
    for size in ("10", "50", "100"):
        page.get_by_role("button", name=size, exact=True).click()
    page.get_by_text("Real texts as the ceiling").click()
    expect(page.get_by_role("button", name="Train 2 runs")).to_be_visible()
    press(page, "Train 2 runs")
    store = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    task = store.tasks.all()[0]
    assert sum(n for (split, _), n in store.tasks.count_examples(task.id).items() if split is Split.TEST) == 797
    expect(page.get_by_text("Continue: results")).to_be_visible(timeout=240_000)
    page.wait_for_function("() => !document.body.innerText.includes('running')", timeout=240_000)
    runs = {run.variant.use: run for run in store.trainings.all(task.id)}
    store.close()
    assert {run.state.status for run in runs.values()} == {RunStatus.DONE}
    baseline, augmented = runs[None].last, runs[TextUse.RAW].last
    assert baseline is not None
    assert augmented is not None
    assert 0.44 < baseline.accuracy < 0.58  # mean of three measured runs: 0.507
    assert augmented.accuracy > 0.65  # mean of three measured runs: 0.757
    page = visit("results")
    expect(page.locator(".st-key-results_curve")).to_contain_text("raw")  # the headline names the language model
    assert_no_error(page)
