"""The desk's script alone in a real Chromium, without a server: how it is mounted, locked and left."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.parts.review import desk

pytestmark = pytest.mark.browser

HERE = Path(desk.__file__).parent
MOUNT = """
async ([script, data]) => {
  window.sent = [];
  window.mount ??= (await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })))).default;
  const setStateValue = (name, value) => window.sent.push(value);
  window.leave = window.mount({ data, parentElement: document.querySelector("#desk"), setStateValue });
}
"""


@pytest.fixture
def blank(chromium: Browser) -> Page:
    """A page with the desk's elements and nothing else."""
    page = chromium.new_context().new_page()
    page.goto("data:text/html,<div id=desk></div>")
    page.evaluate("html => { document.querySelector('#desk').innerHTML = html }", (HERE / "desk.html").read_text())
    return page


def mount(page: Page, **changes: object) -> None:
    """Mount the desk on its elements, as Streamlit does, with three cards."""
    card = {"event": None, "label": "joy", "probs": None, "facts": [], "flags": [], "note": "", "is_blind": False}
    view: dict[str, Any] = {
        "labels": ["joy", "anger"],
        "colours": ["red", "blue"],
        "cards": [{**card, "id": number, "text": f"text {number}"} for number in (1, 2, 3)],
        "end": [],
        "session": "s",
        "number": 1,
        "queue": "q",
        "acknowledged": {},
        "ahead_s": 15,
        "last": "",
        "is_locked": False,
        "can_undo": False,
        "can_go_back": False,
    }
    page.evaluate(MOUNT, [(HERE / "desk.js").read_text(), view | changes])


def sent_actions(page: Page) -> list[tuple[str, int]]:
    """Kind and text of the actions that the desk sent last."""
    actions = page.evaluate("window.sent.at(-1)?.actions ?? []")
    return [(action["kind"], action["id"]) for action in actions]


@pytest.mark.parametrize("press", ["key", "click"])
def test_after_another_mount_on_the_same_elements_a_press_counts_once(blank: Page, press: str) -> None:
    mount(blank, is_locked=True)
    blank.evaluate("window.leave()")
    mount(blank)
    if press == "key":
        blank.keyboard.press("a")
    else:
        blank.get_by_role("button", name="Accept").click()
    assert sent_actions(blank) == [("accept", 1)]
    expect(blank.locator(".text")).to_have_text("text 2")


def test_an_older_view_that_arrives_late_changes_nothing(blank: Page) -> None:
    mount(blank, number=2)
    mount(blank, number=1, is_locked=True)
    blank.evaluate("window.leave()")  # Streamlit ends the older call as soon as it is done
    blank.keyboard.press("a")
    assert sent_actions(blank) == [("accept", 1)]


def test_ending_an_earlier_call_leaves_the_desk_to_the_later_one(blank: Page) -> None:
    mount(blank, number=1, is_locked=True)
    blank.evaluate("void (window.leaveFirst = window.leave)")  # a function would be called
    mount(blank, number=2)
    blank.evaluate("window.leaveFirst()")
    blank.keyboard.press("a")
    assert sent_actions(blank) == [("accept", 1)]


def test_a_locked_desk_shows_the_card_and_takes_no_key(blank: Page) -> None:
    mount(blank, is_locked=True, last="Enter your name below to start.")
    expect(blank.locator(".text")).to_have_text("text 1")
    for key in ("a", "x", "s", "1", "ArrowRight", "z"):
        blank.keyboard.press(key)
    assert sent_actions(blank) == []
    expect(blank.locator(".text")).to_have_text("text 1")
    expect(blank.get_by_role("button", name="joy")).to_be_disabled()


def test_a_desk_that_was_left_takes_no_key(blank: Page) -> None:
    mount(blank)
    blank.evaluate("window.leave()")
    blank.keyboard.press("a")
    assert sent_actions(blank) == []


def test_actions_carry_which_text_was_shown(blank: Page) -> None:
    mount(blank)
    blank.keyboard.press("2")
    (action,) = blank.evaluate("window.sent.at(-1).actions")
    assert action["text_start"] == "text 1"
    assert (action["kind"], action["label"], action["number"]) == ("label", "anger", 1)
