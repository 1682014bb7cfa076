"""The way through the cards."""

from pages.parts.review.history import LONGEST, Trail


def test_cards_are_gone_back_to_and_forth_from() -> None:
    trail = Trail()
    assert trail.current is None
    for text_id in (1, 2, 3):
        trail.show(text_id)
        trail.go_on(text_id)
    assert trail.current is None
    trail.go_back()
    trail.go_back()
    assert trail.current == 2
    trail.go_on(2)
    assert trail.current == 3
    for _ in range(9):
        trail.go_back()
    assert trail.current == 1


def test_a_late_click_on_a_card_that_was_left_moves_nothing() -> None:
    trail = Trail()
    trail.show(1)
    trail.go_on(1)
    trail.show(2)
    trail.go_on(1)
    assert trail.current == 2


def test_an_undone_card_lies_before_the_one_that_was_there() -> None:
    trail = Trail()
    trail.show(5)
    trail.insert(4)
    assert trail.current == 4
    trail.go_on(4)
    assert trail.current == 5


def test_a_skipped_card_is_passed_until_it_is_decided() -> None:
    trail = Trail()
    trail.show(1)
    trail.skip(1)
    trail.skip(1)
    assert (trail.passed, trail.current) == ([1], None)
    trail.go_back()
    trail.go_on(1)
    assert trail.passed == []


def test_the_card_skipped_last_is_the_last_of_the_skipped() -> None:
    trail = Trail()
    for text_id in (1, 2):
        trail.show(text_id)
        trail.skip(text_id)
    trail.go_back()
    trail.go_back()
    trail.skip(1)
    assert trail.passed == [2, 1]


def test_another_order_asks_anew_for_what_was_not_decided() -> None:
    trail = Trail()
    for text_id in (1, 2):
        trail.show(text_id)
        trail.go_on(text_id)
    trail.show(3)
    trail.start_anew()
    assert (trail.ids, trail.current) == ([1, 2], None)


def test_a_card_that_is_gone_is_forgotten_and_the_place_kept() -> None:
    trail = Trail()
    for text_id in (1, 2, 3):
        trail.show(text_id)
    trail.forget(1)
    assert trail.current == 3


def test_a_long_sitting_forgets_its_beginning() -> None:
    trail = Trail()
    for text_id in range(LONGEST + 10):
        trail.show(text_id)
        trail.go_on(text_id)
    assert len(trail.ids) == LONGEST
    trail.show(9_999)
    assert trail.current == 9_999


def test_cards_ahead_are_shown_in_their_order_whoever_is_first_to_show_them() -> None:
    trail = Trail(ahead=[1, 2, 3, 4])
    trail.show_next()
    assert (trail.current, trail.coming) == (1, [1, 2, 3, 4])
    trail.go_on(1)
    trail.reach(2)  # the browser was faster than the server
    trail.go_on(2)
    trail.show_next()
    assert (trail.ids, trail.current, trail.ahead) == ([1, 2, 3], 3, [4])
    trail.reach(4)  # a card still lies on the desk: that of a decision that did not count
    assert (trail.current, trail.ahead) == (3, [4])


def test_a_card_ahead_that_somebody_decided_on_or_that_is_opened_is_not_shown_twice() -> None:
    trail = Trail(ahead=[1, 2, 3])
    trail.keep_ahead({2, 3})
    trail.insert(3)
    assert trail.coming == [3, 2]
    trail.start_anew()
    assert trail.coming == []


def test_a_card_whose_decision_did_not_count_is_looked_at_again() -> None:
    trail = Trail(ids=[1], ahead=[2, 3, 4])
    trail.stay(1)
    trail.stay(2)  # decided in the same moment: the browser had shown it
    assert trail.coming == [1, 2, 3, 4]
    trail.go_on(1)
    trail.go_on(2)
    trail.stay(3)
    assert (trail.current, trail.ahead) == (3, [4])


def test_a_card_that_is_skipped_or_decided_lies_ahead_no_more() -> None:
    trail = Trail(ids=[2], ahead=[3, 4, 5])
    trail.skip(3)  # after a decision on 2 that was refused
    trail.go_on(4)
    assert (trail.coming, trail.passed) == ([2, 5], [3])
