"""Checks on a parsed text, each with its reason: a copy, a near-copy, too short, too long, cut off, unsure. Pure."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from augment.records import RejectReason, Sampling, SyntheticText, TextChecks

Finding = tuple[RejectReason, str]  # why a text is not taken, and what was found


def normalise_text(text: str) -> str:
    """The form in which two texts count as the same: case folded, white space squeezed, outer quotes and stops gone."""
    return " ".join(text.casefold().split()).strip("\"'“”‘’ .!")


class CopyCheck:
    """Knows the texts that must not be written again, and learns each new one.

    The first reason given for a text stays: a seed that is also in the test split counts as a seed.
    """

    def __init__(self, *, near_duplicate: float = 1.0) -> None:
        """`near_duplicate` is the similarity from which a text counts as a near-duplicate; 1 turns that off."""
        self._known: dict[str, RejectReason] = {}
        self._near = near_duplicate

    def forbid(self, texts: Iterable[str], reason: RejectReason) -> None:
        """From now on each of `texts` is found with `reason`."""
        for text in texts:
            self._known.setdefault(normalise_text(text), reason)

    def find(self, text: str) -> Finding | None:
        """Why `text` must not be taken and what it repeats, or None.

        Similarity is rapidfuzz's normalised edit ratio, 0 to 1, on normalised texts.
        """
        key = normalise_text(text)
        if key in self._known:
            return self._known[key], text[:60]
        if self._near >= 1 or not self._known:
            return None
        near = process.extractOne(key, self._known.keys(), scorer=fuzz.ratio, score_cutoff=100 * self._near)
        if near is None:
            return None
        return RejectReason.NEAR_DUPLICATE, f"{near[1]:.0f} % like '{near[0][:60]}' ({self._known[near[0]]})"


def check_text(record: SyntheticText, checks: TextChecks, sampling: Sampling) -> Finding | None:
    """What is wrong with a text by itself, or None."""
    n_words = len(record.text.split())
    if n_words < checks.min_words:
        return RejectReason.TOO_SHORT, f"{n_words} words; at least {checks.min_words} wanted"
    if n_words > checks.max_words:
        return RejectReason.TOO_LONG, f"{n_words} words; at most {checks.max_words} wanted"
    completion = record.attempt.completion
    if completion.n_tokens >= sampling.max_new_tokens and completion.text.strip() == record.text:
        return RejectReason.CUT_OFF, f"still going on after {completion.n_tokens} tokens"
    if record.label_probs and max(record.label_probs) < checks.min_confidence:
        return (
            RejectReason.UNSURE,
            f"likeliest label {max(record.label_probs):.2f}; at least {checks.min_confidence} wanted",
        )
    return None
