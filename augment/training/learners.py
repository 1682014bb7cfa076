"""Classifiers that are trained by steps: a head on the encoder, or contrastive embeddings with a logistic regression.

Both give the training loop the loss of a step and label probabilities. Source of the second: SetFit, Tunstall et al.
2022, arXiv 2209.11055: pairs of texts with the same label are pulled together, other pairs are pushed apart.
"""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from augment.encoders.frozen import Encoder, pad
from augment.encoders.probes import fit_probe
from augment.errors import TrainingError
from augment.records import ClassifierKind, TrainingConfig, TrainingText

EVALUATION_TOKENS = 2048  # per batch, with padding: fastest on two cores, and limits memory for long texts


class Batches:
    """Texts that are predicted repeatedly: encoded and padded once, in batches of similar length."""

    def __init__(self, encoder: Encoder, texts: Sequence[str]) -> None:
        rows = encoder.encode(texts)
        self.n_texts = len(rows)
        self._batches = []
        for batch in batch_by_tokens([len(row) for row in rows], EVALUATION_TOKENS):
            padded, mask = pad([rows[i] for i in batch])
            self._batches.append((batch, padded.to(encoder.dtype) if padded.is_floating_point() else padded, mask))

    def apply(self, model: Any, width: int, function: Callable[..., torch.Tensor]) -> NDArray[np.float64]:
        """`function(model, padded, mask)` of every batch in evaluation mode, as (texts, width) in the texts' order."""
        found = np.zeros((self.n_texts, width))
        with torch.inference_mode():
            model.eval()
            for batch, padded, mask in self._batches:
                found[batch] = function(model, padded, mask).double().cpu().numpy()
        return found


class Learner(Protocol):
    """A classifier that is trained by steps. `model` holds the trainable weights."""

    model: Any

    def loss(self) -> torch.Tensor:
        """The loss of the next step's batch, in nats or squared cosines; uses torch's global RNG."""

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """Label probabilities from the current model, (texts, n_labels)."""

    def keep(self) -> Self:
        """A copy that keeps its predictions while this one is trained further."""


def make_learner(encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> Learner:
    """The learner of the config's kind, on a fresh copy of the trainable part."""
    kind = PairLearner if config.kind is ClassifierKind.CONTRASTIVE else HeadLearner
    return kind(encoder, texts, config)


class HeadLearner:
    """The reference notebook's classifier: a classification head, with cross-entropy on hard or soft labels."""

    def __init__(self, encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> None:
        self._encoder = encoder
        self._rows = encoder.encode_with_dropout([text.text for text in texts])
        self._targets, self._weights = _targets(texts, config.labels, encoder.device)
        self._batches = draw_batches(len(texts), config)
        self.model = encoder.fresh_classifier()

    def loss(self) -> torch.Tensor:
        """Weighted soft cross-entropy of the next batch, in nats."""
        batch = next(self._batches)
        logits = self._encoder.classify(self.model, *pad([_draw_version(self._rows[i]) for i in batch])).float()
        return soft_cross_entropy(logits, self._targets[batch], self._weights[batch])

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """Label probabilities from the head, (texts, n_labels)."""
        width = self.model.config.num_labels
        return texts.apply(self.model, width, lambda *batch: self._encoder.classify(*batch).float().softmax(-1))

    def keep(self) -> Self:
        """A copy with the current weights."""
        kept = copy.copy(self)
        kept.model = copy.deepcopy(self.model)
        return kept


class PairLearner:
    """Contrastive: embeddings of the same label are pulled together; a logistic regression on them gives the labels.

    The regression uses soft labels and weights; pairs are formed by the likeliest label.
    """

    def __init__(self, encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> None:
        self._encoder, self._texts, self._config = encoder, texts, config
        self._rows = encoder.encode_with_dropout([text.text for text in texts])
        self._plain = Batches(encoder, [text.text for text in texts])
        self._pairs = draw_pairs(likeliest_labels(texts, config.labels), config)
        self.model = encoder.fresh_encoder()

    def loss(self) -> torch.Tensor:
        """Mean squared difference between the pairs' cosines and 1 (same label) or 0 (different labels)."""
        first, second, is_same = next(self._pairs)
        rows = [_draw_version(self._rows[i]) for i in (*first, *second)]
        embeddings = self._encoder.embed_with(self.model, *pad(rows))  # (2 · pairs, hidden)
        cosines = (embeddings[: len(first)] * embeddings[len(first) :]).sum(-1)
        wanted = torch.tensor(is_same, dtype=cosines.dtype, device=cosines.device)
        return ((cosines - wanted) ** 2).mean()

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """Label probabilities from a regression on the training texts' current embeddings, (texts, n_labels)."""
        width = self.model.config.hidden_size
        embedded = (batches.apply(self.model, width, self._encoder.embed_with) for batches in (self._plain, texts))
        of_training, of_texts = (vectors.astype(np.float32) for vectors in embedded)
        return fit_probe(of_training, self._texts, self._config)(of_texts)

    def keep(self) -> Self:
        """A copy with the current weights."""
        kept = copy.copy(self)
        kept.model = copy.deepcopy(self.model)
        return kept


def soft_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean over texts of weight · -Σ target · log softmax(logits), in nats; logits and targets are (B, n_labels).

    One-hot targets and weights of 1 give the usual cross-entropy. The weights' mean should be 1 over the training set:
    normalising per batch would cancel the weight in batches of synthetic texts alone. Source: GPT3Mix (arXiv
    2104.08826), section 3.3, where the LM's label probabilities are the targets.
    """
    losses = -(targets * logits.log_softmax(-1)).sum(-1)  # (B,)
    return (weights * losses).mean()


def draw_batches(n_texts: int, config: TrainingConfig) -> Iterator[list[int]]:
    """Endless batches of indices: every epoch in a new order; the last batch of an epoch may be smaller."""
    generator = torch.Generator().manual_seed(config.rng_seed)
    while True:
        order = torch.randperm(n_texts, generator=generator).tolist()
        for start in range(0, n_texts, config.batch_size):
            yield order[start : start + config.batch_size]


def likeliest_labels(texts: Sequence[TrainingText], labels: Sequence[str]) -> list[str]:
    """The likeliest label of each text: from its soft label if it has one."""
    return [labels[int(np.argmax(text.probs))] if text.probs else text.label for text in texts]


def draw_pairs(labels: Sequence[str], config: TrainingConfig) -> Iterator[tuple[list[int], list[int], list[float]]]:
    """Endless batches of pairs: first texts, second texts, and 1 for the same label or 0 for two labels; half of each.

    All labels in `labels` are drawn equally often, however many texts they have.

    Raises:
        TrainingError: all texts have the same label.
    """
    rng = random.Random(config.rng_seed)
    groups = [group for name in config.labels if (group := [i for i, label in enumerate(labels) if label == name])]
    if len(groups) < 2:
        raise TrainingError("All training texts have the same label. Add texts of at least one other label.")
    while True:
        pairs = []
        for k in range(config.batch_size):
            group, other = rng.sample(groups, 2)
            pairs.append((rng.choice(group), rng.choice(group if k % 2 == 0 else other), float(k % 2 == 0)))
        first, second, is_same = zip(*pairs, strict=True)
        yield list(first), list(second), list(is_same)


def batch_by_tokens(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Batches of indices by increasing length, of at most `most` tokens after padding and at least one text each."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > most:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _targets(texts: Sequence[TrainingText], labels: Sequence[str], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Label distributions, (n, n_labels), and weights of mean 1, (n,)."""
    rows = [text.probs or tuple(float(label == text.label) for label in labels) for text in texts]
    weights = torch.tensor([text.weight for text in texts], device=device)
    return torch.tensor(rows, device=device), weights / weights.mean()


def _draw_version(versions: Sequence[torch.Tensor]) -> torch.Tensor:
    return versions[int(torch.randint(len(versions), ()))]
