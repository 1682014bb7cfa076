"""An experiment: a grid of training runs (arm × size × RNG seed), what it is made of and what it yields."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from augment.errors import TrainingError
from augment.records.data import LabelledText
from augment.records.runs import RunState, RunStatus
from augment.records.training import ClassifierKind, MetricPoint, Prediction, TrainingConfig


class TextUse(StrEnum):
    """Which texts an arm adds to the seeds, and with which label.

    RAW: every text, the label that the LM proposed. ACCEPTED: what people accepted as it was proposed. RELABELLED: all
    but what people rejected, each with the label it has now. REVIEWED: of these only what people accepted, so nothing
    that waits. SOFT: every text with its label probabilities as its
    label, where it has some (label-word templates have none); nothing where no text has. REAL: real texts of the pool
    that are no seeds, as the ceiling.
    """

    RAW = "raw"
    ACCEPTED = "accepted"
    REVIEWED = "reviewed"
    RELABELLED = "relabelled"
    SOFT = "soft labels"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class TextFilter:
    """What leaves out texts of an arm without looking at validation or test data.

    `agrees` drops texts to which a linear probe trained on the seeds gives another label; `keep_share` keeps that share
    of each label's texts, those whose label the probe holds likeliest; `is_balanced` takes equally many of each label.
    """

    agrees: bool = False
    keep_share: float = 1.0
    is_balanced: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.keep_share <= 1:
            raise TrainingError(
                f"The share of texts to keep must lie above 0 and at most at 1; found {self.keep_share:g}."
            )

    @property
    def needs_probe(self) -> bool:
        """Whether the seeds' classifier must look at the texts."""
        return self.agrees or self.keep_share < 1


@dataclass(frozen=True, slots=True)
class ArmSpec:
    """One line of the learning curve: texts, their labels, a filter, and what is trained on them."""

    use: TextUse
    generation_run_ids: tuple[int, ...] = ()
    filter: TextFilter = field(default_factory=TextFilter)
    kind: ClassifierKind = ClassifierKind.FINE_TUNED

    def __post_init__(self) -> None:
        if self.use is not TextUse.REAL and not self.generation_run_ids:
            raise TrainingError("No generation run is chosen. Choose at least one, or train on the seeds only.")


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """The whole grid. `recipe` is every run's config but for its kind and RNG seed.

    Each kind of classifier in `baselines` is also trained on the seeds only, once an RNG seed.
    """

    seed_set_id: int
    recipe: TrainingConfig
    arms: tuple[ArmSpec, ...] = ()
    sizes: tuple[int, ...] = (10, 50, 100, 200)
    rng_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    baselines: tuple[ClassifierKind, ...] = (ClassifierKind.FINE_TUNED,)

    def __post_init__(self) -> None:
        if not self.arms and not self.baselines:
            raise TrainingError("Nothing to train: choose an arm or the baseline.")
        if self.arms and not self.sizes:
            raise TrainingError("No size is chosen. Choose how many synthetic texts to add, such as 10, 50, 100, 200.")
        if any(size < 1 for size in self.sizes):
            raise TrainingError(f"Sizes must be 1 or more; found {min(self.sizes)}. The baseline is size 0.")
        if not self.rng_seeds:
            raise TrainingError("No RNG seed is chosen. Choose at least one; from 2 on there is an interval.")
        for values, name in ((self.arms, "arms"), (self.sizes, "sizes"), (self.rng_seeds, "RNG seeds")):
            if len(set(values)) < len(values):
                raise TrainingError(f"The {name} hold one twice. Choose each once.")

    @property
    def n_points(self) -> int:
        """Points on the learning curve: one an arm and size, and the baselines."""
        return len(self.baselines) + len(self.arms) * len(self.sizes)

    @property
    def n_runs(self) -> int:
        """Training runs in all."""
        return self.n_points * len(self.rng_seeds)


@dataclass(frozen=True, slots=True)
class Arm:
    """A stored arm. `n_texts` were there when the experiment was made, `n_dropped` of them its filter left out.

    `n_dropped` is None until a filter that asks the seeds' classifier has run, which it does once an experiment.
    `n_decisions` counts the decisions of people that stood on those texts then.
    """

    id: int
    name: str
    spec: ArmSpec
    n_texts: int
    n_dropped: int | None
    n_decisions: int


@dataclass(frozen=True, slots=True)
class ArmText:
    """A synthetic text in an arm, with the label it had when the experiment was made."""

    id: int
    text: str
    label: str
    probs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A stored experiment; its state counts training runs."""

    id: int
    task_id: int
    name: str
    config: ExperimentConfig
    arms: tuple[Arm, ...]
    state: RunState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A stored training run and the metrics it is judged by: the last, or the best on validation data.

    `arm` is the name that charts give its line, `arm_id` is None on the seeds only.
    """

    id: int
    task_id: int
    experiment_id: int
    arm_id: int | None
    arm: str
    n_synthetic: int
    n_train: int
    config: TrainingConfig
    state: RunState
    last: MetricPoint | None


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """What a finished classifier says of a real test example, beside the truth."""

    run_id: int
    example_id: int
    text: str
    truth: str
    label: str
    probs: tuple[float, ...]


# What a running experiment yields ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArmFiltered:
    """An arm's filter has run: these texts are left out."""

    arm_id: int
    dropped_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A training run begins with these synthetic texts; whatever it had measured before is void."""

    run_id: int
    n_train: int
    texts: tuple[ArmText, ...]


@dataclass(frozen=True, slots=True)
class RunMeasured:
    """A metric point or a test prediction of a training run."""

    run_id: int
    record: MetricPoint | Prediction


@dataclass(frozen=True, slots=True)
class TextJudged:
    """What a finished classifier says of a synthetic text that it was not trained on.

    `label_prob` is its probability of the label that the text has in the experiment: people's where an arm has that.
    """

    run_id: int
    text_id: int
    label: str
    prob: float
    label_prob: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A training run is done or failed; its figures are those of `final_step`."""

    run_id: int
    status: RunStatus
    message: str
    elapsed_s: float
    final_step: int | None = None


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """How many training runs of an experiment are done or failed; `elapsed_s` is working time in seconds."""

    n_done: int
    n_total: int
    elapsed_s: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentMaterial:
    """Everything that an experiment's runs learn from and are measured on; `real` are pool texts that are no seeds."""

    seeds: tuple[LabelledText, ...]
    arm_texts: dict[int, tuple[ArmText, ...]]
    real: tuple[LabelledText, ...]
    validation: tuple[LabelledText, ...]
    test: tuple[LabelledText, ...]


ExperimentRecord = ArmFiltered | RunStarted | RunMeasured | TextJudged | RunEnded
