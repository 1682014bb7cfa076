"""Load pretrained encoders. The embedded encoder is in memory only once.

Knows nothing of texts and training. For another structure, such as fewer layers, make a copy on the same weights with
`share_weights`.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from augment.embedded import find_encoder_folder
from augment.errors import TrainingError
from augment.hardware.devices import best_device
from augment.hardware.imports import importing_alone
from augment.records import EncoderKind, EncoderSpec


@dataclass(frozen=True, slots=True)
class Pretrained:
    """An encoder as pretrained, in float32 and evaluation mode. It may be shared: never train or change it."""

    model: Any  # transformers' base model, without a head
    tokenizer: Any
    device: str


def load_pretrained(spec: EncoderSpec) -> Pretrained:
    """The encoder that `spec` names. The embedded one stays loaded; others must be kept by the caller.

    Raises:
        TrainingError: there is no such encoder.
    """
    with importing_alone:  # a page and a run may load it at the same time
        return _load(spec) if spec.kind is not EncoderKind.EMBEDDED else _load_embedded()


@cache
def _load_embedded() -> Pretrained:
    return _load(EncoderSpec())


def _load(spec: EncoderSpec) -> Pretrained:
    source, device = _locate(spec), best_device()
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # warnings about missing or unused heads are expected here
    with _explaining(spec):
        classifier = AutoModelForSequenceClassification.from_pretrained(
            source,
            dtype=torch.float32,
            attn_implementation="eager" if device == "cpu" else None,  # the faster one on short texts, see docs/LOG.md
        )
        # Its base model, not AutoModel, which adds a pooler that the heads of RoBERTa and MPNet do not use.
        return Pretrained(classifier.base_model.to(device).eval(), AutoTokenizer.from_pretrained(source), device)


def outline_classifier(spec: EncoderSpec, n_labels: int) -> Any:
    """A sequence classifier on the encoder that `spec` names, on the meta device: shapes without weights.

    Raises:
        TrainingError: there is no such encoder.
    """
    source = _locate(spec)
    with importing_alone, _explaining(spec), torch.device("meta"):
        config = AutoConfig.from_pretrained(source, num_labels=n_labels)
        return AutoModelForSequenceClassification.from_config(config)


def fill_outline(outline: Any, encoder: Any, device: str) -> Any:
    """Replace the outline's encoder by `encoder` and initialise its head; changes `outline`."""
    setattr(outline, outline.base_model_prefix, encoder)
    for module in modules_of_head(outline):
        if next(module.parameters(recurse=False), None) is not None:
            module.to_empty(device=device, recurse=False)
            outline._init_weights(module)
    return outline.eval()


def share_weights(model: Any) -> Any:
    """A copy of the modules on the same weights: layers may be removed, but weights must not be changed."""
    weights = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, weights)  # what is in deepcopy's memo is not copied


def modules_of_head(model: Any) -> list[Any]:
    """The modules outside the encoder."""
    inside = set(model.base_model.modules())
    return [module for module in model.modules() if module not in inside and module is not model]


def _locate(spec: EncoderSpec) -> str:
    if spec.kind is EncoderKind.EMBEDDED:
        return str(find_encoder_folder())
    path = Path(spec.name).expanduser()
    if not path.is_dir() and (path.is_absolute() or spec.name.count("/") > 1):
        raise TrainingError(f"There is no folder '{spec.name}' on this machine. Expected a folder or a hub name.")
    return str(path) if path.is_dir() else spec.name


@contextmanager
def _explaining(spec: EncoderSpec) -> Iterator[None]:
    """Turn what transformers raises for a missing model into a `TrainingError`."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise TrainingError(
            f"No encoder '{spec.name}' could be loaded. Expected a hub name such as distilbert-base-uncased, "
            f"or a folder with a BERT-like model. transformers reports: {reason}"
        ) from error
