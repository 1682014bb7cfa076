"""BERT-like encoders for classifiers: frozen layers are computed once per text, the layers above are copied per run.

Knows nothing of optimisers, label names or metrics. The trainable part is transformers' own sequence classifier without
its embeddings and frozen layers; it gets their outputs as `inputs_embeds`.
"""

import copy
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from augment.encoders.first_token import keep_first_token
from augment.encoders.loading import (
    Pretrained,
    fill_outline,
    load_pretrained,
    modules_of_head,
    outline_classifier,
    share_weights,
)
from augment.encoders.pooling import mean_over_tokens
from augment.errors import TrainingError
from augment.hardware.devices import best_device, fastest_dtype, free_memory
from augment.hardware.memory import need_for
from augment.records import EncoderSpec, TrainingConfig

FEATURE_BATCH = 128
N_VERSIONS = 8
MAX_KEPT_TEXTS = 20_000  # texts with cached frozen outputs, about 30 kB each for MiniLM
MAX_VERSIONED_TEXTS = 1_000  # texts with cached dropout samples, about 150 kB each
PADDING = 4  # tokens: batch widths are multiples of it, since torch keeps compiled code for every shape


class Encoder:
    """One loaded encoder, with or without frozen lowest layers. Not thread-safe."""

    def __init__(self, pretrained: Pretrained, outline: Any, *, frozen_layers: int, max_tokens: int) -> None:
        """`outline` is what `outline_classifier` returns for the same encoder; it is filled here."""
        self.device = pretrained.device
        self.dtype = fastest_dtype(self.device)
        self._tokenizer = copy.deepcopy(pretrained.tokenizer)  # its truncation is set here
        self._max_tokens = max_tokens
        self._lower = _take_lower(pretrained.model, frozen_layers) if frozen_layers else None
        self._lower_with_dropout: Any = None
        upper = _take_upper(pretrained.model, frozen_layers) if frozen_layers else share_weights(pretrained.model)
        self._model = fill_outline(outline, upper, self.device)  # on shared weights; every run trains a copy
        self._kept: dict[str, torch.Tensor] = {}
        self._embeddings: dict[str, torch.Tensor] = {}
        self._versions: dict[str, torch.Tensor] = {}
        self._reads_first_token = self._can_shorten()

    def encode(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """The input of a training run, per text: the frozen layers' outputs (tokens, hidden), or token ids (tokens,).

        Frozen layers are in evaluation mode here. Their outputs do not change, so they are computed once per text.
        """
        if self._lower is None:
            return [torch.tensor(ids, device=self.device) for ids in self._tokenize(texts)]
        if len(self._kept) > MAX_KEPT_TEXTS:
            self._kept.clear()
        new = sorted(set(texts) - self._kept.keys(), key=lambda text: (len(text), text))
        with torch.no_grad():  # tensors made in inference mode cannot be used in autograd later
            for start in range(0, len(new), FEATURE_BATCH):
                chunk = new[start : start + FEATURE_BATCH]
                ids = self._tokenize(chunk)
                inputs = self._tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
                hidden = self._lower(
                    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
                ).last_hidden_state  # (B, tokens, hidden)
                for text, row, own in zip(chunk, hidden, ids, strict=True):
                    self._kept[text] = row[: len(own)].clone()
        return [self._kept[text] for text in texts]

    def encode_with_dropout(self, texts: Sequence[str]) -> list[list[torch.Tensor]]:
        """Dropout samples of each text's frozen outputs, which a plain training loop would draw at every step.

        N_VERSIONS samples per text are cached, in the dtype that runs train in; the same text always gets the same
        ones. Without frozen layers there is one version, the token ids.
        """
        if self._lower is None:
            return [[row] for row in self.encode(texts)]
        new = sorted(set(texts) - self._versions.keys())
        if new and self._lower_with_dropout is None:
            is_narrower = self.dtype != torch.float32  # only then does it need its own weights
            lower = copy.deepcopy(self._lower).to(self.dtype) if is_narrower else share_weights(self._lower)
            self._lower_with_dropout = lower.train()
        with torch.random.fork_rng(), torch.no_grad():
            for text, ids in zip(new, self._tokenize(new), strict=True):
                torch.manual_seed(zlib.crc32(text.encode()))
                inputs = torch.tensor([ids] * N_VERSIONS, device=self.device)
                hidden = self._lower_with_dropout(input_ids=inputs).last_hidden_state  # (versions, tokens, hidden)
                self._versions[text] = hidden.to(self.dtype)
        found = [list(self._versions[text]) for text in texts]
        while len(self._versions) > MAX_VERSIONED_TEXTS:
            del self._versions[next(iter(self._versions))]  # the oldest
        return found

    def fresh_classifier(self) -> Any:
        """A copy of the trainable part, for `classify`. Its head is initialised with torch's global RNG."""
        model = copy.deepcopy(self._model)
        if self._reads_first_token:
            _shorten(model)
        for module in modules_of_head(model):
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=model.config.initializer_range)
                torch.nn.init.zeros_(module.bias)
        return model

    def fresh_encoder(self) -> Any:
        """A copy of the trainable part with complete layers, for `embed_with`."""
        return copy.deepcopy(self._model)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector per text, (len(texts), hidden): the mean over its tokens of the pretrained encoder's output.

        Computed once per text. For all-MiniLM-L6-v2 it is the sentence embedding of its model card.
        """
        if len(self._embeddings) > MAX_KEPT_TEXTS:
            self._embeddings.clear()
        new = sorted(set(texts) - self._embeddings.keys(), key=lambda text: (len(text), text))
        with torch.inference_mode():
            for start in range(0, len(new), FEATURE_BATCH):
                chunk = new[start : start + FEATURE_BATCH]
                embedded = self.embed_with(self._model, *pad(self.encode(chunk)))
                self._embeddings |= zip(chunk, embedded.cpu(), strict=True)
        return torch.stack([self._embeddings[text] for text in texts]).numpy()

    def embed_with(self, model: Any, padded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Unit vectors of `model` for a batch from `pad`, (B, hidden), in float32: means over tokens."""
        if self._lower is None:
            hidden = model.base_model(input_ids=padded, attention_mask=mask).last_hidden_state
        else:
            hidden = model.base_model(inputs_embeds=padded.to(model.dtype), attention_mask=mask).last_hidden_state
        return mean_over_tokens(hidden, mask)

    def classify(self, model: Any, padded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits of `model` for a batch of encoded texts from `pad`, (B, n_labels), in the model's own dtype."""
        if self._lower is None:
            logits: torch.Tensor = model(input_ids=padded, attention_mask=mask).logits
        else:
            logits = model(inputs_embeds=padded.to(model.dtype), attention_mask=mask).logits
        return logits

    def _can_shorten(self) -> bool:
        """Whether the head uses only the last layer's first token; checked by comparing logits."""
        shortened = share_weights(self._model)
        if not _shorten(shortened):
            return False
        rows = self.encode(["a", "a text of a few words, to try it"])
        with torch.inference_mode():
            whole, short = (self.classify(model, *pad(rows)) for model in (self._model, shortened))
        return bool(torch.allclose(whole, short, atol=1e-4, equal_nan=True))

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        return list(self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens)["input_ids"])


def load_encoder(config: TrainingConfig) -> Encoder:
    """The encoder that a config names; the last one stays loaded, with its cached outputs.

    Raises:
        TrainingError: there is no such encoder, it does not fit into memory, or it has too few layers to freeze.
    """
    return _load(config.encoder, len(config.labels), config.frozen_layers, config.max_tokens)


@lru_cache(maxsize=1)
def _load(spec: EncoderSpec, n_labels: int, frozen_layers: int, max_tokens: int) -> Encoder:
    outline, device = outline_classifier(spec, n_labels), best_device()
    # weights, gradients and AdamW's two moments
    n_bytes = 16 * sum(parameter.numel() for parameter in outline.parameters())
    need = need_for(n_bytes, free_memory(device), device)
    if not need.fits:
        raise TrainingError(f"The encoder '{spec.name}' {need}. Choose a smaller encoder.")
    n_layers = len(_find_layers(outline.base_model)) if frozen_layers else 0
    if frozen_layers > n_layers:
        raise TrainingError(f"'{spec.name}' has {n_layers} layers; {frozen_layers} cannot be frozen. Freeze fewer.")
    return Encoder(load_pretrained(spec), outline, frozen_layers=frozen_layers, max_tokens=max_tokens)


class _PassOn(torch.nn.Module):
    """Replaces the embeddings: its input is embedded already."""

    def forward(self, input_ids: Any = None, inputs_embeds: Any = None, *_: Any, **options: Any) -> Any:
        return inputs_embeds


def _take_lower(encoder: Any, n_layers: int) -> Any:
    """The embeddings and the lowest layers of `encoder`, sharing its weights."""
    lower = share_weights(encoder)
    del _find_layers(lower)[n_layers:]
    return lower


def _take_upper(encoder: Any, n_layers: int) -> Any:
    """The layers of `encoder` above the lowest ones, sharing its weights."""
    upper = share_weights(encoder)
    del _find_layers(upper)[:n_layers]
    upper.config.num_hidden_layers -= n_layers
    upper.embeddings = _PassOn()
    return upper


def _shorten(model: Any) -> bool:
    """Make the last layer compute only its first token; False if the model has no such layer."""
    encoder = model.base_model
    layers = _find_layers(encoder) if getattr(encoder.config, "num_hidden_layers", 0) else []
    return bool(layers) and keep_first_token(layers[-1])


def pad(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoded texts as one batch, (B, width[, hidden]), a little wider than the longest, and its mask, (B, width)."""
    padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    missing = -padded.shape[1] % PADDING
    padded = torch.nn.functional.pad(padded, (0, 0) * (padded.ndim - 2) + (0, missing))
    lengths = torch.tensor([len(row) for row in rows], device=padded.device)
    return padded, (torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]).long()


def _find_layers(encoder: Any) -> Any:
    """The list of transformer layers of a base model; may be changed in place."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == encoder.config.num_hidden_layers:
            return module
    raise TrainingError(f"'{encoder.config.model_type}' has no list of layers to freeze. Set frozen layers to 0.")
