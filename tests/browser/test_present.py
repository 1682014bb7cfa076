"""The presentation in a real Chromium: it follows an experiment while it runs, and no longer."""

import pytest
from playwright.sync_api import Page, WebSocket, expect

from augment.records import RunKey, RunKind, RunStatus, Task
from storage import Store
from tests.browser.app import App, settle
from workbench.jobs import worker_name

pytestmark = pytest.mark.browser


def count_requests(page: Page, times: list[float], seconds: float) -> int:
    """How often the browser asks the server for something in that time."""
    before = len(times)
    page.wait_for_timeout(1000 * seconds)
    return len(times) - before


def test_the_presentation_stops_polling_when_its_experiment_has_ended_and_follows_it_again_after_a_reload(
    bench: Store, filled: Task, app: App, page: Page
) -> None:
    key = RunKey(RunKind.EXPERIMENT, bench.experiments.all(filled.id)[0].id)
    bench.start_run(key, worker_name())
    sent: list[float] = []

    def follow(socket: WebSocket) -> None:
        socket.on("framesent", lambda _: sent.append(0.0))

    page.on("websocket", follow)
    page.goto(app.url("present"))
    settle(page)
    expect(page.get_by_text("2 of 2 runs")).to_be_visible()
    assert count_requests(page, sent, 5) >= 3
    bench.runs.finish(key, RunStatus.DONE, "")
    expect(page.get_by_text("2 of 2 runs")).to_have_count(0, timeout=10_000)
    page.wait_for_timeout(2000)
    assert count_requests(page, sent, 5) == 0
    bench.start_run(key, worker_name())
    page.reload()
    settle(page)
    expect(page.get_by_text("2 of 2 runs")).to_be_visible()
    assert count_requests(page, sent, 5) >= 3
