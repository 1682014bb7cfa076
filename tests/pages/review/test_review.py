"""The Review page with AppTest: card, queue, filters and who reviews."""

from datetime import datetime, timedelta

from streamlit.testing.v1 import AppTest

from augment.records import (
    LabelledText,
    QueueRequest,
    ReviewAction,
    ReviewStatus,
    Task,
    TextFilters,
    Verdict,
)
from pages.parts.review.orders import SECOND_OPINION
from storage import Store
from storage.reviews.queue import LENT_FOR
from storage.schema import utc_now
from tests.app_test import Open, act, button, card, desk, errors, send
from tests.conftest import ROOT
from tests.pages.review.conftest import view

ALL = TextFilters()


def test_the_page_asks_for_a_name_first_and_stores_it_with_decisions(bench: Store, filled: Task) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/review.py").run()
    assert card(app)["text"]  # the card is shown before the name is entered
    assert desk(app)["is_locked"]
    assert desk(app)["last"] == "Enter your name below to start."
    button(app, "Start reviewing")
    assert any("Enter a name" in caption.value for caption in app.caption)
    app.text_input(key="reviewer_first").set_value("  Cem ")
    app = button(app, "Start reviewing")
    assert not desk(app)["is_locked"]
    act(app, "accept")
    assert errors(app) == []
    assert bench.reviews.last_step(filled.id, reviewer="Cem") is not None


def test_a_decision_on_the_card_is_stored_and_undone(review: AppTest, bench: Store, filled: Task) -> None:
    first = card(review)["text"]
    act(review, "label", label=filled.labels[1])
    assert bench.reviews.count_status(filled.id)[ReviewStatus.ACCEPTED] == 1
    accepted = bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.ACCEPTED))
    assert (accepted[0].label, accepted[0].text) == (filled.labels[1], first)
    assert card(review)["text"] != first
    act(review, "undo")
    assert bench.reviews.count_status(filled.id)[ReviewStatus.ACCEPTED] == 0
    assert card(review)["text"] == first
    assert errors(review) == []


def test_undo_reverts_a_skip_first(review: AppTest, bench: Store, filled: Task) -> None:
    first = card(review)["text"]
    act(review, "skip")
    assert card(review)["text"] != first
    act(review, "undo")
    assert card(review)["text"] == first
    assert bench.reviews.count_status(filled.id)[ReviewStatus.REJECTED] == 1  # the decision before it is kept


def test_stepping_back_and_forward_changes_nothing(review: AppTest, bench: Store, filled: Task) -> None:
    seen = [card(review)["text"]]
    for _ in range(2):
        act(review, "accept")
        seen.append(card(review)["text"])
    before = bench.reviews.count_events(filled.id)
    act(review, "back")
    act(review, "back")
    assert card(review)["text"] == seen[0]
    assert any("accepted" in fact for fact in card(review)["facts"])
    for text in seen[1:]:
        act(review, "forth")
        assert card(review)["text"] == text
    assert bench.reviews.count_events(filled.id) == before


def test_undo_works_across_a_reload(review: AppTest, open_page: Open, bench: Store, filled: Task) -> None:
    for _ in range(3):
        act(review, "accept")
    again = open_page("review")  # another session
    for left in (2, 1, 0):
        act(again, "undo")
        assert bench.reviews.count_status(filled.id)[ReviewStatus.ACCEPTED] == left
    assert not desk(again)["can_undo"]


def test_skipped_cards_come_back_at_the_end(review: AppTest, bench: Store, filled: Task) -> None:
    seen = set()
    for _ in range(11):
        seen.add(card(review)["text"])
        act(review, "skip")
    assert len(seen) == 11
    assert card(review)["text"] in seen


def test_a_card_that_somebody_else_decided_on_stays_and_says_so(review: AppTest, bench: Store, filled: Task) -> None:
    text = card(review)["text"]
    there = next(stored for stored in bench.reviews.page(filled.id, ALL) if stored.text == text)
    bench.reviews.decide(there.id, ReviewAction.REJECT, reviewer="Bob")
    act(review, "accept")
    assert any("Bob decided on" in error for error in errors(review))
    assert card(review)["text"] == text
    act(review, "accept")
    assert errors(review) == []
    assert bench.reviews.text(there.id).status is ReviewStatus.ACCEPTED


def test_the_end_of_the_queue_says_what_to_do_next(review: AppTest, bench: Store, filled: Task) -> None:
    bench.reviews.decide_many(filled.id, ALL, ReviewAction.ACCEPT, reviewer="Bob")
    review.run()
    act(review, "forth")
    assert desk(review)["end"][0] == "Everything is reviewed."


def test_keys_pressed_faster_than_the_server_apply_once_to_the_cards_that_were_shown(
    review: AppTest, bench: Store, filled: Task
) -> None:
    dealt = desk(review)["cards"]
    acts = [
        {"number": i, "kind": kind, "id": shown["id"], "event": shown["event"]}
        for i, (kind, shown) in enumerate(zip(("accept", "skip", "reject"), dealt, strict=False), start=1)
    ]
    send(review, acts[:1])
    send(review, acts)  # sent before the first action was acknowledged
    send(review, [*acts, {"number": 4, "kind": "undo"}])
    assert errors(review) == []
    assert [bench.reviews.text(shown["id"]).status.value for shown in dealt[:3]] == ["accepted", "pending", "pending"]
    assert card(review)["id"] == dealt[2]["id"]
    assert desk(review)["acknowledged"] == {"test": 4}
    assert len(bench.reviews.history(dealt[0]["id"])) == 1


def test_a_conflict_on_one_card_does_not_lose_the_decision_on_the_next(
    review: AppTest, bench: Store, filled: Task
) -> None:
    first, second = desk(review)["cards"][:2]
    bench.reviews.decide(first["id"], ReviewAction.REJECT, reviewer="Bob")
    acts = [
        {"number": i, "kind": "accept", "id": shown["id"], "event": shown["event"]}
        for i, shown in enumerate((first, second), 1)
    ]
    send(review, acts)
    assert any("Bob decided on" in error for error in errors(review))
    assert card(review)["id"] == first["id"]
    assert bench.reviews.text(first["id"]).status is ReviewStatus.REJECTED
    assert bench.reviews.text(second["id"]).status is ReviewStatus.ACCEPTED
    assert second["id"] not in [shown["id"] for shown in desk(review)["cards"]]


def test_invalid_actions_from_the_browser_are_ignored_or_refused(review: AppTest, bench: Store, filled: Task) -> None:
    before = bench.reviews.count_events(filled.id)
    shown = card(review)
    send(review, [{"number": "1", "kind": "accept"}, {"number": 2, "kind": "drop"}, 3])  # type: ignore[list-item]
    assert errors(review) == []
    send(review, [{"number": 1, "kind": "label", "id": shown["id"], "event": None, "label": "boredom"}])
    assert any("boredom" in error for error in errors(review))
    send(review, [{"number": 3, "kind": "accept", "id": 2**70}, {"number": True, "kind": "undo"}])
    send(review, [{"number": 4, "kind": "accept", "id": shown["id"], "event": None, "text_start": "another"}])
    assert any("not in this database" in error for error in errors(review))
    send(review, [{"number": 5, "kind": "accept", "id": 99_999, "event": None}])
    assert any("is gone" in error for error in errors(review))
    assert bench.reviews.count_events(filled.id) == before


def test_the_end_of_the_queue_counts_cards_open_on_other_desks(open_page: Open, bench: Store, filled: Task) -> None:
    bench.review_queue.take(filled.id, QueueRequest(n=11), holder="another tab")
    app = open_page("review")
    assert desk(app)["end"][0] == "11 texts are open in other browser tabs."
    app.text_input(key="review_search").set_value("nothing like it").run()
    assert desk(app)["end"][0] == "No pending text matches the filters."


def test_actions_of_an_earlier_session_are_not_repeated(review: AppTest, bench: Store, filled: Task) -> None:
    act(review, "accept")
    act(review, "accept")
    act(review, "undo")
    before = bench.reviews.count_events(filled.id)
    send(review, [{"number": 9_999, "kind": "undo"}], session="before the restart")
    assert bench.reviews.count_events(filled.id) == before


def test_undoing_a_refused_decision_reverts_no_other_decision(review: AppTest, bench: Store, filled: Task) -> None:
    act(review, "accept")
    first, second = desk(review)["cards"][:2]
    for shown in (first, second):
        bench.reviews.decide(shown["id"], ReviewAction.REJECT, reviewer="Bob")
    acts = [
        {"number": i, "kind": "accept", "id": shown["id"], "event": shown["event"]}
        for i, shown in enumerate((first, second), start=9_001)
    ]
    send(review, [*acts, {"number": 9_003, "kind": "undo", "after": 9_002}])
    assert errors(review)[0].count("Bob decided on") == 2
    assert [shown["id"] for shown in desk(review)["cards"][:2]] == [first["id"], second["id"]]  # both are shown again
    assert bench.reviews.count_status(filled.id)[ReviewStatus.ACCEPTED] == 1


def test_after_undoing_a_note_its_card_is_on_the_desk_once(review: AppTest, bench: Store, filled: Task) -> None:
    shown = card(review)["id"]
    act(review, "note", note="hm")
    act(review, "undo")
    dealt = [dealt_card["id"] for dealt_card in desk(review)["cards"]]
    assert (dealt[0], dealt.count(shown), card(review)["note"]) == (shown, 1, "")


def test_a_card_that_becomes_current_gets_the_full_lease(review: AppTest, bench: Store, filled: Task) -> None:
    act(review, "accept")
    following = desk(review)["cards"][1:3]
    bench.reviews.decide(following[0]["id"], ReviewAction.REJECT, reviewer="Bob")
    act(review, "accept")
    assert card(review)["id"] == following[1]["id"]
    with bench.engine.begin() as connection:
        (ends,) = connection.exec_driver_sql(
            "SELECT expires_at FROM review_lease WHERE text_id = ?", (following[1]["id"],)
        ).one()
    assert datetime.fromisoformat(ends) - utc_now().replace(tzinfo=None) > LENT_FOR - timedelta(seconds=30)


def test_a_second_opinion_steps_through_decided_texts_without_showing_decisions(
    review: AppTest, bench: Store, filled: Task
) -> None:
    bench.reviews.decide_many(filled.id, ALL, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Bob")
    review.selectbox(key="review_order").set_value(SECOND_OPINION).run()
    seen = set()
    for _ in range(11):
        assert card(review)["is_blind"]
        seen.add(card(review)["id"])
        act(review, "forth")
    assert len(seen) == 11
    blind = card(review)
    bench_label = blind["label"]
    action = {"number": 9_001, "kind": "accept", "id": blind["id"], "event": blind["event"], "is_blind": True}
    review.session_state["review_order"] = None  # another order is chosen at the same moment
    send(review, [action])
    assert bench.reviews.text(blind["id"]).label == bench_label


def test_a_note_is_stored_and_shown_again(review: AppTest, bench: Store, filled: Task) -> None:
    act(review, "note", note="**not** bold")
    assert card(review)["note"] == "**not** bold"
    assert [text.note for text in bench.reviews.page(filled.id, ALL) if text.note] == ["**not** bold"]
    assert errors(review) == []


def test_a_second_opinion_does_not_show_the_first(review: AppTest, bench: Store, filled: Task) -> None:
    target = bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.PENDING, label="anger"))[0]
    bench.reviews.decide(target.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Bob")
    bench.reviews.decide_many(filled.id, TextFilters(status=ReviewStatus.REJECTED), ReviewAction.ACCEPT, reviewer="Ada")
    review.selectbox(key="review_order").set_value(SECOND_OPINION).run()
    assert card(review)["text"] == target.text
    assert (card(review)["label"], card(review)["note"]) == ("anger", None)
    assert "surprise" not in str(card(review)["facts"])
    act(review, "accept")
    now = bench.reviews.text(target.id)
    assert (now.label, now.status) == ("anger", ReviewStatus.ACCEPTED)
    assert target.id in [text.id for text in bench.reviews.page(filled.id, TextFilters(is_disputed=True))]
    assert errors(review) == []


def test_filters_narrow_queue_and_table(review: AppTest, filled: Task) -> None:
    review.selectbox(key="review_label").set_value("surprise").run()
    assert any("of them match" in str(bar.proto.text) for bar in review.get("progress"))
    table = view(review, "Table").dataframe[0].value
    assert set(table["label"]) == {"surprise"}
    review.text_input(key="review_search").set_value("nothing like it").run()
    assert any("No text matches the filters" in message.value for message in review.info)
    button(review, "Clear")
    assert len(review.dataframe[0].value) == 12


def test_awkward_texts_are_shown_literally(review: AppTest, bench: Store, filled: Task) -> None:
    awkward = ["سلام 🎉 [x](http://e.org)", "<script>alert(1)</script>", "=HYPERLINK(1)", "x" * 5_000]
    bench.generations.import_texts(filled.id, "odd", [LabelledText(text, "joy") for text in awkward])
    review.run()
    review.selectbox(key="review_lm").set_value("odd").run()
    for text in awkward:
        assert card(review)["text"] == text
        act(review, "accept")
    assert errors(review) == []
    assert [stored.text for stored in bench.reviews.page(filled.id, TextFilters(lm_name="odd"))] == awkward


def test_after_giving_a_second_opinion_its_text_is_no_longer_blind(review: AppTest, bench: Store, filled: Task) -> None:
    pending = bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.PENDING))
    bench.reviews.decide(pending[0].id, Verdict(ReviewAction.NOTE, note="clearly joy"), reviewer="Bob")
    bench.reviews.decide(pending[0].id, ReviewAction.ACCEPT, reviewer="Bob")
    bench.reviews.decide_many(filled.id, TextFilters(status=ReviewStatus.REJECTED), ReviewAction.ACCEPT, reviewer="Ada")
    review.selectbox(key="review_order").set_value(SECOND_OPINION).run()
    assert card(review)["note"] is None
    act(review, "label", label="surprise")
    act(review, "back")
    assert card(review)["text"] == pending[0].text
    assert any("accepted" in fact for fact in card(review)["facts"])
    before = bench.reviews.count_events(filled.id)
    act(review, "accept")
    assert bench.reviews.text(pending[0].id).label == "surprise"
    assert bench.reviews.count_events(filled.id) == before


def test_a_text_that_was_deleted_elsewhere_breaks_nothing(review: AppTest, bench: Store, filled: Task) -> None:
    act(review, "accept")
    decided = bench.reviews.page(filled.id, TextFilters(status=ReviewStatus.ACCEPTED))[0]
    with bench.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM synthetic_text WHERE id = ?", (decided.id,))
    act(review, "back")
    assert errors(review) == []
    assert "is gone" in desk(review)["last"]
    act(review, "undo")
    assert errors(review) == []
