"""Embed texts as unit vectors with the embedded encoder, to compare them. Knows nothing of training.

Mean pooling over tokens and normalisation, as in the model card of all-MiniLM-L6-v2. Thread-safe.
"""

import copy
from collections.abc import Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from augment.encoders.loading import load_pretrained
from augment.encoders.pooling import mean_over_tokens
from augment.records import EncoderSpec

BATCH = 64

_tokenizing = Lock()  # padding and truncation are state of a fast tokenizer


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """See `augment.encoders.embed_texts`."""
    return _embed(tuple(texts))


@lru_cache(maxsize=8)  # pages embed the same seeds at every rerun
def _embed(texts: tuple[str, ...]) -> NDArray[np.float32]:
    encoder = load_pretrained(EncoderSpec())
    vectors = np.zeros((len(texts), encoder.model.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            with _tokenizing:
                inputs = _tokenizer()([texts[i] for i in chunk], padding=True, truncation=True, return_tensors="pt")
            inputs = inputs.to(encoder.device)
            hidden = encoder.model(**inputs).last_hidden_state  # (B, tokens, 384)
            vectors[chunk] = mean_over_tokens(hidden, inputs["attention_mask"]).cpu().numpy()
    return vectors


@cache
def _tokenizer() -> Any:
    """A separate copy, because training changes the truncation of its copy."""
    return copy.deepcopy(load_pretrained(EncoderSpec()).tokenizer)
