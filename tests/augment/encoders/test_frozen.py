"""Encoders split into frozen and trained layers give the logits of the whole model, for every architecture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    MPNetConfig,
    RobertaConfig,
)

from augment.embedded import find_encoder_folder
from augment.encoders import embed_texts
from augment.encoders.frozen import load_encoder, pad
from augment.errors import TrainingError
from augment.records import EncoderKind, EncoderSpec, TrainingConfig

TEXTS = ["i feel happy", "so angry at the world today, all of it", "oh"]
SIZES = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 4}
CONFIGS = {
    "bert": BertConfig(**SIZES),
    "distilbert": DistilBertConfig(dim=16, n_layers=4, n_heads=2, hidden_dim=16),
    "roberta": RobertaConfig(**SIZES, vocab_size=30522, pad_token_id=0),
    "mpnet": MPNetConfig(**SIZES, vocab_size=30522, pad_token_id=0),
}


@pytest.fixture(params=list(CONFIGS))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(CONFIGS[request.param])
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(find_encoder_folder()).save_pretrained(tmp_path)
    return tmp_path


def plain_logits(folder: Path, head: dict[str, torch.Tensor]) -> torch.Tensor:
    """The whole model on one padded batch, with the given head."""
    whole: Any = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3, ignore_mismatched_sizes=True)
    whole.load_state_dict(head, strict=False)
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits: torch.Tensor = whole.eval()(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits
    return logits


@pytest.mark.parametrize("frozen_layers", [0, 2, 4])
def test_frozen_outputs_computed_once_give_the_logits_of_the_whole_model(folder: Path, frozen_layers: int) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    encoder = load_encoder(TrainingConfig(("a", "b", "c"), spec, frozen_layers=frozen_layers))
    rows = encoder.encode(TEXTS)
    assert [len(row) for row in rows] == [len(row) for row in encoder.encode(TEXTS[::-1])][::-1]
    model = encoder.fresh_classifier().eval()
    head = {name: weight for name, weight in model.state_dict().items() if "classif" in name}
    with torch.no_grad():
        assert torch.allclose(encoder.classify(model, *pad(rows)), plain_logits(folder, head), atol=1e-5)
    learning = [name for name, _ in model.named_parameters()]
    assert any("embeddings" in name for name in learning) == (frozen_layers == 0)
    layers = {name.split("layer.")[1].split(".")[0] for name in learning if "layer." in name}
    assert len(layers) == 4 - frozen_layers


def test_each_run_gets_its_own_head_and_the_same_encoder(folder: Path) -> None:
    config = TrainingConfig(("a", "b", "c"), EncoderSpec(EncoderKind.TRANSFORMERS, str(folder)), frozen_layers=3)
    encoder = load_encoder(config)
    assert load_encoder(replace(config, rng_seed=5, steps=7)) is encoder
    states = []
    for seed in (0, 1, 0):
        torch.manual_seed(seed)
        states.append(encoder.fresh_classifier().state_dict())
    for name, first in states[0].items():
        assert torch.equal(first, states[2][name])
        is_head = "classif" in name and first.ndim > 1
        assert torch.equal(first, states[1][name]) != is_head


def test_more_frozen_layers_than_the_encoder_has_are_refused(folder: Path) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    with pytest.raises(TrainingError, match="has 4 layers; 5 cannot be frozen"):
        load_encoder(TrainingConfig(("a", "b"), spec, frozen_layers=5))


@pytest.mark.parametrize("frozen_layers", [0, 2])
def test_the_last_layer_computes_only_the_first_token(folder: Path, frozen_layers: int) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    encoder = load_encoder(TrainingConfig(("a", "b", "c"), spec, frozen_layers=frozen_layers))
    model = encoder.fresh_classifier().eval()
    shapes = []
    for module in model.base_model.modules():
        module.register_forward_hook(lambda _module, _inputs, output: shapes.append(getattr(output, "shape", None)))
    with torch.no_grad():
        encoder.classify(model, *pad(encoder.encode(TEXTS)))
    assert torch.Size([3, 1, 16]) in shapes  # the logits equal those of the whole model, as tested above


def test_embeddings_equal_those_of_the_whole_encoder(folder: Path) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    found = [load_encoder(TrainingConfig(("a", "b"), spec, frozen_layers=frozen)).embed(TEXTS) for frozen in (0, 2, 4)]
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"]
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(folder).eval()(input_ids=inputs["input_ids"], attention_mask=mask)[0]
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    expected = torch.nn.functional.normalize(mean, dim=1).numpy()
    for embeddings in found:
        assert embeddings == pytest.approx(expected, abs=1e-5)


@pytest.mark.models
def test_training_and_similarity_give_the_same_embeddings() -> None:
    encoder = load_encoder(TrainingConfig(("a", "b")))
    assert encoder.embed(TEXTS) == pytest.approx(embed_texts(TEXTS), abs=1e-5)
    assert (encoder.embed(TEXTS[::-1])[::-1] == encoder.embed(TEXTS)).all()


@pytest.mark.models
def test_embeddings_stay_cached_when_frozen_outputs_are_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augment.encoders.frozen.MAX_KEPT_TEXTS", 3)
    encoder = load_encoder(TrainingConfig(("a", "b"), max_tokens=16))
    texts = [f"text number {i}" for i in range(8)]
    expected = encoder.embed(texts)
    encoder.encode([f"other {i}" for i in range(5)])
    assert encoder.embed([*texts, "one more"])[:8] == pytest.approx(expected, abs=1e-5)


def test_training_texts_are_cached_as_several_dropout_samples(folder: Path) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    encoder = load_encoder(TrainingConfig(("a", "b"), spec, frozen_layers=2))
    plain = encoder.encode(TEXTS)
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    versions = encoder.encode_with_dropout(TEXTS)
    assert torch.equal(torch.random.get_rng_state(), state)  # the run's own random numbers are not affected
    assert [len(found) for found in versions] == [8, 8, 8]
    for found, row in zip(versions, plain, strict=True):
        assert all(sample.shape == row.shape for sample in found)
        assert not torch.equal(found[0], found[1])
        mean = torch.stack(found).float().mean(0)
        assert torch.nn.functional.cosine_similarity(mean.flatten(), row.flatten(), dim=0) > 0.9
    again = encoder.encode_with_dropout(TEXTS[::-1])[::-1]
    for found, other in zip(versions, again, strict=True):
        assert all(torch.equal(sample, repeated) for sample, repeated in zip(found, other, strict=True))
    assert all(torch.equal(output, repeated) for output, repeated in zip(plain, encoder.encode(TEXTS), strict=True))


def test_versions_do_not_depend_on_other_requested_texts(folder: Path) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    config = TrainingConfig(("a", "b"), spec, frozen_layers=2)
    first = load_encoder(config).encode_with_dropout(TEXTS)
    second = load_encoder(replace(config, max_tokens=64)).encode_with_dropout(TEXTS[:1])  # another encoder object
    assert all(torch.equal(sample, other) for sample, other in zip(first[0], second[0], strict=True))


def test_without_frozen_layers_there_is_one_version(folder: Path) -> None:
    spec = EncoderSpec(EncoderKind.TRANSFORMERS, str(folder))
    encoder = load_encoder(TrainingConfig(("a", "b"), spec, frozen_layers=0))
    assert [len(found) for found in encoder.encode_with_dropout(TEXTS)] == [1, 1, 1]
