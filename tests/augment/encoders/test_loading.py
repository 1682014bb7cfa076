"""The embedded encoder is in memory once: similarity and every training configuration use the same weights."""

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from augment.encoders import embed_texts
from augment.encoders.frozen import load_encoder
from augment.encoders.loading import load_pretrained, share_weights
from augment.records import EncoderSpec, LabelledText, TrainingConfig, TrainingText
from augment.training.train import train

pytestmark = pytest.mark.models

LABELS = ("joy", "anger", "surprise")
TEXTS = ["i feel happy", "so angry at the world today", "oh, i never thought that"]
SHAPE = (30522, 384)  # of the word embeddings, the largest weight


def storages(model: Any) -> set[int]:
    return {parameter.data_ptr() for parameter in model.parameters()}


def word_embeddings_in_memory() -> set[int]:
    """The storages of the float32 word embeddings of all modules in memory."""
    gc.collect()
    weights = [candidate.weight for candidate in gc.get_objects() if issubclass(type(candidate), torch.nn.Embedding)]
    return {
        weight.data_ptr()
        for weight in weights
        if weight.shape == SHAPE and weight.dtype == torch.float32 and not weight.is_meta
    }


def test_similarity_and_training_use_one_copy_of_the_weights() -> None:
    similarities = embed_texts(TEXTS)
    whole = load_pretrained(EncoderSpec())
    before = {name: weight.clone() for name, weight in whole.model.named_parameters()}
    config = TrainingConfig(LABELS, steps=2, eval_every=2)
    encoder = load_encoder(config)
    encoder.embed(TEXTS)
    assert load_pretrained(EncoderSpec()) is whole
    assert storages(encoder._lower) < storages(whole.model)
    assert storages(encoder._model.base_model) < storages(whole.model)
    assert storages(load_encoder(TrainingConfig(LABELS, frozen_layers=0))._model.base_model) == storages(whole.model)

    texts = [TrainingText(text, label) for text, label in zip(TEXTS, LABELS, strict=True)]
    list(train(config, texts, [LabelledText(text, label) for text, label in zip(TEXTS, LABELS, strict=True)]))
    assert word_embeddings_in_memory() == {whole.model.embeddings.word_embeddings.weight.data_ptr()}
    assert all(torch.equal(weight, before[name]) for name, weight in whole.model.named_parameters())  # none was changed
    assert (embed_texts(list(TEXTS)) == similarities).all()


def test_threads_that_load_at_the_same_time_get_the_same_encoder() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(load_pretrained, [EncoderSpec()] * 4))
    assert len({id(encoder) for encoder in found}) == 1


def test_shared_weights_stay_when_layers_are_removed() -> None:
    whole = load_pretrained(EncoderSpec()).model
    n_layers = len(whole.encoder.layer)
    shared = share_weights(whole)
    del shared.encoder.layer[2:]
    assert len(whole.encoder.layer) == n_layers
    assert storages(shared) < storages(whole)
