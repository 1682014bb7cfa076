"""A causal LM of transformers in this process, loaded by `augment.lms.loading`.

Converts between strings and the tokens of `augment.lms.decoding`. The sampling loop there is our own: it stops each
text at its line break, drops finished rows from the batch, cuts to top-k before sorting, and uses its own generator, so
that a seed gives the same texts.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from augment.errors import LMError
from augment.hardware.memory import give_back
from augment.lms.decoding import Batch, PaddedBatch, Row, Step, decode, draw_tokens
from augment.lms.label_reading import LabelReading
from augment.lms.scoring import score_completions
from augment.lms.shared_prefix import SharedBatch, use_shared_prefix
from augment.records import Completion, LabelQuestion, Sampling, ScoredCompletion

_T = TypeVar("_T")

SCORING_BATCH = 64  # contexts per pass


class LocalLM:
    """A causal LM and its tokenizer in this process."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name = name
        self._model = model.eval()
        self._tokenizer = tokenizer
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._stop_ids = _line_break_ids(tokenizer) | _end_ids(model, tokenizer)
        self._shared_length = use_shared_prefix(model)
        self._context_length = self._shared_length or getattr(model.config, "max_position_embeddings", None)

    @property
    def dtype(self) -> str:
        """The data type of the weights, such as 'bfloat16'."""
        return str(self._model.dtype).removeprefix("torch.")

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`, without special tokens."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def notes(self) -> Sequence[str]:
        """Always empty: a local LM follows every setting."""
        return ()

    @property
    def n_scoring_tokens(self) -> int:
        """Always 0: nobody bills them."""
        return 0

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        """See `LanguageModel.complete`. Deterministic for a given seed, dtype and list of prompts.

        If the device has too little memory for the batch, it is written in halves, which sample other tokens.
        """

        def write(part: Sequence[str], drawing: Sampling) -> list[Completion]:
            return [self._to_completion(row.written) for row in self._write(part, drawing, question=None)]

        return self._in_halves(prompts, sampling, write)

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion, *, after: str | None = None
    ) -> list[ScoredCompletion]:
        """See `LanguageModel.complete_and_score`.

        If the LM can share prefixes and every label is one token, the labels are scored within the same batch.
        """
        label_ids = [self._ids(label) for label in question.labels]
        if after is not None or not self._shared_length or max(map(len, label_ids)) > 1:
            behind = prompts if after is None else [after] * len(prompts)
            return score_completions(self, behind, self.complete(prompts, sampling), question)

        def write(part: Sequence[str], drawing: Sampling) -> list[ScoredCompletion]:
            rows = self._write(part, drawing, question=question)
            texts, content_free = rows[: len(part)], rows[len(part) :]
            of_prompt = {prompt: row.scores for prompt, row in zip(dict.fromkeys(part), content_free, strict=False)}
            return [
                ScoredCompletion(self._to_completion(row.written), row.scores, of_prompt.get(prompt))
                for prompt, row in zip(part, texts, strict=True)
            ]

        return self._in_halves(prompts, sampling, write)

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """See `LanguageModel.label_logprobs`; a label of several tokens gets the sum over its tokens.

        The common prefix of all contexts is run only once.
        """
        label_ids = [self._ids(label) for label in labels]
        # One pass scores all one-token labels of a context; each longer label needs its own pass.
        tails = [[], *(label[:-1] for label in label_ids if len(label) > 1)]
        rows = [(self._prompt_ids(context), tail) for context in contexts for tail in tails]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + len(rows[i][1]))
        logprobs: dict[int, torch.Tensor] = {}
        n_common = _count_common([context for context, _ in rows])
        prefix = self._run_prefix(rows[0][0][:n_common]) if rows and n_common else None
        size, start = SCORING_BATCH, 0
        while start < len(order):
            chunk = order[start : start + size]
            try:
                scored = self._score_chunk([(rows[i][0][n_common:], rows[i][1]) for i in chunk], prefix, n_common)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                continue
            logprobs |= zip(chunk, scored, strict=True)
            start += len(chunk)
        scores = np.empty((len(contexts), len(labels)))
        for i in range(len(contexts)):
            longer = i * len(tails) + 1
            for j, label in enumerate(label_ids):
                at = i * len(tails) if len(label) == 1 else longer
                longer += len(label) > 1
                scores[i, j] = sum(logprobs[at][step, token].item() for step, token in enumerate(label))
        return scores

    def _in_halves(
        self, prompts: Sequence[str], sampling: Sampling, write: Callable[[Sequence[str], Sampling], list[_T]]
    ) -> list[_T]:
        """Call `write` with all prompts, or with each half if the device has too little memory for all at once.

        Raises:
            LMError: there is too little memory for a single prompt.
        """
        try:
            return write(prompts, sampling)
        except torch.OutOfMemoryError as error:
            if len(prompts) == 1:
                raise LMError(
                    f"'{self.name}' has too little memory on {self._model.device} for one text. Use fewer seeds per "
                    "prompt, fewer bits, or a smaller LM."
                ) from error
        give_back()
        half = len(prompts) // 2
        later = replace(sampling, rng_seed=sampling.rng_seed + 1)
        first = self._in_halves(prompts[:half], sampling, write)
        return first + self._in_halves(prompts[half:], later, write)

    def _run_prefix(self, ids: Sequence[int]) -> Any:
        """The key-value cache after `ids`, with one row."""
        self._check_length(len(ids))
        cache = DynamicCache(config=self._model.config)
        with torch.inference_mode():
            self._model.base_model(
                input_ids=torch.tensor([list(ids)], device=self._model.device), past_key_values=cache, use_cache=True
            )
        return cache

    def _score_chunk(
        self, rows: Sequence[tuple[list[int], list[int]]], prefix: Any, n_prefix: int
    ) -> list[torch.Tensor]:
        """For each (context, tail): the log-probabilities after the context and each tail token, (len(tail) + 1, V).

        The contexts are given without their first `n_prefix` tokens, whose cache is `prefix`.
        """
        # Padded on the right without a mask: under causal attention, later tokens cannot change earlier ones.
        width = max(len(context) + len(tail) for context, tail in rows)
        self._check_length(n_prefix + width)
        cache = copy.deepcopy(prefix)
        if cache is not None:
            cache.batch_repeat_interleave(len(rows))
        padded = [[*context, *tail, *[0] * (width - len(context) - len(tail))] for context, tail in rows]
        first = min(len(context) for context, _ in rows) - 1
        with torch.inference_mode():
            ids = torch.tensor(padded, device=self._model.device)
            positions = torch.arange(n_prefix, n_prefix + width, device=ids.device).expand(len(rows), -1)
            logits = self._model(
                input_ids=ids,
                position_ids=positions,
                past_key_values=cache,
                use_cache=cache is not None,
                logits_to_keep=width - first,
            ).logits  # (B, width - first, V)
        starts = [len(context) - 1 - first for context, _ in rows]
        return [
            logits[i, at : at + len(tail) + 1].float().log_softmax(-1)
            for i, (at, (_, tail)) in enumerate(zip(starts, rows, strict=True))
        ]

    def _write(self, prompts: Sequence[str], sampling: Sampling, *, question: LabelQuestion | None) -> list[Row]:
        """One row per prompt, in order; then, if the question needs it, a content-free row per distinct prompt."""
        if not prompts:
            return []
        groups = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
        reading = LabelReading(self._tokenizer, question) if question else None
        rows = [Row(groups[prompt]) for prompt in prompts]
        if reading and reading.content_free:
            rows += [Row(group, forced=list(reading.content_free), is_scored=True) for group in groups.values()]
        prefixes = [self._prompt_ids(prompt) for prompt in groups]
        n_extra = reading.n_forced if reading else 0
        self._check_length(max(map(len, prefixes)) + sampling.max_new_tokens + n_extra)
        generator = torch.Generator(device=self._model.device).manual_seed(sampling.rng_seed)
        step = Step(
            draw=lambda logits: draw_tokens(logits.float(), sampling, generator),
            take=lambda row, token: self._take(row, token, sampling, reading),
            score=lambda row, logits: reading.score(row, logits) if reading else None,
        )
        in_order = sorted(rows, key=lambda row: row.group)  # stable: attempts keep their order in a group
        max_steps = sampling.max_new_tokens + n_extra + 1
        with torch.inference_mode():
            batch: Batch
            if self._shared_length:
                batch = SharedBatch(self._model, prefixes, in_order, capacity=max_steps + 1)
            else:
                batch = PaddedBatch(self._model, prefixes, in_order)
            decode(batch, in_order, step, max_steps=max_steps)
        return rows

    def _take(self, row: Row, token: int, sampling: Sampling, reading: LabelReading | None) -> bool:
        """Add the token to the row; True once the text has ended. If there is a question, the label is scored next."""
        if token in self._stop_ids:  # not part of the text, so not fed
            if reading:
                reading.lead_on(row, [])
            return True
        row.written.append(token)
        if reading and reading.ends_with_mark(row.written):
            reading.score_after(row, [token])
            return True
        if len(row.written) < sampling.max_new_tokens:
            return False
        if reading:
            reading.lead_on(row, [token])
        return True

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _prompt_ids(self, prompt: str) -> list[int]:
        return list(self._tokenizer(prompt)["input_ids"])

    def _to_completion(self, ids: Sequence[int]) -> Completion:
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return Completion(text.partition("\n")[0], len(ids))

    def _check_length(self, n_tokens: int) -> None:
        if self._context_length and n_tokens > self._context_length:
            raise LMError(
                f"The prompt and its new tokens need {n_tokens} tokens; '{self.name}' allows {self._context_length}. "
                "Use fewer seeds per prompt or fewer new tokens."
            )


def _count_common(rows: Sequence[list[int]]) -> int:
    """Length of the common prefix of all rows, without any row's last token; 0 for a single row."""
    if len(rows) < 2:
        return 0
    low, high = min(rows), max(rows)  # in sort order, all rows are between these two
    longest = min(map(len, rows)) - 1
    return next((i for i in range(longest) if low[i] != high[i]), longest)


def _line_break_ids(tokenizer: Any) -> set[int]:
    """Ids of all tokens with a line break: in byte-level BPE ('Ċ'), in SentencePiece ('<0x0A>') or as it is."""
    return {id_ for token, id_ in tokenizer.get_vocab().items() if "Ċ" in token or "\n" in token or token == "<0x0A>"}  # noqa: S105


def _end_ids(model: Any, tokenizer: Any) -> set[int]:
    named = (tokenizer.eos_token_id, getattr(model.generation_config, "eos_token_id", None))
    ids: set[int] = set()
    for found in named:
        ids.update(found if isinstance(found, list) else [] if found is None else [found])
    return ids
