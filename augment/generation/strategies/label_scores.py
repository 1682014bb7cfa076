"""Read completions with label scores: the text up to the label mark, and the scores as probabilities."""

import numpy as np

from augment.prompts.parsing import ParsedCompletion
from augment.records import Completion, LabelQuestion, RejectReason, ScoredCompletion

NO_TEXT = ParsedCompletion("", "", RejectReason.EMPTY, "the completion has no text")


def text_before_mark(question: LabelQuestion, completion: Completion) -> str:
    """The completion's text, without the label mark and everything after it."""
    return completion.text.partition(question.mark.strip())[0].strip()


def label_probabilities(scored: ScoredCompletion) -> tuple[float, ...]:
    """The label scores as probabilities that sum to 1; calibrated if a content-free text was scored too."""
    logits = np.array(scored.label_logprobs)
    if scored.content_free_logprobs is not None:
        logits = logits - np.array(scored.content_free_logprobs)
    weights = np.exp(logits - logits.max())
    return tuple(float(value) for value in weights / weights.sum())
