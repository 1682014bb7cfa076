"""BERT-like encoders for classifiers: what never learns is computed once a text, what learns is copied for each run.

Knows nothing of optimisers, labels' names or metrics. The part that learns is transformers' own sequence classifier
without its embeddings and frozen layers; it is handed their outputs as `inputs_embeds`.
"""

import copy
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.embedded import find_encoder_folder
from augment.encoders.first_token import keep_first_token
from augment.errors import TrainingError
from augment.hardware.devices import best_device, fastest_dtype, free_memory
from augment.hardware.memory import need_for
from augment.records import EncoderKind, EncoderSpec, TrainingConfig

if TYPE_CHECKING:
    import torch

FEATURE_BATCH = 128
N_VERSIONS = 8
MAX_KEPT_TEXTS = 20_000  # whose frozen outputs are kept: about 30 kB each for MiniLM
MAX_VERSIONED_TEXTS = 1_000  # whose versions are kept: about 150 kB each
PADDING = 4  # tokens: a batch's width is a multiple, since torch keeps compiled code for every shape it has met


class Encoder:
    """One loaded encoder, with its lowest layers frozen or not. Asked from one thread at a time."""

    def __init__(self, model: Any, tokenizer: Any, *, frozen_layers: int, max_tokens: int, device: str) -> None:
        self.device = device
        self.dtype = fastest_dtype(device)
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._lower = _split_off(model, frozen_layers) if frozen_layers else None
        self._lower_with_dropout: Any = None
        self._model = model.to(device).eval()  # as pretrained; every run learns on a copy
        self._kept: dict[str, torch.Tensor] = {}
        self._embeddings: dict[str, torch.Tensor] = {}
        self._versions: dict[str, torch.Tensor] = {}
        self._reads_first_token = self._can_shorten()

    def encode(self, texts: Sequence[str]) -> "list[torch.Tensor]":
        """What a run learns from, a tensor a text: the frozen layers' outputs (tokens, hidden), or token ids (tokens,).

        Frozen layers stand in evaluation mode here: their outputs do not change, so they are computed once a text.
        """
        import torch

        if self._lower is None:
            return [torch.tensor(ids, device=self.device) for ids in self._tokenize(texts)]
        if len(self._kept) > MAX_KEPT_TEXTS:
            self._kept.clear()
        new = sorted(set(texts) - self._kept.keys(), key=lambda text: (len(text), text))
        with torch.no_grad():  # what inference mode makes cannot enter autograd later
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

    def encode_with_dropout(self, texts: Sequence[str]) -> "list[list[torch.Tensor]]":
        """Versions of each text as the frozen layers give it with their dropout on: what a plain loop would train on.

        A few versions stand for a new one at every step; computed once a text, in the width that runs learn in, and the
        same ones for the same text.
        Without frozen layers there is one version.
        """
        import torch

        if self._lower is None:
            return [[row] for row in self.encode(texts)]
        new = sorted(set(texts) - self._versions.keys())
        if new and self._lower_with_dropout is None:
            self._lower_with_dropout = copy.deepcopy(self._lower).to(self.dtype).train()
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
        """A copy of the part that learns, with a head drawn from torch's global generator as the encoder draws its own.

        It is called by `classify`.
        """
        import torch

        model = copy.deepcopy(self._model)
        if self._reads_first_token:
            _shorten(model)
        for module in _heads(model):
            torch.nn.init.normal_(module.weight, std=model.config.initializer_range)
            torch.nn.init.zeros_(module.bias)
        return model

    def fresh_encoder(self) -> Any:
        """A copy of the part that learns, whole, for embeddings. It is called by `embed_with`."""
        return copy.deepcopy(self._model)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text, (len(texts), hidden): the mean over its tokens of the pretrained encoder's output.

        Computed once a text. For all-MiniLM-L6-v2 it is the sentence embedding of its model card.
        """
        import torch

        if len(self._embeddings) > MAX_KEPT_TEXTS:
            self._embeddings.clear()
        new = sorted(set(texts) - self._embeddings.keys(), key=lambda text: (len(text), text))
        with torch.inference_mode():
            for start in range(0, len(new), FEATURE_BATCH):
                chunk = new[start : start + FEATURE_BATCH]
                embedded = self.embed_with(self._model, *pad(self.encode(chunk)))
                self._embeddings |= zip(chunk, embedded.cpu(), strict=True)
        return torch.stack([self._embeddings[text] for text in texts]).numpy()

    def embed_with(self, model: Any, padded: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """Unit vectors of `model` for a batch from `pad`, (B, hidden), in float32: means over tokens."""
        import torch

        if self._lower is None:
            hidden = model.base_model(input_ids=padded, attention_mask=mask).last_hidden_state
        else:
            hidden = model.base_model(inputs_embeds=padded.to(model.dtype), attention_mask=mask).last_hidden_state
        mean = (hidden.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)  # (B, hidden)
        return torch.nn.functional.normalize(mean, dim=1)

    def classify(self, model: Any, padded: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """Logits of `model` for a batch of encoded texts from `pad`, (B, n_labels), in the model's own width."""
        if self._lower is None:
            logits: torch.Tensor = model(input_ids=padded, attention_mask=mask).logits
        else:
            logits = model(inputs_embeds=padded.to(model.dtype), attention_mask=mask).logits
        return logits

    def _can_shorten(self) -> bool:
        """Whether the head reads the last layer's first token only, found by trying."""
        import torch

        shortened = copy.deepcopy(self._model)
        if not _shorten(shortened):
            return False
        rows = self.encode(["a", "a text of a few words, to try it"])
        with torch.inference_mode():
            whole, short = (self.classify(one, *pad(rows)) for one in (self._model, shortened))
        return bool(torch.allclose(whole, short, atol=1e-4, equal_nan=True))

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        return list(self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens)["input_ids"])


def load_encoder(config: TrainingConfig) -> Encoder:
    """The encoder that a config names; the last one stays loaded, with its frozen outputs.

    Raises:
        TrainingError: there is no such encoder, it does not fit into memory, or has too few layers to freeze.
    """
    return _load(config.encoder, len(config.labels), config.frozen_layers, config.max_tokens)


@lru_cache(maxsize=1)
def _load(spec: EncoderSpec, n_labels: int, frozen_layers: int, max_tokens: int) -> Encoder:
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # the report on the head's fresh weights is no news here
    source, device = _locate(spec), best_device()
    try:
        model_config = AutoConfig.from_pretrained(source, num_labels=n_labels)
        with torch.device("meta"):
            n_parameters = sum(
                one.numel() for one in AutoModelForSequenceClassification.from_config(model_config).parameters()
            )
        # weights, gradients and AdamW's two moments
        need = need_for(n_parameters * 16, free_memory(device), device)
        if not need.fits:
            raise TrainingError(f"The encoder '{spec.name}' {need}. Choose a smaller encoder.")
        tokenizer = AutoTokenizer.from_pretrained(source)
        # A head of another task is replaced by a fresh one.
        model = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=model_config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            attn_implementation="eager" if device == "cpu" else None,  # the faster one on short texts, see docs/LOG.md
        )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise TrainingError(
            f"No encoder '{spec.name}' could be loaded. Expected a hub name such as distilbert-base-uncased, "
            f"or a folder with a BERT-like model; transformers says: {reason}"
        ) from error
    n_layers = len(_find_layers(model)) if frozen_layers else 0
    if frozen_layers > n_layers:
        raise TrainingError(f"'{spec.name}' has {n_layers} layers; {frozen_layers} cannot be frozen. Freeze fewer.")
    return Encoder(model, tokenizer, frozen_layers=frozen_layers, max_tokens=max_tokens, device=device)


def _locate(encoder: EncoderSpec) -> str:
    if encoder.kind is EncoderKind.EMBEDDED:
        return str(find_encoder_folder())
    path = Path(encoder.name).expanduser()
    if not path.is_dir() and (path.is_absolute() or encoder.name.count("/") > 1):
        raise TrainingError(f"There is no folder '{encoder.name}' on this machine. Expected a folder or a hub name.")
    return str(path) if path.is_dir() else encoder.name


def _split_off(model: Any, n_layers: int) -> Any:
    """Take embeddings and the lowest layers out of `model`; returns them as a model of their own."""
    import torch

    class PassOn(torch.nn.Module):
        """Stands where the embeddings stood: what comes in has been through them."""

        def forward(self, input_ids: Any = None, inputs_embeds: Any = None, *_: Any, **options: Any) -> Any:
            return inputs_embeds

    lower = copy.deepcopy(model.base_model)
    del _find_layers(lower)[n_layers:]
    del _find_layers(model)[:n_layers]
    model.base_model.config.num_hidden_layers -= n_layers
    model.base_model.embeddings = PassOn()
    return lower.eval()


def _shorten(model: Any) -> bool:
    """Let the last layer go on with its first token; False where the model has no layer to shorten so."""
    layers = _find_layers(model) if getattr(model.base_model.config, "num_hidden_layers", 0) else []
    return bool(layers) and keep_first_token(layers[-1])


def pad(rows: "Sequence[torch.Tensor]") -> "tuple[torch.Tensor, torch.Tensor]":
    """Encoded texts as one batch, (B, width[, hidden]), a little wider than the longest, and its mask, (B, width)."""
    import torch

    padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    missing = -padded.shape[1] % PADDING
    padded = torch.nn.functional.pad(padded, (0, 0) * (padded.ndim - 2) + (0, missing))
    lengths = torch.tensor([len(row) for row in rows], device=padded.device)
    return padded, (torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]).long()


def _find_layers(model: Any) -> Any:
    """The list of transformer layers, which may be changed in place."""
    import torch

    base = getattr(model, "base_model", model)
    for module in base.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == base.config.num_hidden_layers:
            return module
    raise TrainingError(f"'{base.config.model_type}' has no list of layers to freeze. Set frozen layers to 0.")


def _heads(model: Any) -> list[Any]:
    """Linear layers outside the encoder: the head, which no checkpoint of the encoder holds."""
    import torch

    inside = set(model.base_model.modules())
    return [one for one in model.modules() if isinstance(one, torch.nn.Linear) and one not in inside]
