"""The embedded encoder as a measure of likeness: texts in, unit vectors out. Knows nothing of training.

Mean pooling over tokens and normalisation, as the model card of all-MiniLM-L6-v2 says.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.embedded import find_encoder_folder

BATCH = 64


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """One unit vector a text, (len(texts), 384); their dot product is the cosine similarity.

    Raises:
        TrainingError: the embedded encoder is not installed.
    """
    return _embed(tuple(texts))


@lru_cache(maxsize=8)  # the seeds of a page are asked for at each of its reruns
def _embed(texts: tuple[str, ...]) -> NDArray[np.float32]:
    import torch

    tokenizer, model = _load()
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            inputs = tokenizer([texts[i] for i in chunk], padding=True, truncation=True, return_tensors="pt")
            hidden = model(**inputs).last_hidden_state  # (B, tokens, 384)
            mask = inputs["attention_mask"][..., None]
            mean = (hidden * mask).sum(1) / mask.sum(1)
            vectors[chunk] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return vectors


@cache
def _load() -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = str(find_encoder_folder())
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
