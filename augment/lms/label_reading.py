"""A label question in one LM's tokens: finds the mark in a text, continues a text to the mark, scores the labels."""

from typing import Any

import torch

from augment.lms.decoding import Row
from augment.records import LabelQuestion


class LabelReading:
    """One label question for all rows of a batch; every label must be one token."""

    def __init__(self, tokenizer: Any, question: LabelQuestion) -> None:
        def ids(text: str) -> list[int]:
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])

        self._tokenizer = tokenizer
        self._mark = question.mark.strip()
        self._mark_ids = ids(question.mark)
        self._label_ids = [ids(label)[0] for label in question.labels]
        self.content_free = ids(question.content_free + question.mark) if question.content_free else []
        self.n_forced = max(len(self._mark_ids) + 1, len(self.content_free))
        # Only a token with the mark's last character can complete the mark, so text is decoded only after those.
        self._closers = {id_ for token, id_ in tokenizer.get_vocab().items() if self._mark[-1] in token}

    def ends_with_mark(self, written: list[int]) -> bool:
        """Whether the text has just reached the mark."""
        if written[-1] not in self._closers:
            return False
        tail = self._tokenizer.decode(written[-len(self._mark_ids) - 4 :])
        return bool(tail.rstrip().endswith(self._mark))

    def lead_on(self, row: Row, tokens: list[int]) -> None:
        """Feed the row its last `tokens` and the mark, then score it."""
        self.score_after(row, tokens + self._mark_ids)

    def score_after(self, row: Row, tokens: list[int]) -> None:
        """Feed the row `tokens`, then score it."""
        row.forced, row.is_scored = tokens, True

    def score(self, row: Row, logits: torch.Tensor) -> None:
        """Log-probabilities of the labels from the logits after the mark."""
        logprobs = logits.float().log_softmax(-1)
        row.scores = tuple(logprobs[self._label_ids].tolist())
