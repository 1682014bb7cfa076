"""What learns by steps: a head on the encoder, or the encoder's embeddings by pairs with a logistic regression on them.

Both are asked the same things by the training loop: the loss of a step, and label probabilities. Source of the second:
SetFit, Tunstall et al. 2022, arXiv 2209.11055: pairs of texts of one label are drawn together, others apart.
"""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from augment.encoders.frozen import Encoder, pad
from augment.errors import TrainingError
from augment.records import ClassifierKind, TrainingConfig, TrainingText
from augment.training.probes import fit_probe

EVALUATION_TOKENS = 2048  # a batch, padding included: what is fastest on two cores and bounds memory for long texts


class Batches:
    """Texts to predict again and again: encoded and padded once, those of like length in one batch."""

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
    """One way of learning by steps. `model` holds what learns."""

    model: Any

    def loss(self) -> torch.Tensor:
        """The loss of the next step's batch, in nats or squared cosines; draws from torch's global generator."""

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """Label probabilities as the model stands now, (texts, n_labels)."""

    def keep(self) -> Self:
        """A copy that goes on predicting as now while this one learns on."""


def make_learner(encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> Learner:
    """The learner of the config's kind, on a fresh copy of what learns."""
    kind = PairLearner if config.kind is ClassifierKind.CONTRASTIVE else HeadLearner
    return kind(encoder, texts, config)


class HeadLearner:
    """The reference notebook's: a classification head, cross-entropy of hard or soft labels."""

    def __init__(self, encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> None:
        self._encoder = encoder
        self._rows = encoder.encode_with_dropout([one.text for one in texts])
        self._targets, self._weights = _targets(texts, config.labels, encoder.device)
        self._batches = draw_batches(len(texts), config)
        self.model = encoder.fresh_classifier()

    def loss(self) -> torch.Tensor:
        """Weighted soft cross-entropy of the next texts, in nats."""
        batch = next(self._batches)
        logits = self._encoder.classify(self.model, *pad([_draw_version(self._rows[i]) for i in batch])).float()
        return soft_cross_entropy(logits, self._targets[batch], self._weights[batch])

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """What the head says."""
        width = self.model.config.num_labels
        return texts.apply(self.model, width, lambda *batch: self._encoder.classify(*batch).float().softmax(-1))

    def keep(self) -> Self:
        """A copy with the weights of now."""
        kept = copy.copy(self)
        kept.model = copy.deepcopy(self.model)
        return kept


class PairLearner:
    """Contrastive: embeddings of one label are drawn together, then a logistic regression on them tells the labels.

    Soft labels and weights enter the regression; pairs go by the likeliest label.
    """

    def __init__(self, encoder: Encoder, texts: Sequence[TrainingText], config: TrainingConfig) -> None:
        self._encoder, self._texts, self._config = encoder, texts, config
        self._rows = encoder.encode_with_dropout([one.text for one in texts])
        self._plain = Batches(encoder, [one.text for one in texts])
        self._pairs = draw_pairs(likeliest_labels(texts, config.labels), config)
        self.model = encoder.fresh_encoder()

    def loss(self) -> torch.Tensor:
        """Mean squared difference of the pairs' cosines to 1 (one label) or 0 (two)."""
        first, second, is_same = next(self._pairs)
        rows = [_draw_version(self._rows[i]) for i in (*first, *second)]
        embeddings = self._encoder.embed_with(self.model, *pad(rows))  # (2 · pairs, hidden)
        cosines = (embeddings[: len(first)] * embeddings[len(first) :]).sum(-1)
        wanted = torch.tensor(is_same, dtype=cosines.dtype, device=cosines.device)
        return ((cosines - wanted) ** 2).mean()

    def predict(self, texts: Batches) -> NDArray[np.float64]:
        """What a regression on the training texts' embeddings of now says."""
        width = self.model.config.hidden_size
        embedded = (one.apply(self.model, width, self._encoder.embed_with) for one in (self._plain, texts))
        of_training, of_texts = (one.astype(np.float32) for one in embedded)
        return fit_probe(of_training, self._texts, self._config)(of_texts)

    def keep(self) -> Self:
        """A copy with the weights of now."""
        kept = copy.copy(self)
        kept.model = copy.deepcopy(self.model)
        return kept


def soft_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean over texts of weight · -Σ target · log softmax(logits), in nats; logits and targets are (B, n_labels).

    One-hot targets and weights of 1 give the usual cross-entropy. The weights' mean should be 1 over the training set:
    divided by a batch's own sum, a batch of synthetic texts alone would not feel theirs. Source: GPT3Mix (arXiv
    2104.08826), section 3.3, where the LM's label probabilities are the targets.
    """
    losses = -(targets * logits.log_softmax(-1)).sum(-1)  # (B,)
    return (weights * losses).mean()


def draw_batches(n_texts: int, config: TrainingConfig) -> Iterator[list[int]]:
    """Batches of indices without end: epoch after epoch, each in a new order, the last of an epoch smaller."""
    generator = torch.Generator().manual_seed(config.rng_seed)
    while True:
        order = torch.randperm(n_texts, generator=generator).tolist()
        for start in range(0, n_texts, config.batch_size):
            yield order[start : start + config.batch_size]


def likeliest_labels(texts: Sequence[TrainingText], labels: Sequence[str]) -> list[str]:
    """What each text most likely is: by its soft label where it has one."""
    return [labels[int(np.argmax(one.probs))] if one.probs else one.label for one in texts]


def draw_pairs(labels: Sequence[str], config: TrainingConfig) -> Iterator[tuple[list[int], list[int], list[float]]]:
    """Batches of pairs without end: first texts, second ones, and 1 for one label, 0 for two; half of each.

    Every label that is there comes as often as every other, however many texts it has.

    Raises:
        TrainingError: all texts are of one label.
    """
    rng = random.Random(config.rng_seed)
    groups = [group for one in config.labels if (group := [i for i, label in enumerate(labels) if label == one])]
    if len(groups) < 2:
        raise TrainingError("All training texts are of one label: nothing is there to tell apart. Add others.")
    while True:
        pairs = []
        for k in range(config.batch_size):
            one, other = rng.sample(groups, 2)
            pairs.append((rng.choice(one), rng.choice(one if k % 2 == 0 else other), float(k % 2 == 0)))
        first, second, is_same = zip(*pairs, strict=True)
        yield list(first), list(second), list(is_same)


def batch_by_tokens(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices by rising length, in batches of at most `most` tokens once padded to their longest; at least one each."""
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
    rows = [one.probs or tuple(float(label == one.label) for label in labels) for one in texts]
    weights = torch.tensor([one.weight for one in texts], device=device)
    return torch.tensor(rows, device=device), weights / weights.mean()


def _draw_version(versions: Sequence[torch.Tensor]) -> torch.Tensor:
    return versions[int(torch.randint(len(versions), ()))]
