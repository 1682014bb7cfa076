"""Train a small classifier on a BERT-like encoder. A plain generator; the caller stores the records.

The recipe is the reference notebook's: embeddings and the first three layers frozen, AdamW, linear schedule, evaluation
every 20 steps. `encoders.frozen` computes the frozen layers once; `learners` has the parts that are trained.
Knows nothing of variants, experiments or storage.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from augment.encoders.frozen import load_encoder
from augment.encoders.probes import fit_probe
from augment.errors import TrainingError
from augment.records import (
    ClassifierKind,
    LabelledText,
    MetricPoint,
    Prediction,
    TrainingConfig,
    TrainingProgress,
    TrainingText,
)
from augment.training.learners import Batches, make_learner
from augment.training.metrics import accuracy, macro_f1
from augment.training.mixed_precision import MixedPrecisionAdamW


def train(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    *,
    validation: Sequence[LabelledText] = (),
    others: Sequence[str] = (),
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    """Train once; yield progress at every step, metrics every `eval_every` steps and at the last, then predictions.

    Predictions are for the evaluation texts and then for `others`, texts without a known label, whose `index` continues
    that of the evaluation texts. Only `validation` decides when to stop early and which step the predictions are from,
    never the evaluation texts. The same config, texts and machine give the same figures up to rounding: the last digits
    of frozen outputs depend on which texts were computed in one batch.

    Raises:
        TrainingError: a label has no training texts, there are no evaluation texts, there are no validation texts for
            early stopping, the encoder cannot be loaded, is too big or has too few layers to freeze, the loss is not
            finite, or memory runs out.
    """
    _check(config, train, evaluation, validation)
    with explaining_memory(config):
        if config.kind is ClassifierKind.PROBE:
            yield from _train_probe(config, train, evaluation, others)
        else:
            yield from _train_by_steps(config, train, evaluation, validation, others)


def _train_by_steps(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    validation: Sequence[LabelledText],
    others: Sequence[str],
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    started, n_steps = time.monotonic(), config.count_steps(len(train))
    yield TrainingProgress(0, n_steps, 0.0, f"Loading {config.encoder.name}")
    encoder = load_encoder(config)
    evaluated = Batches(encoder, [row.text for row in evaluation])
    validated = Batches(encoder, [row.text for row in validation] if config.patience else [])
    with torch.random.fork_rng():  # the new head and dropout use the run's own seed
        torch.manual_seed(config.rng_seed)
        learner = make_learner(encoder, train, config)
        optimizer = MixedPrecisionAdamW(
            learner.model,
            encoder.dtype,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            n_steps=n_steps,
        )
        losses: list[float] = []
        stopping = _EarlyStopping(config.patience)
        for step in range(1, n_steps + 1):
            learner.model.train()
            loss = learner.loss()
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"The loss is not finite at step {step}. Lower the learning rate ({config.learning_rate:g})."
                )
            if step % config.eval_every == 0 or step == n_steps:
                probs = learner.predict(evaluated)
                of_validation = None
                if validated.n_texts:
                    of_validation = _score(learner.predict(validated), validation, config.labels)
                yield _measure(step, losses, probs, evaluation, config.labels, of_validation)
                losses.clear()
                if stopping.is_best(of_validation):
                    best_probs = probs
                    best = learner.keep() if config.patience and others else learner
                if stopping.is_over:
                    break
            yield TrainingProgress(step, n_steps, time.monotonic() - started)
        if others:
            best_probs = np.concatenate([best_probs, best.predict(Batches(encoder, others))])
    yield from _to_predictions(best_probs, config.labels)
    yield TrainingProgress(n_steps, n_steps, time.monotonic() - started)


def _train_probe(
    config: TrainingConfig, train: Sequence[TrainingText], evaluation: Sequence[LabelledText], others: Sequence[str]
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    started = time.monotonic()
    yield TrainingProgress(0, 1, 0.0, f"Loading {config.encoder.name}")
    encoder = load_encoder(config)
    probe = fit_probe(encoder.embed([text.text for text in train]), train, config)
    probs = probe(encoder.embed([row.text for row in evaluation]))
    yield _measure(1, [], probs, evaluation, config.labels, None)
    if others:
        probs = np.concatenate([probs, probe(encoder.embed(others))])
    yield from _to_predictions(probs, config.labels)
    yield TrainingProgress(1, 1, time.monotonic() - started)


class _EarlyStopping:
    """Counts evaluations without a better validation figure; without patience, every evaluation is the best."""

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


def _check(
    config: TrainingConfig,
    train: Sequence[TrainingText],
    evaluation: Sequence[LabelledText],
    validation: Sequence[LabelledText],
) -> None:
    if not evaluation:
        raise TrainingError("There are no evaluation texts. Import data with a test split on the Seeds page.")
    if config.patience and not validation and not config.kind.is_instant:
        raise TrainingError(
            "Early stopping needs validation texts, but the task has none. Import data with a validation split, or "
            "train without early stopping: the test split must not decide when to stop."
        )
    for name, found in (
        ("training", {row.label for row in train}),
        ("evaluation", {row.label for row in evaluation}),
        ("validation", {row.label for row in validation}),
    ):
        if unknown := found - set(config.labels):
            raise TrainingError(
                f"The {name} texts have labels that the task does not have: {', '.join(sorted(unknown))}. "
                f"Expected {', '.join(config.labels)}."
            )
    missing = [label for label in config.labels if all(row.label != label for row in train)]
    if missing:
        raise TrainingError(
            f"No training text is labelled {', '.join(missing)}. Add seeds or synthetic texts for every label."
        )


def _score(probs: NDArray[np.float64], rows: Sequence[LabelledText], labels: Sequence[str]) -> float:
    """Macro-F1."""
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


def _to_predictions(probs: NDArray[np.float64], labels: Sequence[str]) -> Iterator[Prediction]:
    for index, row in enumerate(probs):
        yield Prediction(index, labels[int(row.argmax())], tuple(float(value) for value in row))


@contextmanager
def explaining_memory(config: TrainingConfig) -> Iterator[None]:
    """Turn an out-of-memory error into a `TrainingError`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        ran_out = not isinstance(error, RuntimeError) or isinstance(error, torch.OutOfMemoryError)
        if not ran_out and "can't allocate memory" not in str(error):  # torch's message for main memory
            raise
        raise TrainingError(
            f"Memory ran out while training '{config.encoder.name}'. Freeze more layers, or use a smaller batch "
            f"(now {config.batch_size}) or a smaller encoder."
        ) from error
