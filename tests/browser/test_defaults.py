"""Somebody who reads nothing: the example, and every page's default, up to what is recommended."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journey import assert_no_error, press

pytestmark = [pytest.mark.browser, pytest.mark.models]


def test_the_defaults_lead_from_an_empty_page_to_a_recommendation(visit: Callable[[str], Page]) -> None:
    page = visit("overview")
    press(page, "Try the example")
    page = visit("generate")
    press(page, "Generate 200 texts")
    expect(page.get_by_text("200 of 200 texts")).to_be_visible(timeout=120_000)
    assert_no_error(page)

    page = visit("train")
    expect(page.get_by_text("label sentences")).to_be_visible()
    press(page, "Train")
    expect(page.get_by_role("button", name="Continue: results")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("running")).to_have_count(0, timeout=300_000)
    expect(page.get_by_text("queued")).to_have_count(0)
    assert_no_error(page)

    page = visit("results")
    expect(page.get_by_text(re.compile("^Recommended: "))).to_be_visible()
    expect(page.locator(".st-key-results_curve")).to_contain_text("label sentences")
    assert_no_error(page)
    page = visit("present")
    expect(page.get_by_text(re.compile("^Recommended: "))).to_be_visible()
    assert_no_error(page)
