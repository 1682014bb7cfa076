"""A served app on a free port, and a Chromium that opens it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.app import App, launch, settle


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def app(home: Path) -> Iterator[App]:
    served = App(home)
    yield served
    served.kill()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    yield opened
    context.close()


@pytest.fixture
def visit(app: App, page: Page) -> Callable[[str], Page]:
    """Open one of the app's pages by its name."""

    def go(name: str) -> Page:
        page.goto(app.url(name))
        settle(page)
        return page

    return go
