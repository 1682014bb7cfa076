"""From the Welcome page to texts ready for review in a real Chromium, without a reload."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import settle
from tests.browser.test_journey import assert_no_error, press

pytestmark = [pytest.mark.browser, pytest.mark.models]

Visit = Callable[[str], Page]
PHONE = {"width": 390, "height": 844}


def is_reachable(page: Page, name: str) -> bool:
    """Whether a click in the middle of the button reaches it and not something that covers it."""
    script = """(button) => {
        const box = button.getBoundingClientRect();
        return button.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
    }"""
    return bool(page.get_by_role("button", name=name).first.evaluate(script))


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
def test_both_ways_to_start_and_the_result_are_visible_without_scrolling(visit: Visit, size: dict[str, int]) -> None:
    page = visit("overview")
    page.set_viewport_size(size)
    page.wait_for_timeout(500)
    for name in ("Try the example", "Use my data"):
        assert is_reachable(page, name)
    chart = page.locator(".st-key-welcome_curve").bounding_box()
    assert chart is not None
    assert chart["y"] < size["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_my_data_opens_the_upload_field(visit: Visit) -> None:
    page = visit("overview")
    press(page, "Use my data")
    expect(page.get_by_role("heading", name="Seeds")).to_be_visible()
    expect(page.locator(".st-key-seeds_upload")).to_be_visible()
    assert_no_error(page)


def test_the_example_runs_and_every_page_shows_it_without_a_reload(visit: Visit) -> None:
    page = visit("overview")
    press(page, "Try the example")
    expect(page.get_by_role("heading", name="Generate")).to_be_visible()
    press(page, "Generate 200 texts")
    expect(page.get_by_text("of 200 texts").first).to_be_visible()
    page.get_by_role("link", name="Seeds").click()
    settle(page)
    expect(page.get_by_role("link", name="Generate ·")).to_be_visible()
    expect(page.get_by_role("link", name="Generate ·")).to_have_count(0, timeout=120_000)
    expect(page.get_by_role("link", name="Review · 200")).to_be_visible()
    press(page, "Draw again")
    press(page, "Save 30 seeds")
    expect(page.get_by_text("Saved as seed set 2")).to_be_visible()
    assert is_reachable(page, "Continue: prompt")
    press(page, "Continue: prompt")
    expect(page.get_by_role("heading", name="Prompt")).to_be_visible()
    press(page, "Try 5")
    expect(page.get_by_text("of 5 parsed")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("Written with an earlier prompt")).to_have_count(0)
    press(page, "Other seeds")
    expect(page.get_by_text("Written with an earlier prompt")).to_be_visible()
    assert is_reachable(page, "Continue: generate")
    press(page, "Continue: generate")
    assert is_reachable(page, "Continue: review 200 texts")
    assert_no_error(page)
