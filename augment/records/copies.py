"""Whether two texts count as the same: copies and near-duplicates. Pure."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from augment.records.checks import Finding, RejectReason


def normalise_text(text: str) -> str:
    """The form in which copies are equal: case folded, white space collapsed, outer quotes, '.' and '!' removed."""
    return " ".join(text.casefold().split()).strip("\"'“”‘’ .!")


class CopyCheck:
    """Finds copies of texts that must not be written again.

    A text keeps the first reason given for it, unless it is a held-out text: no setting allows a copy of those.
    """

    def __init__(self, *, near_duplicate: float = 1.0) -> None:
        """`near_duplicate` is the similarity from which a text counts as a near-duplicate; 1 turns that off."""
        self._known: dict[str, RejectReason] = {}
        self._near = near_duplicate

    def forbid(self, texts: Iterable[str], reason: RejectReason) -> None:
        """From now on, find each of `texts` with `reason`."""
        for text in texts:
            key = normalise_text(text)
            if reason is RejectReason.HELD_OUT_COPY or key not in self._known:
                self._known[key] = reason

    def find(self, text: str) -> Finding | None:
        """Why `text` counts as a copy and what it repeats, or None.

        Similarity is rapidfuzz's normalised edit ratio, 0 to 1, on normalised texts.
        """
        key = normalise_text(text)
        if key in self._known:
            return Finding(self._known[key], text[:60])
        if self._near >= 1 or not self._known:
            return None
        near = process.extractOne(key, self._known.keys(), scorer=fuzz.ratio, score_cutoff=100 * self._near)
        if near is None:
            return None
        found = f"{near[1]:.0f}% like '{near[0][:60]}' ({self._known[near[0]]})"
        return Finding(RejectReason.NEAR_DUPLICATE, found)
