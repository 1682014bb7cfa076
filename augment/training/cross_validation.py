"""Cross-validation on the seeds, for tasks with too few validation texts to choose a variant by.

Every fifth of the seeds is predicted by a classifier that was trained without it. Each RNG seed deals the seeds into
other fifths, so several of them make a repeated cross-validation. It is noisy, and synthetic texts were written from
all seeds, which flatters variants that use them: it only chooses, and no figure of it is a result.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from augment.records import (
    ENOUGH_VALIDATION_TEXTS,
    Experiment,
    ExperimentMaterial,
    LabelledText,
    Prediction,
    TextUse,
    TrainingProgress,
    TrainingRun,
    cut_sizes,
)
from augment.training.labelling import find_consensus_labels, use_labels
from augment.training.texts import choose_texts
from augment.training.train import train

N_FOLDS = 5
N_REPEATS = 3  # RNG seeds; more take long and no longer make it less noisy


def find_cross_validated(
    experiment: Experiment, runs: Sequence[TrainingRun], material: ExperimentMaterial
) -> frozenset[int]:
    """Ids of the runs to cross-validate: none where validation texts can choose, else each candidate's largest size.

    Real texts are no candidate. Only the experiment's first RNG seeds are used.
    """
    if len(material.validation) >= ENOUGH_VALIDATION_TEXTS:
        return frozenset()
    largest: dict[int | None, int] = {None: 0}
    for stored in experiment.variants:
        n_per_label = Counter(text.label for text in material.texts.get(stored.id, ())).values()
        sizes = cut_sizes(experiment.config.sizes, stored.variant.filter.count_drawable(n_per_label))
        largest[stored.id] = max(sizes, default=0) if stored.variant.has_texts else 0
    rng_seeds = sorted(experiment.config.rng_seeds)[:N_REPEATS]
    candidates = [run for run in runs if not run.variant.is_ceiling and run.config.rng_seed in rng_seeds]
    return frozenset(run.id for run in candidates if run.n_synthetic == largest[run.variant_id])


def cross_validate(run: TrainingRun, material: ExperimentMaterial) -> Iterator[Prediction | TrainingProgress]:
    """Predict each seed by the run's variant, trained without it; a prediction's index is the seed's place.

    Consensus labels are found again without those seeds. A label's only seed is never left out, so it is not predicted.
    Progress counts folds.

    Raises:
        AugmentError: as the run itself.
    """
    folds = deal_folds(material.seeds, run.config.rng_seed)
    config = replace(run.config, patience=None)
    for fold in range(max(folds) + 1):
        yield TrainingProgress(fold + 1, max(folds) + 1, 0.0)
        places = [place for place, its_fold in enumerate(folds) if its_fold == fold]
        texts, _ = choose_texts(run, _label_again(run, _leave_out(material, places)))
        for record in train(config, texts, [material.seeds[place] for place in places]):
            if isinstance(record, Prediction):
                yield replace(record, index=places[record.index])


def deal_folds(seeds: Sequence[LabelledText], rng_seed: int) -> list[int]:
    """A fold for each seed, in turn within each label; -1 for a label's only seed, which no fold leaves out."""
    rng = random.Random(rng_seed)
    folds = [-1] * len(seeds)
    n_dealt = 0
    for label in sorted({seed.label for seed in seeds}):
        places = [place for place, seed in enumerate(seeds) if seed.label == label]
        if len(places) < 2:
            continue
        for place in rng.sample(places, len(places)):
            folds[place] = n_dealt % N_FOLDS
            n_dealt += 1
    return folds


def _leave_out(material: ExperimentMaterial, places: Sequence[int]) -> ExperimentMaterial:
    kept = [place for place in range(len(material.seeds)) if place not in places]
    seed_ids = tuple(material.seed_ids[place] for place in kept) if material.seed_ids else ()
    return replace(material, seeds=tuple(material.seeds[place] for place in kept), seed_ids=seed_ids)


def _label_again(run: TrainingRun, material: ExperimentMaterial) -> ExperimentMaterial:
    """The material with the variant's consensus labels from its seeds only."""
    if run.variant.use is not TextUse.CONSENSUS or run.variant_id is None:
        return material
    texts = material.texts[run.variant_id]
    labels = find_consensus_labels(run.config, material, texts)
    return replace(material, texts={**material.texts, run.variant_id: use_labels(texts, labels)})
