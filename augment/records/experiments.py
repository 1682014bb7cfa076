"""An experiment: a grid of training runs (variant × size × RNG seed), what it is made of and what it yields."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from augment.errors import TrainingError
from augment.records.data import LabelledText
from augment.records.labels import ConsensusLabel, LabelKnowledge, LabelOpinions
from augment.records.runs import RunState, RunStatus
from augment.records.training import ClassifierKind, MetricPoint, Prediction, TrainingConfig
from augment.records.variants import Variant, VariantText

NEARLY_ALL = 0.9  # of a variant's texts
ENOUGH_VALIDATION_TEXTS = 50  # to choose a variant by; with fewer, chance would


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """The whole grid. `recipe` is every run's config except for its kind and RNG seed.

    `label_knowledge` has the sentences for variants that use them, and for consensus labels.
    Each kind of classifier in `baselines` is also trained on the seeds only, once per RNG seed.
    """

    seed_set_id: int
    recipe: TrainingConfig
    variants: tuple[Variant, ...] = ()
    sizes: tuple[int, ...] = (10, 50, 100, 200)
    rng_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    baselines: tuple[ClassifierKind, ...] = (ClassifierKind.FINE_TUNED,)
    label_knowledge: LabelKnowledge | None = None

    def __post_init__(self) -> None:
        if not self.variants and not self.baselines:
            raise TrainingError("Nothing to train: choose a variant or the baseline.")
        if any(variant.has_texts for variant in self.variants) and not self.sizes:
            raise TrainingError("No size is chosen. Choose how many synthetic texts to add, such as 10, 50, 100, 200.")
        if any(size < 1 for size in self.sizes):
            raise TrainingError(f"Sizes must be 1 or more; found {min(self.sizes)}. The baseline is size 0.")
        if not self.rng_seeds:
            raise TrainingError("No RNG seed is chosen. Choose at least one, or several to get an interval.")
        for values, name in ((self.variants, "variants"), (self.sizes, "sizes"), (self.rng_seeds, "RNG seeds")):
            if len(set(values)) < len(values):
                raise TrainingError(f"One of the {name} is chosen twice. Choose each once.")
        if self.label_knowledge is None and any(variant.has_sentences for variant in self.variants):
            raise TrainingError("A variant uses label sentences, but the labels have no words. Give each label a word.")
        for variant in self.variants:
            if variant.is_baseline or variant.experiment_id is not None:
                raise TrainingError("'Seeds only' is the baseline, not a variant. Choose texts to add.")

    @property
    def n_points(self) -> int:
        """Points on the learning curve: one per variant and size, and the baselines."""
        n_with_texts = sum(variant.has_texts for variant in self.variants)
        return len(self.baselines) + len(self.variants) - n_with_texts + n_with_texts * len(self.sizes)

    @property
    def n_runs(self) -> int:
        """Training runs in total."""
        return self.n_points * len(self.rng_seeds)


@dataclass(frozen=True, slots=True)
class ExperimentVariant:
    """A variant of a stored experiment. `n_texts` is how many texts it had when the experiment was created.

    `n_dropped` of them were left out by its filter; None until a filter that needs a classifier has run, once per
    experiment. `n_decisions` counts the decisions people had made on those texts by then.
    """

    id: int
    variant: Variant
    n_texts: int
    n_dropped: int | None
    n_decisions: int
    is_labelled: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """A stored experiment; its state counts training runs.

    `is_gathered`: made by a migration from training runs that predate experiments and sampled their texts differently,
    so it cannot be extended.
    """

    id: int
    task_id: int
    name: str
    config: ExperimentConfig
    variants: tuple[ExperimentVariant, ...]
    state: RunState
    created_at: datetime
    is_gathered: bool = False


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A stored training run and the metrics it is judged by: the last, or the best on validation data.

    `variant_id` is None for the seeds only.
    """

    id: int
    task_id: int
    experiment_id: int
    variant_id: int | None
    variant: Variant
    n_synthetic: int
    n_train: int
    config: TrainingConfig
    state: RunState
    last: MetricPoint | None


def cut_runs(runs: Sequence[TrainingRun], n_texts: int) -> list[TrainingRun]:
    """A variant's runs when only `n_texts` can be drawn: runs that need more become one per RNG seed, with all texts.

    Two runs with the same RNG seed and texts would be the same run, and one with nearly as many texts (more than
    `NEARLY_ALL`) almost the same: it is left out. If there is no text, the runs stay as they are and fail with the
    reason.
    """
    if not n_texts:
        return list(runs)
    kept: dict[tuple[int, int], TrainingRun] = {}
    for run in sorted(runs, key=lambda run: (run.n_synthetic, run.id)):
        size = min(run.n_synthetic, n_texts)
        cut = replace(run, n_synthetic=size, n_train=run.n_train - run.n_synthetic + size)
        kept.setdefault((run.config.rng_seed, size), cut)
    has_all = {rng_seed for rng_seed, size in kept if size == n_texts}
    return [
        run
        for (rng_seed, size), run in kept.items()
        if size == n_texts or rng_seed not in has_all or size <= NEARLY_ALL * n_texts
    ]


@dataclass(frozen=True, slots=True)
class RunFailures:
    """How many training runs of a variant failed for one reason."""

    variant: Variant
    reason: str
    n_runs: int
    can_retry: bool


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A finished classifier's prediction for a test example, with the true label."""

    run_id: int
    example_id: int
    text: str
    truth: str
    label: str
    probs: tuple[float, ...]


# What a running experiment yields ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VariantFiltered:
    """A variant's filter has run: these texts are left out."""

    variant_id: int
    dropped_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VariantLabelled:
    """The texts of a variant have their consensus labels, by the text's id."""

    variant_id: int
    labels: dict[int, ConsensusLabel]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A training run starts with these synthetic texts; its earlier measurements are no longer valid."""

    run_id: int
    n_train: int
    texts: tuple[VariantText, ...]


@dataclass(frozen=True, slots=True)
class RunMeasured:
    """A metric point or a test prediction of a training run."""

    run_id: int
    record: MetricPoint | Prediction


@dataclass(frozen=True, slots=True)
class TextJudged:
    """A finished classifier's prediction for a synthetic text that it was not trained on.

    `label_prob` is its probability of the label that the text was given: after review where a variant uses that, and
    never the consensus.
    """

    run_id: int
    text_id: int
    label: str
    prob: float
    label_prob: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A training run is done or failed; its figures are those of `final_step`.

    Without `can_retry` it would fail again for the same reason.
    """

    run_id: int
    status: RunStatus
    message: str
    elapsed_s: float
    final_step: int | None = None
    can_retry: bool = True


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """How many training runs of an experiment are done or failed; `elapsed_s` is working time in seconds."""

    n_done: int
    n_total: int
    elapsed_s: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentMaterial:
    """Everything that an experiment's runs are trained and measured on.

    `texts` are the synthetic texts of each variant, by its id, without those its filter left out; `real` are pool texts
    that are not seeds. `sentences` are the label sentences of the experiment's label knowledge, `opinions` what other
    label sources say of texts and seeds, and `seed_ids` the seeds' ids in there.
    """

    seeds: tuple[LabelledText, ...]
    texts: dict[int, tuple[VariantText, ...]]
    real: tuple[LabelledText, ...]
    validation: tuple[LabelledText, ...]
    test: tuple[LabelledText, ...]
    sentences: tuple[LabelledText, ...] = ()
    opinions: tuple[LabelOpinions, ...] = ()
    seed_ids: tuple[int, ...] = ()


ExperimentRecord = VariantFiltered | VariantLabelled | RunStarted | RunMeasured | TextJudged | RunEnded
