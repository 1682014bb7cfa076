"""Write many texts after few prompts: each prompt's keys and values are computed and stored once.

All rows of a prompt attend to one copy of its cache ("bifurcated attention", Athiwaratkun et al. 2024, arXiv
2403.08845) and to a short cache of their own. No row is padded: all rows are equally many tokens past their prompts.
For models that support transformers' attention interface (such as Llama, Qwen and GPT-2; not GPT-J or GPT-Neo).
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface, DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from augment.lms.decoding import Row

ATTENTION = "augment_shared_prefix"


def use_shared_prefix(model: Any) -> int:
    """Make the model use this file's attention. Returns how many tokens it then takes; 0 if it is not supported.

    GPT-J and GPT-Neo are not supported. Sliding-window layers (Gemma) equal full attention within their window.
    """
    kinds = set(getattr(model.config, "layer_types", None) or [])
    if not getattr(model, "_supports_attention_backend", False) or kinds - {"full_attention", "sliding_attention"}:
        return 0
    window = model.config.sliding_window if "sliding_attention" in kinds else None
    AttentionInterface.register(ATTENTION, attend)
    model.set_attn_implementation(ATTENTION)
    return int(window or model.config.max_position_embeddings)


class SharedBatch:
    """Rows sorted by group; the rows of a group follow the same prompt."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], rows: Sequence[Row], *, capacity: int) -> None:
        self._model = model
        self._groups = [row.group for row in rows]
        self._caches = _Caches(_prefill(model, prompts), len(prompts), capacity)
        self._caches.count(self._groups)
        # A prompt's last token is fed in each of its rows, so that each row gets the logits after it.
        self._last = [prompts[group][-1] for group in self._groups]
        self._positions = torch.tensor([[len(prompts[group]) - 1] for group in self._groups], device=model.device)

    def first(self) -> torch.Tensor:
        """See `Batch.first`."""
        return self.next(self._last)

    def next(self, tokens: Sequence[int]) -> torch.Tensor:
        """See `Batch.next`."""
        ids = torch.tensor(tokens, device=self._positions.device)[:, None]
        out = self._model(
            input_ids=ids,
            position_ids=self._positions,
            past_key_values=self._caches,
            use_cache=True,
            shared_prefix=self._caches,
        )
        self._positions = self._positions + 1
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def keep(self, alive: Sequence[int]) -> None:
        """See `Batch.keep`."""
        index = torch.tensor(alive, device=self._positions.device)
        self._groups = [self._groups[i] for i in alive]
        self._positions = self._positions[index]
        self._caches.keep(index)
        self._caches.count(self._groups)


class _Caches:
    """Each group's prefix, and the rows' own keys and values after it.

    Replaces a transformers cache: the model's layers call `update`; `attend` below reads `prefixes` and `counts`.
    """

    is_compileable = False

    def __init__(self, prefixes: list[list[tuple[torch.Tensor, torch.Tensor]]], n_groups: int, capacity: int) -> None:
        self.prefixes = prefixes  # [layer][group]: keys and values, (KV heads, P, head size) each
        self.counts = [0] * n_groups  # live rows of each group
        self._capacity = capacity
        self._length = 0  # own tokens of every row so far
        self._own: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # layer: (B, KV heads, capacity, head size) each

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Own tokens so far; called by transformers."""
        return self._length

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append one token's keys and values, (B, KV heads, 1, head size) each; returns all own ones so far."""
        if layer not in self._own:
            shape = (*keys.shape[:2], self._capacity, keys.shape[3])
            self._own[layer] = (keys.new_empty(shape), values.new_empty(shape))
        own_keys, own_values = self._own[layer]
        end = self._length + 1
        own_keys[:, :, self._length : end], own_values[:, :, self._length : end] = keys, values
        if layer == len(self.prefixes) - 1:  # the last layer completes the step
            self._length = end
        return own_keys[:, :, :end], own_values[:, :, :end]

    def count(self, groups: Sequence[int]) -> None:
        """Set the group of each row, in order."""
        self.counts = [groups.count(group) for group in range(len(self.counts))]

    def keep(self, index: torch.Tensor) -> None:
        """Drop every row that is not in `index`."""
        self._own = {layer: (keys[index], values[index]) for layer, (keys, values) in self._own.items()}


def _prefill(model: Any, prompts: Sequence[Sequence[int]]) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    """Run every prompt once, without its last token; returns keys and values by layer and group."""
    lengths = [len(prompt) - 1 for prompt in prompts]
    # Padded on the right without a mask: under causal attention, later tokens cannot change earlier ones.
    padded = [[*prompt[:-1], *[0] * (max(lengths) - n)] for prompt, n in zip(prompts, lengths, strict=True)]
    cache = DynamicCache(config=model.config)
    if max(lengths):
        ids = torch.tensor(padded, device=model.device)
        model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
    return [
        [
            (layer.keys[group, :, :n].contiguous(), layer.values[group, :, :n].contiguous())
            for group, n in enumerate(lengths)
        ]
        for layer in cache.layers
    ]


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    shared_prefix: _Caches | None = None,
    **options: Any,
) -> tuple[torch.Tensor, Any]:
    """Attention of one new token per row, (B, heads, 1, head size), over its group's prefix and its own tokens.

    Without `shared_prefix`, this is plain causal attention over all keys so far, as used for prompts and for texts
    padded on the right.
    """
    if shared_prefix is None:
        n_new, n_seen = query.shape[2], key.shape[2]
        mask = None  # SDPA's own causal mask starts at the first key
        if 1 < n_new < n_seen:
            mask = torch.ones(n_new, n_seen, dtype=torch.bool, device=query.device).tril(n_seen - n_new)[None, None]
        plain: tuple[torch.Tensor, Any] = sdpa_attention_forward(
            module, query, key, value, mask, scaling=scaling, **options
        )
        return plain
    n_rows, n_heads, _, size = query.shape
    n_kv = key.shape[1]
    scale = scaling if scaling is not None else size**-0.5
    grouped = (query * scale).view(n_rows, n_kv, n_heads // n_kv, size)  # the query heads that share a key head
    own_scores = grouped @ key.transpose(2, 3)  # (B, KV, heads/KV, S)
    out = torch.empty_like(grouped)
    start = 0
    for (prefix_key, prefix_value), count in zip(
        shared_prefix.prefixes[module.layer_idx], shared_prefix.counts, strict=True
    ):
        rows = slice(start, start + count)
        start += count
        if not count:
            continue
        queries = grouped[rows].transpose(0, 1).reshape(n_kv, -1, size)  # (KV, count * heads/KV, size)
        scores = queries @ prefix_key.transpose(1, 2)  # (KV, count * heads/KV, P)
        own = own_scores[rows].transpose(0, 1).reshape(n_kv, queries.shape[1], -1)
        weights = torch.cat([scores, own], dim=-1).softmax(-1, dtype=torch.float32).to(query.dtype)
        n_prefix = prefix_key.shape[1]
        from_prefix = (weights[..., :n_prefix] @ prefix_value).view(n_kv, count, -1, size).transpose(0, 1)
        own_weights = weights[..., n_prefix:].view(n_kv, count, -1, key.shape[2]).transpose(0, 1)
        out[rows] = from_prefix + own_weights @ value[rows]
    return out.view(n_rows, 1, n_heads, size), None
