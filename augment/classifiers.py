"""Training a small classifier on a BERT-like encoder. A plain generator; who drives it decides where records go.

The recipe is the reference notebook's: embeddings and the first three layers frozen, AdamW, linear schedule, evaluation
every 20 steps. Knows nothing of arms, runs or storage.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.devices import best_device, fastest_dtype, free_memory
from augment.embedded import find_encoder_folder
from augment.errors import TrainingError
from augment.memory import need_for
from augment.metrics import accuracy, macro_f1
from augment.records import (
    EncoderKind,
    EncoderSpec,
    LabelledText,
    MetricPoint,
    Prediction,
    TrainingConfig,
    TrainingProgress,
)

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH = 128


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
    with torch.random.fork_rng():  # the new head and dropout draw from the run's own seed
        torch.manual_seed(config.rng_seed)
        classifier = _load(config)
        batches = _draw_batches(len(train), config)
        train_inputs = classifier.tokenize([row.text for row in train])
        evaluation_inputs = classifier.tokenize([row.text for row in evaluation])
        targets = torch.tensor([config.labels.index(row.label) for row in train])
        optimizer, schedule = _make_optimizer(classifier.model, config)
        losses: list[float] = []
        for step, batch in enumerate(batches, start=1):
            losses.append(_take_step(classifier, [train_inputs[i] for i in batch], targets[batch], optimizer))
            schedule.step()
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"The loss is not finite at step {step}. Lower the learning rate ({config.learning_rate:g})."
                )
            if step % config.eval_every == 0 or step == config.steps:
                probs = classifier.predict(evaluation_inputs)
                yield _measure(step, losses, probs, evaluation, config.labels)
                losses.clear()
            yield TrainingProgress(step, config.steps, time.monotonic() - started)
    for index, row in enumerate(probs):
        yield Prediction(index, config.labels[int(row.argmax())], tuple(float(value) for value in row))
    yield TrainingProgress(config.steps, config.steps, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Classifier:
    """An encoder with a head, its tokenizer, and where and in which width it computes."""

    model: Any
    tokenizer: Any
    device: str
    dtype: "torch.dtype"
    max_tokens: int

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return list(self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"])

    def logits(self, rows: Sequence[list[int]]) -> "torch.Tensor":
        """(B, n_labels) in float32; rows are padded to the longest among them."""
        import torch

        batch = self.tokenizer.pad({"input_ids": list(rows)}, return_tensors="pt").to(self.device)
        with torch.autocast(self.device, dtype=self.dtype, enabled=self.dtype is not torch.float32):
            logits: torch.Tensor = self.model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits
        return logits.float()

    def predict(self, rows: Sequence[list[int]]) -> NDArray[np.float64]:
        """Label probabilities, (len(rows), n_labels); rows of like length share a batch."""
        import torch

        self.model.eval()
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        probs = np.zeros((len(rows), self.model.config.num_labels))
        with torch.inference_mode():
            for start in range(0, len(order), EVALUATION_BATCH):
                chunk = order[start : start + EVALUATION_BATCH]
                probs[chunk] = self.logits([rows[i] for i in chunk]).softmax(-1).double().cpu().numpy()
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


def _load(config: TrainingConfig) -> _Classifier:
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # the report on the head's fresh weights is no news here
    source, device = _locate(config.encoder), best_device()
    try:
        model_config = AutoConfig.from_pretrained(source, num_labels=len(config.labels))
        with torch.device("meta"):
            n_parameters = sum(
                one.numel() for one in AutoModelForSequenceClassification.from_config(model_config).parameters()
            )
        # weights, gradients and AdamW's two moments
        need = need_for(n_parameters * 16, free_memory(device), device)
        if not need.fits:
            raise TrainingError(f"The encoder '{config.encoder.name}' {need}. Choose a smaller encoder.")
        tokenizer = AutoTokenizer.from_pretrained(source)
        # A head of another task is replaced by a fresh one.
        model = AutoModelForSequenceClassification.from_pretrained(
            source, config=model_config, dtype=torch.float32, ignore_mismatched_sizes=True
        )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise TrainingError(
            f"No encoder '{config.encoder.name}' could be loaded. Expected a hub name such as distilbert-base-uncased, "
            f"or a folder with a BERT-like model; transformers says: {reason}"
        ) from error
    _freeze(model, config)
    return _Classifier(model.to(device), tokenizer, device, fastest_dtype(device), config.max_tokens)


def _locate(encoder: EncoderSpec) -> str:
    if encoder.kind is EncoderKind.EMBEDDED:
        return str(find_encoder_folder())
    path = Path(encoder.name).expanduser()
    if not path.is_dir() and (path.is_absolute() or encoder.name.count("/") > 1):
        raise TrainingError(f"There is no folder '{encoder.name}' on this machine. Expected a folder or a hub name.")
    return str(path) if path.is_dir() else encoder.name


def _freeze(model: Any, config: TrainingConfig) -> None:
    """Freeze the embeddings and the lowest layers; with 0 frozen layers everything learns."""
    if not config.frozen_layers:
        return
    layers = _find_layers(model)
    if config.frozen_layers > len(layers):
        raise TrainingError(
            f"'{config.encoder.name}' has {len(layers)} layers; {config.frozen_layers} cannot be frozen. Freeze fewer."
        )
    for module in (model.base_model.embeddings, *layers[: config.frozen_layers]):
        module.requires_grad_(requires_grad=False)


def _find_layers(model: Any) -> Any:
    import torch

    for module in model.base_model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return module
    raise TrainingError(f"'{model.config.model_type}' has no list of layers to freeze. Set frozen layers to 0.")


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
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / config.steps))
    return optimizer, schedule


def _take_step(classifier: _Classifier, rows: Sequence[list[int]], targets: "torch.Tensor", optimizer: Any) -> float:
    import torch

    classifier.model.train()
    loss = torch.nn.functional.cross_entropy(classifier.logits(rows), targets.to(classifier.device))
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(classifier.model.parameters(), 1.0)
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
