"""The review desk in a real Chromium: keyboard, two people at once, bulk changes, undo, export and import."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from augment.records import (
    LabelledText,
    PageRequest,
    PreparedData,
    ReviewAction,
    ReviewStatus,
    Split,
    Task,
    TextFilters,
    Verdict,
)
from storage import Store
from tests.browser.app import App, settle
from tests.browser.test_journey import assert_no_error, press

pytestmark = pytest.mark.browser

LABELS = ("joy", "anger", "surprise")
AWKWARD = ("<b>bold</b> ![x](http://127.0.0.1:9/a.png)", "=SUM(1) سلام 🎉", "**stars** and `ticks`", "x" * 5_000)
DECISIONS = {"a": ("accepted", None), "x": ("rejected", None), "1": ("accepted", 0), "2": ("accepted", 1)}


@pytest.fixture
def store(app: App) -> Iterator[Store]:
    """The served app's database, with 120 pending texts."""
    opened = Store.open(f"sqlite:///{app.home / 'workbench.db'}")
    pool = (LabelledText("real", "joy"),)
    task = opened.tasks.create(PreparedData("Desk", "test", LABELS, {Split.POOL: pool}))
    texts = [LabelledText(f"{text} {i}", LABELS[i % 3]) for i in range(30) for text in (*AWKWARD[:3], "plain words")]
    opened.generations.import_texts(task.id, "GPT-J", texts)
    yield opened
    opened.close()


@pytest.fixture
def task(store: Store) -> Task:
    return store.tasks.all()[0]


def open_review_as(page: Page, app: App, name: str, address: str = "") -> Page:
    """Open the Review page as a new person, who is asked for a name."""
    page.goto(app.url("review") + address)
    settle(page)
    page.get_by_label("Name", exact=True).fill(name)
    page.keyboard.press("Enter")
    if "Table" not in address:
        expect(page.get_by_role("button", name="Accept")).to_be_enabled()
    settle(page)
    return page


def show_filters(page: Page) -> None:
    """Show the order and the filters."""
    page.get_by_text("Order and filters").click()
    status = page.get_by_role("combobox", name="Status")
    expect(status).to_be_visible()
    page.wait_for_timeout(500)  # the expander opens
    status.evaluate("select => select.scrollIntoView({ block: 'center' })")  # a list closes when the page scrolls
    settle(page)


def card_text(page: Page) -> str:
    return page.locator(".desk .text").text_content() or ""


def press_key(page: Page, key: str) -> None:
    """Press a key, then wait for the next card and for the server's response."""
    before = card_text(page)
    page.keyboard.press(key)
    wait_for_another(page, before)
    wait_for_server(page)


def wait_for_another(page: Page, before: str) -> None:
    """Wait until another text is on the desk."""
    expect(page.locator(".desk .text")).not_to_have_text(before)


def wait_for_keys(page: Page) -> None:
    """Wait until a card that the server just placed accepts keys: an earlier key press may be for the previous card."""
    page.wait_for_timeout(600)


def wait_for_server(page: Page) -> None:
    """Wait until the server has stored everything done on the desk and the line below it says so."""
    page.locator(".desk .last:not(.is-late)").filter(has_text=re.compile(r"\S")).wait_for()
    settle(page)


def test_a_hundred_cards_by_keyboard_alone(app: App, page: Page, store: Store, task: Task) -> None:
    expected: dict[str, tuple[str, str]] = {}
    by_text = {stored.text: stored for stored in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))}
    open_review_as(page, app, "Ada")
    keys = "a2x1a2a1xa"
    for i in range(100):
        text, key = card_text(page), keys[i % 10]
        status, label = DECISIONS[key]
        expected[text] = (status, by_text[text].label if label is None else LABELS[label])
        press_key(page, key)
        if i % 25 == 24:  # undo three steps with a reload in between, then decide differently
            for n in range(3):
                page.keyboard.press("z")
                page.get_by_text(f"{120 - (i + 1) + n + 1} texts left").wait_for()
                settle(page)
                expected.pop(card_text(page))
                if n == 1:
                    page.reload()
                    settle(page)
                    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
            for _ in range(3):
                expected[card_text(page)] = ("rejected", by_text[card_text(page)].label)
                press_key(page, "x")
    assert_no_error(page)
    now = {
        stored.text: (stored.status.value, stored.label)
        for stored in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))
    }
    assert {text: now[text] for text in expected} == expected
    assert len(expected) == 100
    assert store.reviews.count_status(task.id)[ReviewStatus.PENDING] == 20


def test_arrows_skip_and_notes(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    first = card_text(page)
    press_key(page, "a")
    second = card_text(page)
    press_key(page, "ArrowLeft")
    assert card_text(page) == first
    press_key(page, "ArrowRight")
    assert card_text(page) == second
    press_key(page, "s")
    press_key(page, "z")
    assert card_text(page) == second
    page.get_by_placeholder("Note, saved with Enter").fill("")
    page.keyboard.type("a2xz says who")  # keys do not fire while typing
    page.keyboard.press("Enter")
    settle(page)
    expect(page.get_by_text("note 'a2xz says who'")).to_be_visible()
    expect(page.get_by_placeholder("Note, saved with Enter")).to_have_value("a2xz says who")
    assert card_text(page) == second
    noted = next(
        text for text in store.reviews.page(task.id, TextFilters(), PageRequest(size=200)) if text.text == second
    )
    assert (noted.note, noted.status) == ("a2xz says who", ReviewStatus.PENDING)
    press_key(page, "a")  # the field has lost focus
    assert store.reviews.text(noted.id).status is ReviewStatus.ACCEPTED


def test_keys_work_while_the_server_is_busy_and_none_is_lost(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    by_text = {text.text: text.id for text in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))}
    app.process.send_signal(signal.SIGSTOP)
    decided: dict[int, str] = {}
    for key, status in (("a", "accepted"), ("x", "rejected"), ("a", "accepted")):
        decided[by_text[card_text(page)]] = status  # a different card each time, shown without the server
        page.keyboard.press(key)
    last = card_text(page)
    page.keyboard.press("x")
    page.keyboard.press("a")  # no card is left on the desk
    assert card_text(page) == last
    decided[by_text[last]] = "rejected"
    assert len(decided) == 4
    app.process.send_signal(signal.SIGCONT)
    wait_for_another(page, last)
    wait_for_server(page)
    now = {text.id: text.status.value for text in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))}
    assert {text_id: status for text_id, status in now.items() if status != "pending"} == decided
    assert store.reviews.count_events(task.id) == 4
    assert_no_error(page)


def test_decisions_that_a_killed_server_missed_are_stored_after_the_restart(
    app: App, page: Page, store: Store, task: Task
) -> None:
    open_review_as(page, app, "Ada")
    by_text = {text.text: text.id for text in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))}
    press_key(page, "a")
    app.process.send_signal(signal.SIGSTOP)
    rejected = []
    for _ in range(2):
        rejected.append(by_text[card_text(page)])
        page.keyboard.press("x")
    app.restart()
    wait_for_server(page)
    found = store.reviews.page(task.id, TextFilters(status=ReviewStatus.REJECTED), PageRequest(size=200))
    assert sorted(text.id for text in found) == sorted(rejected)
    assert store.reviews.count_events(task.id) == 3
    wait_for_keys(page)
    press_key(page, "a")
    assert_no_error(page)


def test_a_restart_repeats_no_decision(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    for _ in range(3):
        press_key(page, "a")
    press_key(page, "z")
    assert store.reviews.count_status(task.id)[ReviewStatus.ACCEPTED] == 2
    app.kill()
    page.wait_for_selector("[data-testid='stApp']:not([data-test-connection-state='CONNECTED'])")
    app.start()
    settle(page)
    wait_for_keys(page)
    press_key(page, "x")
    counts = store.reviews.count_status(task.id)
    assert (counts[ReviewStatus.ACCEPTED], counts[ReviewStatus.REJECTED]) == (2, 1)
    assert store.reviews.count_events(task.id) == 5


@pytest.mark.parametrize("way", ["another page and back", "reload"])
def test_decisions_made_before_leaving_the_page_are_stored_once_the_server_responds(
    app: App, page: Page, store: Store, task: Task, way: str
) -> None:
    open_review_as(page, app, "Ada")
    app.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        page.keyboard.press("a")
    if way == "reload":
        page.evaluate("setTimeout(() => location.reload())")
        page.wait_for_timeout(200)
    else:
        page.get_by_role("link", name="Train").click()
    app.process.send_signal(signal.SIGCONT)
    settle(page)
    if way != "reload":
        expect(page.get_by_role("heading", name="Train")).to_be_visible()
        settle(page)
        page.get_by_role("link", name=re.compile("Review")).click()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    wait_for_server(page)
    assert store.reviews.count_status(task.id)[ReviewStatus.ACCEPTED] == 3
    assert store.reviews.count_events(task.id) == 3
    assert_no_error(page)


def test_the_page_warns_about_steps_that_are_not_stored(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    app.process.send_signal(signal.SIGSTOP)
    page.keyboard.press("a")
    page.keyboard.press("x")
    expect(page.get_by_text("2 steps are not stored yet")).to_be_visible()
    app.process.send_signal(signal.SIGCONT)
    expect(page.get_by_text("not stored yet")).to_be_hidden()
    wait_for_server(page)
    counts = store.reviews.count_status(task.id)
    assert (counts[ReviewStatus.ACCEPTED], counts[ReviewStatus.REJECTED]) == (1, 1)


def test_a_double_click_decides_on_one_card_only(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    for button in (page.get_by_role("button", name="Reject"), page.locator(".desk .labels button").first):
        before = card_text(page)
        button.dblclick()
        wait_for_another(page, before)
        wait_for_server(page)
    counts = store.reviews.count_status(task.id)
    assert (counts[ReviewStatus.ACCEPTED], counts[ReviewStatus.REJECTED]) == (1, 1)
    page.get_by_role("button", name="Undo").dblclick()
    page.get_by_text("119 texts left").wait_for()
    wait_for_server(page)
    assert store.reviews.count_status(task.id)[ReviewStatus.PENDING] == 119


def test_keys_work_again_after_an_order_is_chosen(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    before = card_text(page)
    show_filters(page)
    page.locator(".st-key-review_order").get_by_role("combobox").click()
    page.get_by_role("option", name="newest first").click()
    wait_for_another(page, before)
    wait_for_keys(page)
    page.keyboard.press("x")
    wait_for_server(page)
    newest = max(store.reviews.page(task.id, TextFilters(), PageRequest(size=200)), key=lambda text: text.id)
    assert newest.status is ReviewStatus.REJECTED
    page.wait_for_url(re.compile(r"order=newest\b"))
    page.reload()
    settle(page)
    show_filters(page)
    expect(page.get_by_role("combobox", name="Order")).to_have_value("newest first")


def test_an_open_list_keeps_receiving_keys_when_the_server_responds(
    app: App, page: Page, store: Store, task: Task
) -> None:
    open_review_as(page, app, "Ada")
    show_filters(page)
    app.process.send_signal(signal.SIGSTOP)
    page.get_by_role("combobox", name="Status").click()
    page.get_by_role("option", name="pending").click()
    label = page.get_by_role("combobox", name="Label")
    label.click()
    app.process.send_signal(signal.SIGCONT)
    page.wait_for_url(re.compile("review_status=pending"))
    settle(page)
    page.keyboard.type("ax")
    expect(label).to_be_focused()
    settle(page)
    assert store.reviews.count_events(task.id) == 0


def test_the_count_in_the_navigation_follows_the_card(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    for _ in range(6):
        press_key(page, "a")
    expect(page.get_by_role("link", name="Review · 114")).to_be_visible()  # without another key press or click
    other = store.reviews.newest_texts(task.id, TextFilters(status=ReviewStatus.PENDING), limit=1)
    store.reviews.decide(next(iter(other)), ReviewAction.REJECT, reviewer="Bob")
    expect(page.get_by_role("link", name="Review · 113")).to_be_visible()  # after a decision by somebody else
    page.keyboard.press("z")
    expect(page.get_by_role("link", name="Review · 114")).to_be_visible()


def test_filters_are_cleared(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada", "?review_view=Table&review_label=anger&review_search=plain")
    page.get_by_text("that match").first.wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("all 120 that match").wait_for()
    expect(page.get_by_role("textbox", name="Search")).to_have_value("")
    page.get_by_role("textbox", name="Search").fill("no text has this")
    page.keyboard.press("Enter")
    page.get_by_text("No text matches the filters").wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("all 120 that match").wait_for()
    page.wait_for_url(lambda url: "review_label" not in url and "review_search" not in url)


def test_a_typed_note_is_kept_when_a_label_is_clicked(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada")
    by_text = {text.text: text.id for text in store.reviews.page(task.id, TextFilters(), PageRequest(size=200))}
    first = by_text[card_text(page)]
    page.get_by_placeholder("Note, saved with Enter").fill("who says?")
    key = page.get_by_role("button", name="surprise")
    key.click()
    wait_for_server(page)
    now = store.reviews.text(first)
    assert (now.note, now.label, now.status) == ("who says?", "surprise", ReviewStatus.ACCEPTED)
    expect(key).to_be_focused()
    expect(page.get_by_placeholder("Note, saved with Enter")).to_have_value("")


def test_from_the_tenth_on_labels_are_in_a_list(app: App, page: Page, store: Store, task: Task) -> None:
    labels = tuple(f"label {i}" for i in range(12))
    many = store.tasks.create(PreparedData("Many", "test", labels, {Split.POOL: (LabelledText("real", labels[0]),)}))
    run = store.generations.import_texts(many.id, "LM", [LabelledText(f"text {i}", labels[0]) for i in range(3)])
    open_review_as(page, app, "Ada")
    page.get_by_label("Other label", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Set other label").click()
    wait_for_server(page)
    assert [text.label for text in store.generations.texts([run.id])] == ["label 11", "label 0", "label 0"]
    press_key(page, "9")
    assert [text.label for text in store.generations.texts([run.id])] == ["label 11", "label 8", "label 0"]
    assert_no_error(page)


def test_two_people_never_get_the_same_card_and_a_conflict_is_shown(
    app: App, chromium: Browser, store: Store, task: Task
) -> None:
    contexts = [chromium.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
    ada, bob = (
        open_review_as(context.new_page(), app, name) for context, name in zip(contexts, ("Ada", "Bob"), strict=True)
    )
    for _ in range(8):
        assert card_text(ada) != card_text(bob)
        press_key(ada, "a")
        assert card_text(ada) != card_text(bob)
        press_key(bob, "x")
    counts = store.reviews.count_status(task.id)
    assert (counts[ReviewStatus.ACCEPTED], counts[ReviewStatus.REJECTED]) == (8, 8)
    text = card_text(ada)
    card = next(
        stored for stored in store.reviews.page(task.id, TextFilters(), PageRequest(size=200)) if stored.text == text
    )
    store.reviews.decide(card.id, ReviewAction.REJECT, reviewer="Cem")  # for example from the table
    ada.keyboard.press("a")
    expect(ada.get_by_test_id("stAlertContentError")).to_contain_text("Cem decided on")
    assert store.reviews.text(card.id).status is ReviewStatus.REJECTED
    assert card_text(ada) == text
    for context in contexts:
        context.close()


def test_a_view_can_be_shared_by_its_address_and_changed_in_bulk(
    app: App, page: Page, store: Store, task: Task
) -> None:
    open_review_as(page, app, "Ada")
    page.goto(app.url("review") + "?review_view=Table&review_label=anger&review_search=plain")
    settle(page)
    expect(page.get_by_role("button", name="Reject")).to_be_hidden()  # nothing is selected
    press(page, "Select all 10 that match")
    page.get_by_placeholder("Relabel as …").click()
    page.get_by_role("option", name="joy").click()
    settle(page)
    press(page, "Relabel")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Relabel 10 texts as joy")).click()
    expect(page.get_by_text("10 texts at once")).to_be_visible()
    assert store.reviews.count(task.id, TextFilters(search="plain", label="anger")) == 0
    press(page, "Undo")
    expect(page.get_by_text("undone: 10 texts as before")).to_be_visible()
    assert store.reviews.count(task.id, TextFilters(search="plain", label="anger")) == 10
    assert_no_error(page)


def test_a_cell_is_edited_and_a_ticked_row_limits_the_bulk_change(
    app: App, page: Page, store: Store, task: Task
) -> None:
    open_review_as(page, app, "Ada")
    page.goto(app.url("review") + "?review_view=Table&review_search=plain")
    settle(page)
    grid = page.get_by_test_id("stDataFrame")
    newest = store.reviews.newest_texts(task.id, TextFilters(search="plain"), limit=2)
    first, second = newest
    grid.click(position={"x": 200, "y": 52})  # the text of the first row
    page.keyboard.press("Enter")
    page.locator(".gdg-input").fill("plain, edited by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text edited")).to_be_visible()
    now = store.reviews.text(first)
    assert (now.text, now.proposed_text) == ("plain, edited by hand", newest[first])
    settle(page)
    grid.click(position={"x": 30, "y": 87})  # the tick box of the second row
    expect(page.get_by_text("1 ticked")).to_be_visible()
    settle(page)
    press(page, "Reject")
    page.get_by_role("dialog").get_by_role("button", name="Reject 1 text").click()
    expect(page.get_by_text("last: rejected")).to_be_visible()
    assert store.reviews.text(second).status is ReviewStatus.REJECTED
    settle(page)
    grid.click(position={"x": 30, "y": 87})
    expect(page.get_by_text("1 ticked")).to_be_visible()
    settle(page)
    page.locator(".st-key-review_more button").first.click()
    press(page, "Find similar texts")
    expect(page).to_have_url(re.compile("near="))
    expect(page.get_by_role("button", name="Find similar texts")).to_be_hidden()  # it does not cover the table
    assert_no_error(page)


def test_an_export_can_be_imported_again_and_labels_decided_elsewhere_are_applied(
    app: App, page: Page, store: Store, task: Task, tmp_path: Path
) -> None:
    store.reviews.decide_many(
        task.id, TextFilters(search="plain"), Verdict(ReviewAction.RELABEL, "joy"), reviewer="Bob"
    )
    open_review_as(page, app, "Ada")
    page.goto(app.url("review") + "?review_view=Export+and+import")
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export 30 texts").click()
    file = tmp_path / "export.csv"
    download.value.save_as(file)
    upload = page.locator(".st-key-review_import_file_0 input[type=file], [class*=review_import_file] input[type=file]")
    upload.first.set_input_files(str(file))
    expect(page.get_by_text("30 texts of 1 generation run")).to_be_visible()
    press(page, "Store 30 texts")
    expect(page.get_by_text("30 texts stored")).to_be_visible()
    copies = store.reviews.page(
        task.id, TextFilters(run_id=store.generations.all(task.id)[0].id), PageRequest(size=200)
    )
    assert {(text.label, text.status) for text in copies} == {("joy", ReviewStatus.ACCEPTED)}
    assert [event.reviewer for event in store.reviews.history(copies[0].id)] == ["Bob"]

    pending = store.reviews.page(task.id, TextFilters(status=ReviewStatus.PENDING), PageRequest(size=3))
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{text.id},anger\n" for text in pending))
    page.locator("[class*=review_import_file] input[type=file]").first.set_input_files(str(labels))
    expect(page.get_by_text("3 labels by id")).to_be_visible()
    page.get_by_role("button", name=re.compile("^.*(Store|Take).*3")).last.click()
    page.wait_for_timeout(500)
    settle(page)
    assert {store.reviews.text(text.id).label for text in pending} == {"anger"}
    assert_no_error(page)


def test_generated_text_is_shown_literally_and_loads_nothing(app: App, page: Page, store: Store, task: Task) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    store.generations.import_texts(task.id, "odd", [LabelledText(text, "joy") for text in AWKWARD])
    open_review_as(page, app, "Ada", "?review_lm=odd")
    seen: list[str] = []
    for _ in AWKWARD:
        seen.append(card_text(page))
        if len(seen) < len(AWKWARD):
            press_key(page, "a")
    assert sorted(seen) == sorted(AWKWARD)
    assert not [url for url in asked if ":9/" in url]
    assert_no_error(page)


@pytest.mark.parametrize("is_known", [False, True])
def test_on_a_phone_the_card_comes_first(app: App, chromium: Browser, store: Store, task: Task, is_known: bool) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(app.url("review"))
    settle(page)
    if is_known:
        page.get_by_label("Name", exact=True).fill("Ada")
        page.get_by_role("button", name="Start reviewing").click()
        page.wait_for_function("document.cookie.includes('augment_reviewer')")  # the page's last part writes it
        page.reload()
        expect(page.get_by_text("Keys and name")).to_be_visible()  # the name is known
        settle(page)
        below = page.get_by_text("Order and filters")
        expect(page.get_by_label("Search")).to_be_hidden()
    else:
        expect(page.get_by_role("button", name="Accept")).to_be_disabled()
        below = page.get_by_text("Who reviews?")
    card = page.locator(".desk .card")
    expect(card).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Accept")).to_be_in_viewport(ratio=1)
    expect(below).to_be_visible()
    tops = [locator.bounding_box()["y"] for locator in (card, below)]  # type: ignore[index]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if is_known:
        before = card_text(page)
        page.get_by_role("button", name="Accept").tap()
        wait_for_another(page, before)
        wait_for_server(page)
    assert store.reviews.count_status(task.id)[ReviewStatus.ACCEPTED] == is_known
    context.close()


def test_filters_are_shared_by_card_and_table(app: App, page: Page, store: Store, task: Task) -> None:
    open_review_as(page, app, "Ada", "?review_label=anger")
    show_filters(page)
    page.get_by_role("textbox", name="Search").fill("plain")
    page.keyboard.press("Enter")
    page.get_by_text("10 of them match").wait_for()
    page.get_by_role("tab", name="Table").click()
    page.get_by_text("Select all 10 that match").wait_for()
    page.get_by_role("tab", name="Was it worth it").click()
    settle(page)
    page.get_by_role("tab", name="Table").click()
    page.get_by_text("Select all 10 that match").wait_for()
    page.get_by_role("tab", name="Card").click()
    page.get_by_text("10 of them match").wait_for()
    assert_no_error(page)
