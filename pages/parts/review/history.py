"""The way through the cards: which were shown, which one is open, which were skipped. Knows no Streamlit."""

from collections.abc import Container
from dataclasses import dataclass, field

LONGEST = 500  # cards that can be gone back to


@dataclass(slots=True)
class ReviewHistory:
    """Cards in the order they were shown; `position` is the open one, past the end when a new card is wanted.

    `ahead` are the next cards, not shown yet: the browser has them already. `skipped` are those that were left without
    a decision, newest last.
    """

    ids: list[int] = field(default_factory=list)
    position: int = 0
    skipped: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)

    @property
    def current(self) -> int | None:
        """The open card, or None when a new one is wanted."""
        return self.ids[self.position] if self.position < len(self.ids) else None

    @property
    def coming(self) -> list[int]:
        """The open card and all that are known to follow."""
        return list(dict.fromkeys(self.ids[self.position :] + self.ahead))

    @property
    def was_skipped(self) -> bool:
        """Whether the card before was skipped, so that undo goes back to it."""
        return bool(self.position and self.skipped[-1:] == [self.ids[self.position - 1]])

    def show(self, text_id: int) -> None:
        """Open a new card."""
        self.ids = [*self.ids, text_id][-LONGEST:]
        self.position = len(self.ids) - 1

    def show_next(self) -> None:
        """When a new card is wanted, open the next one, if it is known."""
        if self.current is None and self.ahead:
            self.show(self.ahead.pop(0))

    def reach(self, text_id: int) -> None:
        """The browser has shown a card that was ahead."""
        if self.current is None and text_id in self.ahead:
            self.ahead.remove(text_id)
            self.show(text_id)

    def insert(self, text_id: int) -> None:
        """Open a card before the one that is open, which comes back after it."""
        if self.current != text_id:
            self.ids.insert(self.position, text_id)
        self._remove_from_ahead(text_id)

    def stay(self, text_id: int) -> None:
        """Show a card again because its decision was refused: now, or right after the open card."""
        if self.current != text_id:
            self.ids.insert(self.position + (self.current is not None), text_id)
        self._remove_from_ahead(text_id)

    def leave_decided(self, text_id: int) -> None:
        """Go on from a card that was decided on."""
        self.skipped = [skipped for skipped in self.skipped if skipped != text_id]
        self._leave(text_id)

    def skip(self, text_id: int) -> None:
        """Go on from a card without a decision: it comes back after all others."""
        self.skipped = [*(skipped for skipped in self.skipped if skipped != text_id), text_id]
        self._leave(text_id)

    def unskip(self) -> None:
        """Go back to the card that was skipped last."""
        self.skipped.pop()
        self.go_back()

    def go_back(self) -> None:
        """Go back one card, if there is one."""
        self.position = max(0, self.position - 1)

    def forget(self, text_id: int) -> None:
        """Remove a card that is gone."""
        self.position -= self.ids[: self.position].count(text_id)
        self.ids = [shown for shown in self.ids if shown != text_id]

    def keep_ahead(self, free: Container[int]) -> None:
        """Of the cards not shown yet, keep those that this tab may still show."""
        self.ahead = [text_id for text_id in self.ahead if text_id in free]

    def restart(self) -> None:
        """Ask again for the open card and those after it: the order or the filters have changed."""
        self.ids = self.ids[: self.position]
        self.ahead = []

    def _leave(self, text_id: int) -> None:
        if self.current == text_id:  # a double click has left it already
            self.position += 1
        self._remove_from_ahead(text_id)

    def _remove_from_ahead(self, text_id: int) -> None:
        self.ahead = [ahead for ahead in self.ahead if ahead != text_id]
