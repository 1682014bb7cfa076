"""When two texts count as the same: a copy, or nearly one. Pure."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from augment.records.checks import Finding, RejectReason


def normalise_text(text: str) -> str:
    """The form in which two texts count as the same: case folded, white space squeezed, outer quotes and stops gone."""
    return " ".join(text.casefold().split()).strip("\"'“”‘’ .!")


class CopyCheck:
    """Knows the texts that must not be written again, and learns each new one.

    The first reason given for a text stays, but for a held-out text: that is the one thing no setting lets through.
    """

    def __init__(self, *, near_duplicate: float = 1.0) -> None:
        """`near_duplicate` is the similarity from which a text counts as a near-duplicate; 1 turns that off."""
        self._known: dict[str, RejectReason] = {}
        self._near = near_duplicate

    def forbid(self, texts: Iterable[str], reason: RejectReason) -> None:
        """From now on each of `texts` is found with `reason`."""
        for text in texts:
            key = normalise_text(text)
            if reason is RejectReason.HELD_OUT_COPY or key not in self._known:
                self._known[key] = reason

    def find(self, text: str) -> Finding | None:
        """Why `text` must not be taken and what it repeats, or None.

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
