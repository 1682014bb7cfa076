"""The way through the cards: which were shown, where the reviewer stands, what was passed over. Knows no Streamlit."""

from collections.abc import Container
from dataclasses import dataclass, field

LONGEST = 500  # cards that can be gone back to


@dataclass(slots=True)
class Trail:
    """Cards in the order they were shown; `at` is the one on the desk, past the end where a new one is wanted.

    `ahead` holds those that come next and were not shown yet: the browser has them already. `passed` holds those that
    were skipped without a decision, newest last.
    """

    ids: list[int] = field(default_factory=list)
    at: int = 0
    passed: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)

    @property
    def current(self) -> int | None:
        """The card on the desk, or None where a new one is wanted."""
        return self.ids[self.at] if self.at < len(self.ids) else None

    @property
    def coming(self) -> list[int]:
        """The card on the desk and all that are known to follow."""
        return list(dict.fromkeys(self.ids[self.at :] + self.ahead))

    @property
    def has_skipped(self) -> bool:
        """Whether the card before was skipped, so that undoing means going back to it."""
        return bool(self.at and self.passed[-1:] == [self.ids[self.at - 1]])

    def show(self, text_id: int) -> None:
        """Put a new card on the desk."""
        self.ids = [*self.ids, text_id][-LONGEST:]
        self.at = len(self.ids) - 1

    def show_next(self) -> None:
        """Where a new card is wanted, put the next one on the desk, if it is known."""
        if self.current is None and self.ahead:
            self.show(self.ahead.pop(0))

    def reach(self, text_id: int) -> None:
        """The browser has shown a card that lay ahead."""
        if self.current is None and text_id in self.ahead:
            self.ahead.remove(text_id)
            self.show(text_id)

    def insert(self, text_id: int) -> None:
        """Put a card on the desk before the one that lies there, which comes back after it."""
        if self.current != text_id:
            self.ids.insert(self.at, text_id)
        self._take_off_ahead(text_id)

    def stay(self, text_id: int) -> None:
        """A card whose decision did not count is to be looked at again: on the desk, or right after what lies there."""
        if self.current != text_id:
            self.ids.insert(self.at + (self.current is not None), text_id)
        self._take_off_ahead(text_id)

    def go_on(self, decided: int) -> None:
        """Leave a card that was decided on."""
        self.passed = [one for one in self.passed if one != decided]
        self._leave(decided)

    def skip(self, text_id: int) -> None:
        """Leave a card undecided: it comes back after all others."""
        self.passed = [*(one for one in self.passed if one != text_id), text_id]
        self._leave(text_id)

    def go_back(self) -> None:
        """One card back, if there is one."""
        self.at = max(0, self.at - 1)

    def forget(self, text_id: int) -> None:
        """Take out a card that is gone."""
        before = sum(one == text_id for one in self.ids[: self.at])
        self.ids = [one for one in self.ids if one != text_id]
        self.at -= before

    def keep_ahead(self, free: Container[int]) -> None:
        """Of the cards not shown yet keep those that still wait for this tab."""
        self.ahead = [one for one in self.ahead if one in free]

    def start_anew(self) -> None:
        """Another order or other filters: what lies on the desk and after it is asked for again."""
        self.ids = self.ids[: self.at]
        self.ahead = []

    def _leave(self, text_id: int) -> None:
        if self.current == text_id:  # a double click has left it already
            self.at += 1
        self._take_off_ahead(text_id)

    def _take_off_ahead(self, text_id: int) -> None:
        self.ahead = [one for one in self.ahead if one != text_id]
