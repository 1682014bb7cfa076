"""Every strategy writes 200 texts from the Emotion seeds on the Generate page, with all runs queued at once."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.generation.strategies import STRATEGIES
from augment.generation.yields import funnel_stages
from augment.records import RejectReason, RunStatus
from storage import Store
from tests.browser.app import App, settle
from tests.browser.test_emotion import upload_emotion
from tests.browser.test_journey import assert_no_error, press, save_prompt

pytestmark = [pytest.mark.browser, pytest.mark.models]

N_TEXTS = 200


def choose(page: Page, key: str, option: str) -> None:
    """Choose an option of the select box with this key."""
    page.locator(f".st-key-{key}").get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def test_every_strategy_writes_two_hundred_texts_and_its_funnel_adds_up(
    app: App, visit: Callable[[str], Page], emotion_folder: Path
) -> None:
    upload_emotion(visit, emotion_folder)
    save_prompt(visit)
    page = visit("generate")
    page.get_by_label("Texts", exact=True).fill(str(N_TEXTS))
    page.get_by_label("Texts", exact=True).press("Enter")
    for strategy in STRATEGIES.values():  # the first runs, the others wait in the queue
        choose(page, "generate_strategy", strategy.title)
        press(page, f"Generate {N_TEXTS} texts")
    assert_no_error(page)
    store = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    task = store.tasks.all()[0]
    runs = {run.config.strategy: run.id for run in store.generations.all(task.id) if run.config}
    assert list(runs) == list(STRATEGIES)[::-1]
    for name, run_id in sorted(runs.items(), key=lambda pair: pair[1]):
        page = visit("generate")
        choose(page, "generate_run", _title(page, run_id))
        expect(page.get_by_text(f"{N_TEXTS} of {N_TEXTS} texts")).to_be_visible(timeout=240_000)
        run = store.generations.get(run_id)
        rejects = store.generations.count_rejects(run_id)
        assert run.state.status is RunStatus.DONE
        stages = list(funnel_stages(run, rejects, accepted=0).values())
        assert stages[0] == stages[1] == run.n_attempts == N_TEXTS + sum(rejects.values())
        assert stages == sorted(stages, reverse=True)
        assert stages[5] == N_TEXTS == len(store.generations.texts([run_id]))
        if STRATEGIES[name].gives_label:
            assert sorted(store.generations.count_labels(run_id).values()) == [66, 67, 67]
        if name != "free":
            assert RejectReason.UNKNOWN_LABEL not in rejects
        assert_no_error(page)
        if folder := os.environ.get("AUGMENT_SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"generate_{name}.png"))
        print(name, run.n_attempts, f"{run.state.elapsed_s:.1f} s", store.generations.count_labels(run_id), rejects)
    store.close()


def _title(page: Page, run_id: int) -> re.Pattern[str] | str:
    """The run's entry in the list; its end (texts and status) changes while it runs."""
    page.locator(".st-key-generate_run").get_by_role("combobox").click()
    option = page.get_by_role("option", name=re.compile(rf"^{run_id} · "))
    name = option.inner_text()
    page.keyboard.press("Escape")
    return name
