"""The history of cards that a reviewer steps through."""

from pages.parts.review.history import LONGEST, ReviewHistory


def test_cards_can_be_stepped_through_backwards_and_forwards() -> None:
    history = ReviewHistory()
    assert history.current is None
    for text_id in (1, 2, 3):
        history.show(text_id)
        history.leave_decided(text_id)
    assert history.current is None
    history.go_back()
    history.go_back()
    assert history.current == 2
    history.leave_decided(2)
    assert history.current == 3
    for _ in range(9):
        history.go_back()
    assert history.current == 1


def test_a_late_click_on_a_previous_card_changes_nothing() -> None:
    history = ReviewHistory()
    history.show(1)
    history.leave_decided(1)
    history.show(2)
    history.leave_decided(1)
    assert history.current == 2


def test_an_undone_card_comes_before_the_current_one() -> None:
    history = ReviewHistory()
    history.show(5)
    history.insert(4)
    assert history.current == 4
    history.leave_decided(4)
    assert history.current == 5


def test_a_skipped_card_is_passed_over_until_it_is_decided() -> None:
    history = ReviewHistory()
    history.show(1)
    history.skip(1)
    history.skip(1)
    assert (history.skipped, history.current) == ([1], None)
    history.go_back()
    history.leave_decided(1)
    assert history.skipped == []


def test_the_card_skipped_last_is_the_last_of_the_skipped() -> None:
    history = ReviewHistory()
    for text_id in (1, 2):
        history.show(text_id)
        history.skip(text_id)
    history.go_back()
    history.go_back()
    history.skip(1)
    assert history.skipped == [2, 1]


def test_another_order_fetches_undecided_cards_again() -> None:
    history = ReviewHistory()
    for text_id in (1, 2):
        history.show(text_id)
        history.leave_decided(text_id)
    history.show(3)
    history.restart()
    assert (history.ids, history.current) == ([1, 2], None)


def test_a_deleted_card_is_removed_and_the_position_kept() -> None:
    history = ReviewHistory()
    for text_id in (1, 2, 3):
        history.show(text_id)
    history.forget(1)
    assert history.current == 3


def test_a_long_history_drops_its_oldest_cards() -> None:
    history = ReviewHistory()
    for text_id in range(LONGEST + 10):
        history.show(text_id)
        history.leave_decided(text_id)
    assert len(history.ids) == LONGEST
    history.show(9_999)
    assert history.current == 9_999


def test_cards_ahead_are_shown_in_order_by_browser_or_server() -> None:
    history = ReviewHistory(ahead=[1, 2, 3, 4])
    history.show_next()
    assert (history.current, history.coming) == (1, [1, 2, 3, 4])
    history.leave_decided(1)
    history.reach(2)  # the browser was faster than the server
    history.leave_decided(2)
    history.show_next()
    assert (history.ids, history.current, history.ahead) == ([1, 2, 3], 3, [4])
    history.reach(4)  # the desk still shows the card whose decision was refused
    assert (history.current, history.ahead) == (3, [4])


def test_a_card_ahead_that_was_decided_or_opened_elsewhere_is_not_shown_twice() -> None:
    history = ReviewHistory(ahead=[1, 2, 3])
    history.keep_ahead({2, 3})
    history.insert(3)
    assert history.coming == [3, 2]
    history.restart()
    assert history.coming == []


def test_a_card_whose_decision_was_refused_is_shown_again() -> None:
    history = ReviewHistory(ids=[1], ahead=[2, 3, 4])
    history.stay(1)
    history.stay(2)  # decided at the same moment; the browser had already shown it
    assert history.coming == [1, 2, 3, 4]
    history.leave_decided(1)
    history.leave_decided(2)
    history.stay(3)
    assert (history.current, history.ahead) == (3, [4])


def test_a_card_that_is_skipped_or_decided_is_no_longer_ahead() -> None:
    history = ReviewHistory(ids=[2], ahead=[3, 4, 5])
    history.skip(3)  # after a decision on 2 that was refused
    history.leave_decided(4)
    assert (history.coming, history.skipped) == ([2, 5], [3])
