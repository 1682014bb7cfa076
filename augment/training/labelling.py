"""Give the texts of a consensus variant their labels, with the recipe's encoder. Does not use storage."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from augment.encoders.frozen import load_encoder
from augment.labels.consensus import LabelEvidence, find_consensus
from augment.records import ConsensusLabel, ExperimentMaterial, TrainingConfig, VariantText
from augment.training.train import explaining_memory

log = logging.getLogger(__name__)


def find_consensus_labels(
    recipe: TrainingConfig, material: ExperimentMaterial, texts: Sequence[VariantText]
) -> dict[int, ConsensusLabel]:
    """The consensus label of each text, by its id; every label of the task needs a seed or a label sentence.

    Raises:
        TrainingError: the encoder cannot be loaded, or memory runs out.
    """
    evidence = LabelEvidence(recipe.labels, material.seeds, material.sentences, material.opinions, material.seed_ids)
    sure = [text.text for text in (*material.seeds, *material.sentences)]
    needed = dict.fromkeys([*sure, *(text.text for text in texts)])
    with explaining_memory(recipe):
        vectors = dict(zip(needed, load_encoder(recipe).embed(list(needed)), strict=True))
    consensus = find_consensus(evidence, texts, vectors)
    powers = ", ".join(f"{weight.name or weight.source} {weight.exponent:.2f}" for weight in consensus.weights)
    log.info("consensus labels of %d texts; powers: %s", len(texts), powers)
    return {text.id: label for text, label in zip(texts, consensus.labels, strict=True)}


def use_labels(texts: Sequence[VariantText], labels: dict[int, ConsensusLabel]) -> tuple[VariantText, ...]:
    """The texts with their consensus labels and probabilities."""
    return tuple(replace(text, label=labels[text.id].label, probs=labels[text.id].probs) for text in texts)
