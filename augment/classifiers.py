"""Training a small classifier on a BERT-like encoder. A plain generator; who drives it decides where records go.

The recipe is the reference notebook's: embeddings and the first three layers frozen, AdamW, linear schedule, evaluation
every 20 steps. What never learns is computed once (`augment.encoders`). Knows nothing of arms, runs or storage.
"""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.encoders import Encoder, load_encoder
from augment.errors import TrainingError
from augment.metrics import accuracy, macro_f1
from augment.records import LabelledText, MetricPoint, Prediction, TrainingConfig, TrainingProgress

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH = 64


def train(
    config: TrainingConfig, train: Sequence[LabelledText], evaluation: Sequence[LabelledText]
) -> Iterator[MetricPoint | Prediction | TrainingProgress]:
    """Train once and say how it goes: progress at every step, metrics every `eval_every` and at the end, predictions.

    The same config, texts and machine give the same figures.

    Raises:
        TrainingError: a label without training texts, no evaluation texts, an encoder that cannot be loaded, is too
            big or has too few layers to freeze, or a loss that is not finite.
    """
    import torch

    _check(config, train, evaluation)
    started = time.monotonic()
    yield TrainingProgress(0, config.steps, 0.0, f"Loading {config.encoder.name}")
    encoder = load_encoder(config)
    train_rows = encoder.encode([row.text for row in train])
    evaluation_rows = encoder.encode([row.text for row in evaluation])
    with torch.random.fork_rng():  # the new head and dropout draw from the run's own seed
        torch.manual_seed(config.rng_seed)
        model = encoder.fresh_classifier()
        batches = _draw_batches(len(train), config)
        targets = torch.tensor([config.labels.index(row.label) for row in train])
        optimizer, schedule = _make_optimizer(model, config)
        losses: list[float] = []
        for step, batch in enumerate(batches, start=1):
            losses.append(_take_step(encoder, model, [train_rows[i] for i in batch], targets[batch], optimizer))
            schedule.step()
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"The loss is not finite at step {step}. Lower the learning rate ({config.learning_rate:g})."
                )
            if step % config.eval_every == 0 or step == config.steps:
                probs = _predict(encoder, model, evaluation_rows)
                yield _measure(step, losses, probs, evaluation, config.labels)
                losses.clear()
            yield TrainingProgress(step, config.steps, time.monotonic() - started)
    for index, row in enumerate(probs):
        yield Prediction(index, config.labels[int(row.argmax())], tuple(float(value) for value in row))
    yield TrainingProgress(config.steps, config.steps, time.monotonic() - started)


def _predict(encoder: Encoder, model: Any, rows: "Sequence[torch.Tensor]") -> NDArray[np.float64]:
    """Label probabilities, (len(rows), n_labels), in the fastest width; rows of like length share a batch."""
    import torch

    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    probs = np.zeros((len(rows), model.config.num_labels))
    with torch.inference_mode():
        # Cast once: autocast would do it anew in every batch.
        cast = model if encoder.dtype is torch.float32 else copy.deepcopy(model).to(encoder.dtype)
        cast.eval()
        for start in range(0, len(order), EVALUATION_BATCH):
            chunk = order[start : start + EVALUATION_BATCH]
            logits = encoder.classify(cast, [rows[i] for i in chunk])
            probs[chunk] = logits.float().softmax(-1).double().cpu().numpy()
    return probs


def _check(config: TrainingConfig, train: Sequence[LabelledText], evaluation: Sequence[LabelledText]) -> None:
    if not evaluation:
        raise TrainingError("There are no evaluation texts. Import data with a test split on the Seeds page.")
    for name, rows in (("training", train), ("evaluation", evaluation)):
        unknown = {row.label for row in rows} - set(config.labels)
        if unknown:
            raise TrainingError(
                f"The {name} texts carry labels that the task does not have: {', '.join(sorted(unknown))}. "
                f"Expected {', '.join(config.labels)}."
            )
    missing = [label for label in config.labels if all(row.label != label for row in train)]
    if missing:
        raise TrainingError(
            f"No training text is labelled {', '.join(missing)}. Add seeds or synthetic texts for every label."
        )


def _draw_batches(n_texts: int, config: TrainingConfig) -> Iterator[list[int]]:
    """`config.steps` batches of indices: epoch after epoch, each in a new order, the last of an epoch smaller."""
    import torch

    generator = torch.Generator().manual_seed(config.rng_seed)
    step = 0
    while True:
        order = torch.randperm(n_texts, generator=generator).tolist()
        for start in range(0, n_texts, config.batch_size):
            if step == config.steps:
                return
            yield order[start : start + config.batch_size]
            step += 1


def _make_optimizer(model: Any, config: TrainingConfig) -> tuple[Any, Any]:
    """AdamW without decay on biases and norms, and a line from the learning rate to 0, as transformers' Trainer."""
    import torch

    learning = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    groups = [
        {"params": [one for _, one in learning if one.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [one for _, one in learning if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / config.steps))
    return optimizer, schedule


def _take_step(
    encoder: Encoder, model: Any, rows: "Sequence[torch.Tensor]", targets: "torch.Tensor", optimizer: Any
) -> float:
    import torch

    model.train()
    with torch.autocast(encoder.device, dtype=encoder.dtype, enabled=encoder.dtype is not torch.float32):
        logits = encoder.classify(model, rows)
    loss = torch.nn.functional.cross_entropy(logits.float(), targets.to(encoder.device))
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _measure(
    step: int,
    losses: Sequence[float],
    probs: NDArray[np.float64],
    evaluation: Sequence[LabelledText],
    labels: Sequence[str],
) -> MetricPoint:
    truth = [row.label for row in evaluation]
    predicted = [labels[i] for i in probs.argmax(-1)]
    of_truth = probs[np.arange(len(truth)), [labels.index(label) for label in truth]]
    return MetricPoint(
        step=step,
        train_loss=float(np.mean(losses)),
        loss=float(-np.log(np.clip(of_truth, 1e-12, None)).mean()),
        accuracy=accuracy(truth, predicted),
        macro_f1=macro_f1(truth, predicted, labels),
    )
