"""Checks on a parsed text, each with its reason: a copy, a near-copy, too short, too long, cut off, unsure. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from rapidfuzz import fuzz, process

from augment.prompts import find_marks
from augment.records import Finding, GenerationConfig, RejectReason, SyntheticText


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
        found = f"{near[1]:.0f} % like '{near[0][:60]}' ({self._known[near[0]]})"
        return Finding(RejectReason.NEAR_DUPLICATE, found)


def check_text(record: SyntheticText, config: GenerationConfig) -> Iterator[Finding]:
    """Everything that is wrong with a text by itself."""
    checks, completion = config.checks, record.attempt.completion
    n_words = len(record.text.split())
    if n_words < checks.min_words:
        yield Finding(RejectReason.TOO_SHORT, f"{n_words} words; at least {checks.min_words} wanted")
    if n_words > checks.max_words:
        yield Finding(RejectReason.TOO_LONG, f"{n_words} words; at most {checks.max_words} wanted")
    if completion.n_tokens >= config.sampling.max_new_tokens and completion.text.strip() == record.text:
        yield Finding(RejectReason.CUT_OFF, f"still going on after {completion.n_tokens} tokens")
    mark = find_marks(config.template, record.text)
    if mark is not None:
        yield Finding(RejectReason.MARK_INSIDE, f"'{mark}' stands in the text")
    if record.label_probs:
        yield from _check_label(
            record.label, dict(zip(config.labels, record.label_probs, strict=True)), checks.min_confidence
        )


def _check_label(label: str, probs: Mapping[str, float], min_confidence: float) -> Iterator[Finding]:
    likeliest = max(probs, key=lambda one: probs[one])
    if likeliest != label:
        yield Finding(RejectReason.DISAGREES, f"{likeliest} {probs[likeliest]:.2f}, {label} {probs[label]:.2f}")
    if probs[label] < min_confidence:
        yield Finding(RejectReason.UNSURE, f"{label} {probs[label]:.2f}; at least {min_confidence} wanted")
