"""The sampling loop: writes a batch of texts to their ends and, if needed, on to the label. Does not use a tokenizer.

A `Batch` runs the model: with shared prefixes (`augment.lms.shared_prefix`), or padded on the left (here) for
architectures whose attention cannot be replaced. Finished rows leave the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from augment.records import Sampling

COMPACT_AT = 0.15  # share of finished rows at which the batch is rebuilt without them


@dataclass(slots=True)
class Row:
    """One text being written after the prompt of its group."""

    group: int
    written: list[int] = field(default_factory=list)  # the sampled tokens
    forced: list[int] = field(default_factory=list)  # tokens to feed next instead of sampled ones
    is_scored: bool = False  # once `forced` is fed, the next logits are this row's label scores
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The functions that the loop calls at every step.

    `draw` samples tokens (B,) from logits (B, vocabulary). `take` gets a row and its sampled token and returns whether
    the text has ended; it may set the row's `forced` and `is_scored` to go on to the label. `score` gets a row and its
    logits (vocabulary,) after the last forced token.
    """

    draw: Callable[[torch.Tensor], torch.Tensor]
    take: Callable[[Row, int], bool]
    score: Callable[[Row, torch.Tensor], None]


class Batch(Protocol):
    """The model and the caches of the unfinished rows."""

    def first(self) -> torch.Tensor:
        """Logits after each row's prompt, (B, vocabulary)."""
        ...

    def next(self, tokens: Sequence[int]) -> torch.Tensor:
        """Feed each row one token; logits after it, (B, vocabulary)."""
        ...

    def keep(self, alive: Sequence[int]) -> None:
        """Drop the rows that are not in `alive`."""
        ...


def decode(batch: Batch, rows: Sequence[Row], step: Step, *, max_steps: int) -> None:
    """Continue all rows until they are finished, for at most `max_steps` tokens."""
    live: list[Row | None] = list(rows)
    logits = batch.first()
    for _ in range(max_steps):
        drawn = step.draw(logits).tolist()
        tokens = [0] * len(live)
        for i, row in enumerate(live):
            token = _advance(row, drawn[i], logits[i], step) if row else None
            if token is None:
                live[i] = None
            else:
                tokens[i] = token
        alive = [i for i, row in enumerate(live) if row is not None]
        if not alive:
            return
        if len(alive) <= (1 - COMPACT_AT) * len(live):
            batch.keep(alive)
            live, tokens = [live[i] for i in alive], [tokens[i] for i in alive]
        logits = batch.next(tokens)


def _advance(row: Row, drawn: int, logits: torch.Tensor, step: Step) -> int | None:
    """The token to feed the row next, or None once the row is finished."""
    if row.forced:
        return row.forced.pop(0)
    if row.is_scored:
        step.score(row, logits)
        return None
    has_ended = step.take(row, drawn)
    if row.forced:
        return row.forced.pop(0)
    return None if has_ended else drawn


def draw_tokens(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> torch.Tensor:
    """Sample one token per row from logits (B, vocabulary): temperature, then top-k, then top-p among those; (B,)."""
    k = min(sampling.top_k or logits.shape[-1], logits.shape[-1])
    values, ids = (logits / sampling.temperature).topk(k, dim=-1)  # both (B, k), largest first
    probs = values.softmax(-1)
    outside = probs.cumsum(-1) - probs >= sampling.top_p  # the first token that reaches top_p still counts
    probs = probs.masked_fill(outside, 0.0)
    chosen = torch.multinomial(probs, 1, generator=generator)  # (B, 1)
    return ids.gather(1, chosen)[:, 0]


class PaddedBatch:
    """Rows padded on the left, each with its own cache of its prompt: for any causal LM of transformers."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], rows: Sequence[Row]) -> None:
        self._model = model
        of_rows = [prompts[row.group] for row in rows]
        width = max(map(len, of_rows))
        device = model.device
        self._ids = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in of_rows], device=device)
        self._mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in of_rows], device=device)
        self._cache: Any = None

    def first(self) -> torch.Tensor:
        """See `Batch.first`."""
        return self._forward(self._ids)

    def next(self, tokens: Sequence[int]) -> torch.Tensor:
        """See `Batch.next`."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        return self._forward(torch.tensor(tokens, device=self._mask.device)[:, None])

    def keep(self, alive: Sequence[int]) -> None:
        """See `Batch.keep`."""
        index = torch.tensor(alive, device=self._mask.device)
        self._cache.batch_select_indices(index)
        self._mask = self._mask[index]

    def _forward(self, ids: torch.Tensor) -> torch.Tensor:
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = self._model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._cache = out.past_key_values
        logits: torch.Tensor = out.logits[:, -1]
        return logits
