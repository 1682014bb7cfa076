#!/bin/sh
# Finds or installs a Chromium for the browser tests: the system's, else Playwright's, else the distribution's package
# (as root on Debian). $1 is the folder with the virtual environment's programs.
set -u
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
starts() {
    "$1/python" -c 'from playwright.sync_api import sync_playwright as p
with p() as one: one.chromium.launch(args=["--no-sandbox"]).close()' >/dev/null 2>&1
}
if starts "$1"; then exit 0; fi
echo "No Chromium found; trying Playwright's own"
if timeout 600 "$1/playwright" install chromium >/dev/null 2>&1 && starts "$1"; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing the distribution's Chromium"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "The browser tests need a Chromium. Install one (on Debian: apt-get install chromium), then run make test again." >&2
exit 1
