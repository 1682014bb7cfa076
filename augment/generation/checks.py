"""Checks on a single parsed text, each with its reason: too short, too long, cut off, unsure. Pure."""

from collections.abc import Iterator, Mapping

from augment.prompts.parsing import find_marks
from augment.records import Finding, GenerationConfig, RejectReason, SyntheticText


def check_text(record: SyntheticText, config: GenerationConfig) -> Iterator[Finding]:
    """Yield each problem of a text that can be found without looking at other texts."""
    checks, completion = config.checks, record.attempt.completion
    n_words = len(record.text.split())
    if n_words < checks.min_words:
        yield Finding(RejectReason.TOO_SHORT, f"{n_words} words; at least {checks.min_words} required")
    if n_words > checks.max_words:
        yield Finding(RejectReason.TOO_LONG, f"{n_words} words; at most {checks.max_words} allowed")
    if completion.n_tokens >= config.sampling.max_new_tokens and completion.text.strip() == record.text:
        yield Finding(RejectReason.CUT_OFF, f"not finished after {completion.n_tokens} tokens")
    mark = find_marks(config.template, record.text)
    if mark is not None:
        yield Finding(RejectReason.MARK_INSIDE, f"the text contains '{mark}'")
    if record.label_probs:
        yield from _check_label(
            record.label, dict(zip(config.labels, record.label_probs, strict=True)), checks.min_confidence
        )


def _check_label(label: str, probs: Mapping[str, float], min_confidence: float) -> Iterator[Finding]:
    likeliest = max(probs, key=lambda name: probs[name])
    if likeliest != label:
        yield Finding(RejectReason.DISAGREES, f"{likeliest} {probs[likeliest]:.2f}, {label} {probs[label]:.2f}")
    if probs[label] < min_confidence:
        yield Finding(RejectReason.UNSURE, f"{label} {probs[label]:.2f}; at least {min_confidence} required")
