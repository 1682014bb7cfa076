"""Cross-validation on the seeds: who is left out when, and what the classifiers then see."""

from collections import Counter
from dataclasses import replace

import pytest

from augment.records import (
    ClassifierKind,
    ExperimentMaterial,
    LabelledText,
    Prediction,
    TextUse,
    TrainingConfig,
    TrainingProgress,
    TrainingRun,
    Variant,
    VariantText,
)
from augment.training.cross_validation import N_FOLDS, cross_validate, deal_folds

LABELS = ("anger", "joy")
SEEDS = tuple(
    LabelledText(f"{start} {thing}", label)
    for label, start in (("joy", "i am so happy about my"), ("anger", "i am furious about my"))
    for thing in ("job", "dog", "house", "car", "sister", "dinner")
)
MATERIAL = ExperimentMaterial(SEEDS, {}, (), (), ())


def make_run(variant: Variant, variant_id: int | None, n: int = 0) -> TrainingRun:
    config = TrainingConfig(LABELS, kind=ClassifierKind.PROBE)
    return TrainingRun(1, 1, 1, variant_id, variant, n, n + len(SEEDS), config, None, None)  # type: ignore[arg-type]


def test_each_seed_is_left_out_once_and_folds_have_seeds_of_every_label() -> None:
    folds = deal_folds(SEEDS, 0)
    sizes = Counter(folds)
    assert set(sizes) == set(range(N_FOLDS))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for label in LABELS:
        of_label = Counter(fold for fold, seed in zip(folds, SEEDS, strict=True) if seed.label == label)
        assert max(of_label.values()) < 6
    assert deal_folds(SEEDS, 1) != folds


def test_a_labels_only_seed_stays_in() -> None:
    assert deal_folds(SEEDS[:7], 0)[6] == -1
    assert deal_folds((SEEDS[0], SEEDS[6]), 0) == [-1, -1]


@pytest.mark.models
def test_every_seed_is_predicted_once_in_five_parts() -> None:
    records = list(cross_validate(make_run(Variant(kind=ClassifierKind.PROBE), None), MATERIAL))
    predictions = [record for record in records if isinstance(record, Prediction)]
    parts = [record.step for record in records if isinstance(record, TrainingProgress)]
    assert sorted(prediction.index for prediction in predictions) == list(range(len(SEEDS)))
    assert parts == [1, 2, 3, 4, 5]
    n_right = sum(prediction.label == SEEDS[prediction.index].label for prediction in predictions)
    assert n_right >= 10


@pytest.mark.models
def test_a_left_out_seed_is_not_among_the_training_texts() -> None:
    mixed_up = tuple(replace(seed, label=LABELS[i % 2]) for i, seed in enumerate(SEEDS))
    material = replace(MATERIAL, seeds=mixed_up)
    records = cross_validate(make_run(Variant(kind=ClassifierKind.PROBE), None), material)
    n_right = sum(record.label == mixed_up[record.index].label for record in records if isinstance(record, Prediction))
    assert n_right <= 8  # labels without sense cannot be predicted, unless a classifier saw them


@pytest.mark.models
def test_consensus_labels_do_not_know_the_seeds_that_are_left_out() -> None:
    """Texts whose stored consensus is certain and wrong get their labels from the remaining seeds instead."""
    variant = Variant(TextUse.CONSENSUS, (1,), kind=ClassifierKind.PROBE)
    texts = tuple(VariantText(i, f"{seed.text} again", "joy", (0.0, 1.0), "joy") for i, seed in enumerate(SEEDS))
    material = replace(MATERIAL, texts={7: texts})
    records = cross_validate(make_run(variant, 7, len(texts)), material)
    found = {record.index: record.label for record in records if isinstance(record, Prediction)}
    n_anger_right = sum(found[i] == "anger" for i, seed in enumerate(SEEDS) if seed.label == "anger")
    assert n_anger_right >= 5
