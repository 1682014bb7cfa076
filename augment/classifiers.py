"""Training a small classifier on a BERT-like encoder. A plain generator; who drives it decides where records go.

The recipe is the reference notebook's: embeddings and the first three layers frozen, AdamW, linear schedule, evaluation
every 20 steps. What never learns is computed once (`augment.encoders`). Knows nothing of arms, experiments or storage.
"""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.encoders import Encoder, load_encoder, pad
from augment.errors import TrainingError
from augment.metrics import accuracy, macro_f1
from augment.mixed_precision import MixedPrecisionAdamW
from augment.probes import fit_probe
from augment.records import (
    ClassifierKind,
    LabelledText,
    MetricPoint,
    Prediction,
    TrainingConfig,
    TrainingProgress,
    TrainingText,
)

if TYPE_CHECKING:
    import torch

EVALUATION_TOKENS = 2048  # a batch, padding included: what is fastest on two cores and bounds memory for long texts


def train(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    *,
    validation: Sequence[LabelledText] = (),
    others: Sequence[str] = (),
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    """Train once and say how it goes: progress at every step, metrics every `eval_every` and at the end, predictions.

    Predictions are of the evaluation texts and then of `others`, texts without a known label, whose `index` goes on
    counting after the evaluation texts'. `validation` decides when to stop early and which step the predictions are of;
    the evaluation texts never do. The same config, texts and machine give the same figures, but for what the last
    digits of frozen outputs make: they depend on which texts were computed in one batch.

    Raises:
        TrainingError: a label without training texts, no evaluation texts, no validation texts to stop early by, an
            encoder that cannot be loaded, is too big or has too few layers to freeze, a loss that is not finite, or
            memory that runs out.
    """
    _check(config, train, evaluation, validation)
    with explaining_memory(config):
        if config.kind is ClassifierKind.PROBE:
            yield from _train_probe(config, train, evaluation, others)
        else:
            yield from _fine_tune(config, train, evaluation, validation, others)


def _fine_tune(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    validation: Sequence[LabelledText],
    others: Sequence[str],
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    import torch

    started, n_steps = time.monotonic(), config.count_steps(len(train))
    yield TrainingProgress(0, n_steps, 0.0, f"Loading {config.encoder.name}")
    encoder = load_encoder(config)
    train_rows = encoder.encode_with_dropout([row.text for row in train])
    evaluated = _Batches(encoder, [row.text for row in evaluation])
    validated = _Batches(encoder, [row.text for row in validation] if config.patience else [])
    targets, weights = _targets(train, config.labels, encoder.device)
    with torch.random.fork_rng():  # the new head and dropout draw from the run's own seed
        torch.manual_seed(config.rng_seed)
        model = encoder.fresh_classifier()
        optimizer = MixedPrecisionAdamW(
            model,
            encoder.dtype,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            n_steps=n_steps,
        )
        losses: list[float] = []
        stopping = _EarlyStopping(config.patience)
        for step, batch in enumerate(_draw_batches(len(train), n_steps, config), start=1):
            model.train()
            logits = encoder.classify(model, *pad([_draw_version(train_rows[i]) for i in batch])).float()
            loss = soft_cross_entropy(logits, targets[batch], weights[batch])
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"The loss is not finite at step {step}. Lower the learning rate ({config.learning_rate:g})."
                )
            if step % config.eval_every == 0 or step == n_steps:
                probs = evaluated.predict(model)
                of_validation = _score(validated.predict(model), validation, config.labels)
                yield _measure(step, losses, probs, evaluation, config.labels, of_validation)
                losses.clear()
                if stopping.is_best(of_validation):
                    best_probs = probs
                    best_model = copy.deepcopy(model) if config.patience and others else model
                if stopping.is_over:
                    break
            yield TrainingProgress(step, n_steps, time.monotonic() - started)
        other_probs = _Batches(encoder, others).predict(best_model)
    yield from _tell(np.concatenate([best_probs, other_probs]), config.labels)
    yield TrainingProgress(n_steps, n_steps, time.monotonic() - started)


def _train_probe(
    config: TrainingConfig, train: Sequence[TrainingText], evaluation: Sequence[LabelledText], others: Sequence[str]
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    started = time.monotonic()
    yield TrainingProgress(0, 1, 0.0, f"Loading {config.encoder.name}")
    encoder = load_encoder(config)
    probe = fit_probe(encoder.embed([one.text for one in train]), train, config)
    probs = probe(encoder.embed([row.text for row in evaluation]))
    yield _measure(1, [], probs, evaluation, config.labels, None)
    if others:
        probs = np.concatenate([probs, probe(encoder.embed(others))])
    yield from _tell(probs, config.labels)
    yield TrainingProgress(1, 1, time.monotonic() - started)


def soft_cross_entropy(logits: "torch.Tensor", targets: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Mean over texts of weight · -Σ target · log softmax(logits), in nats; logits and targets are (B, n_labels).

    One-hot targets and weights of 1 give the usual cross-entropy. The weights' mean should be 1 over the training set:
    divided by a batch's own sum, a batch of synthetic texts alone would not feel theirs. Source: GPT3Mix (arXiv
    2104.08826), section 3.3, where the LM's label probabilities are the targets.
    """
    losses = -(targets * logits.log_softmax(-1)).sum(-1)  # (B,)
    return (weights * losses).mean()


def _targets(texts: Sequence[TrainingText], labels: Sequence[str], device: str) -> "tuple[torch.Tensor, torch.Tensor]":
    """Label distributions, (n, n_labels), and weights of mean 1, (n,)."""
    import torch

    rows = [one.probs or tuple(float(label == one.label) for label in labels) for one in texts]
    weights = torch.tensor([one.weight for one in texts], device=device)
    return torch.tensor(rows, device=device), weights / weights.mean()


class _EarlyStopping:
    """Counts evaluations without a better figure on the validation texts; without patience every one is the best."""

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._best = -math.inf
        self._n_worse = 0

    def is_best(self, figure: float | None) -> bool:
        """Whether this evaluation is better than all before it."""
        if self._patience is None or figure is None:
            return True
        if figure > self._best:
            self._best, self._n_worse = figure, 0
            return True
        self._n_worse += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return self._patience is not None and self._n_worse >= self._patience


class _Batches:
    """Texts to predict again and again: encoded and padded once, those of like length in one batch."""

    def __init__(self, encoder: Encoder, texts: Sequence[str]) -> None:
        rows = encoder.encode(texts)
        self._encoder, self._n_texts = encoder, len(rows)
        self._batches = []
        for batch in batch_by_tokens([len(row) for row in rows], EVALUATION_TOKENS):
            padded, mask = pad([rows[i] for i in batch])
            self._batches.append((batch, padded.to(encoder.dtype) if padded.is_floating_point() else padded, mask))

    def predict(self, model: Any) -> NDArray[np.float64]:
        """Label probabilities, (texts, n_labels)."""
        import torch

        probs = np.zeros((self._n_texts, model.config.num_labels))
        with torch.inference_mode():
            model.eval()
            for batch, padded, mask in self._batches:
                logits = self._encoder.classify(model, padded, mask)
                probs[batch] = logits.float().softmax(-1).double().cpu().numpy()
        return probs


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


def _check(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    validation: Sequence[LabelledText],
) -> None:
    if not evaluation:
        raise TrainingError("There are no evaluation texts. Import data with a test split on the Seeds page.")
    if config.patience and not validation and config.kind is ClassifierKind.FINE_TUNED:
        raise TrainingError(
            "Early stopping needs validation texts, and the task has none. Import data with a validation split, or "
            "train without early stopping: the test split must not decide when to stop."
        )
    for name, found in (
        ("training", {row.label for row in train}),
        ("evaluation", {row.label for row in evaluation}),
        ("validation", {row.label for row in validation}),
    ):
        if unknown := found - set(config.labels):
            raise TrainingError(
                f"The {name} texts carry labels that the task does not have: {', '.join(sorted(unknown))}. "
                f"Expected {', '.join(config.labels)}."
            )
    missing = [label for label in config.labels if all(row.label != label for row in train)]
    if missing:
        raise TrainingError(
            f"No training text is labelled {', '.join(missing)}. Add seeds or synthetic texts for every label."
        )


def _draw_batches(n_texts: int, n_steps: int, config: TrainingConfig) -> Iterator[list[int]]:
    """`n_steps` batches of indices: epoch after epoch, each in a new order, the last of an epoch smaller."""
    import torch

    generator = torch.Generator().manual_seed(config.rng_seed)
    step = 0
    while True:
        order = torch.randperm(n_texts, generator=generator).tolist()
        for start in range(0, n_texts, config.batch_size):
            if step == n_steps:
                return
            yield order[start : start + config.batch_size]
            step += 1


def _draw_version(versions: "Sequence[torch.Tensor]") -> "torch.Tensor":
    import torch

    return versions[int(torch.randint(len(versions), ()))]


def _score(probs: NDArray[np.float64], rows: Sequence[LabelledText], labels: Sequence[str]) -> float | None:
    """Macro-F1, or None where there are no texts."""
    if not rows or not len(probs):
        return None
    return macro_f1([row.label for row in rows], [labels[i] for i in probs.argmax(-1)], labels)


def _measure(
    step: int,
    losses: Sequence[float],
    probs: NDArray[np.float64],
    evaluation: Sequence[LabelledText],
    labels: Sequence[str],
    of_validation: float | None,
) -> MetricPoint:
    truth = [row.label for row in evaluation]
    predicted = [labels[i] for i in probs.argmax(-1)]
    of_truth = probs[np.arange(len(truth)), [labels.index(label) for label in truth]]
    return MetricPoint(
        step=step,
        train_loss=float(np.mean(losses)) if losses else None,
        loss=float(-np.log(np.clip(of_truth, 1e-12, None)).mean()),
        accuracy=accuracy(truth, predicted),
        macro_f1=macro_f1(truth, predicted, labels),
        validation_macro_f1=of_validation,
    )


def _tell(probs: NDArray[np.float64], labels: Sequence[str]) -> Iterator[Prediction]:
    for index, row in enumerate(probs):
        yield Prediction(index, labels[int(row.argmax())], tuple(float(value) for value in row))


@contextmanager
def explaining_memory(config: TrainingConfig) -> Iterator[None]:
    """Say in a sentence that memory ran out."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        ran_out = not isinstance(error, RuntimeError) or isinstance(error, torch.OutOfMemoryError)
        if not ran_out and "can't allocate memory" not in str(error):  # what torch says of main memory
            raise
        raise TrainingError(
            f"Memory ran out while '{config.encoder.name}' was trained. Freeze more layers, take a smaller batch "
            f"({config.batch_size}) or a smaller encoder."
        ) from error
