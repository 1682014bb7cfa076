"""A served app on a free port and a Chromium that looks at it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ROOT


class App:
    """One served app; `restart` ends the process the hard way and serves the same home again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.log = (self.home / "server.log").open("a")
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        environment = {**os.environ, "AUGMENT_HOME": str(self.home)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"the app did not come up: {(self.home / 'server.log').read_text()[-2000:]}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.log.close()

    def restart(self) -> None:
        self.kill()
        self.start()

    def url(self, page: str) -> str:
        return f"http://127.0.0.1:{self.port}/{'' if page == 'overview' else page}"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A Chromium that is there already, else Playwright's own (`make test` sees that there is one)."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=options)
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


def settle(page: Page, timeout_s: float = 30) -> None:
    """Wait until the page is connected and its script has run."""
    connected = "[data-testid='stApp'][data-test-connection-state='CONNECTED'][data-test-script-state='notRunning']"
    page.wait_for_selector(connected, timeout=timeout_s * 1000)


@pytest.fixture
def visit(app: App, page: Page) -> Callable[[str], Page]:
    """Open one of the app's pages by its name."""

    def go(name: str) -> Page:
        page.goto(app.url(name))
        settle(page)
        return page

    return go
