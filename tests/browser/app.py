"""A served app in its own process, and the waits that browser tests and benchmarks need."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

from tests.conftest import ROOT


class App:
    """One served app; `restart` kills the process and serves the same home folder again."""

    script = Path("app.py")

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.log = (self.home / "server.log").open("a")
        command = [sys.executable, "-m", "streamlit", "run", str(self.script), "--server.port", str(self.port)]
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


def launch(playwright: Playwright) -> Browser:
    """Start an installed Chromium, else Playwright's own (`make test` ensures that there is one)."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    return playwright.chromium.launch(executable_path=path, args=options)


def settle(page: Page, timeout_s: float = 30) -> None:
    """Wait until the page is connected and its script has run."""
    connected = "[data-testid='stApp'][data-test-connection-state='CONNECTED'][data-test-script-state='notRunning']"
    page.wait_for_selector(connected, timeout=timeout_s * 1000)
