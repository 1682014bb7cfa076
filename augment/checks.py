"""Checks on a parsed text: is it a copy of something it must not copy. Pure; each finding has its reason."""

from collections.abc import Iterable

from augment.records import RejectReason


def normalise_text(text: str) -> str:
    """The form in which two texts count as the same: case folded, white space squeezed, outer quotes and stops gone."""
    return " ".join(text.casefold().split()).strip("\"'“”‘’ .!")


class CopyCheck:
    """Knows the texts that must not be written again, and learns each new one.

    The first reason given for a text stays: a seed that is also in the test split counts as a seed.
    """

    def __init__(self) -> None:
        self._known: dict[str, RejectReason] = {}

    def forbid(self, texts: Iterable[str], reason: RejectReason) -> None:
        """From now on each of `texts` is found with `reason`."""
        for text in texts:
            self._known.setdefault(normalise_text(text), reason)

    def find(self, text: str) -> RejectReason | None:
        """Why `text` must not be taken, or None."""
        return self._known.get(normalise_text(text))
