"""The texts that a training run is trained on: seeds, label sentences, and texts drawn from its variant's."""

from collections.abc import Sequence

from augment.records import ExperimentMaterial, LabelledText, TextUse, TrainingRun, TrainingText, VariantText
from augment.training.filters import draw_nested, draw_sentences


def choose_texts(run: TrainingRun, material: ExperimentMaterial) -> tuple[list[TrainingText], tuple[VariantText, ...]]:
    """The texts that a run is trained on (seeds, then texts drawn with its RNG seed), and the synthetic ones of them.

    Raises:
        ShortageError: the variant has fewer texts than the run's size.
    """
    texts = [TrainingText(seed.text, seed.label) for seed in material.seeds]
    if run.variant.has_sentences:
        sentences = draw_sentences(material.sentences, material.seeds, run.config.rng_seed)
        texts += [TrainingText(sentence.text, sentence.label) for sentence in sentences]
    if run.variant_id is None or not run.n_synthetic:
        return texts, ()
    size, rng_seed, is_balanced = run.n_synthetic, run.config.rng_seed, run.variant.filter.is_balanced
    if run.variant.is_ceiling:
        real = draw_nested(
            material.real, size, rng_seed, key=lambda text: text.text, label=_label, is_balanced=is_balanced
        )
        return texts + [TrainingText(text.text, text.label) for text in real], ()
    synthetic = draw_nested(
        material.texts[run.variant_id],
        size,
        rng_seed,
        key=lambda text: str(text.id),
        label=_label,
        is_balanced=is_balanced,
    )
    weights = weigh_texts(synthetic, run)
    is_soft = run.variant.use in (TextUse.SOFT, TextUse.CONSENSUS)
    texts += [
        TrainingText(text.text, text.label, text.probs if is_soft else None, weight)
        for text, weight in zip(synthetic, weights, strict=True)
    ]
    return texts, tuple(synthetic)


def weigh_texts(texts: Sequence[VariantText], run: TrainingRun) -> list[float]:
    """The weight of each synthetic text: the recipe's, for consensus labels times confidence divided by its mean."""
    weight = run.config.synthetic_weight
    if run.variant.use is not TextUse.CONSENSUS:
        return [weight] * len(texts)
    confidence = [max(text.probs or (1.0,)) for text in texts]
    mean = sum(confidence) / len(confidence)
    return [weight * of_text / mean for of_text in confidence]


def _label(text: VariantText | LabelledText) -> str:
    return text.label
