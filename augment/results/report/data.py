"""What a report is built from: records of one experiment, and what its points are called. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from augment.records import (
    Experiment,
    RunStatus,
    SeedSet,
    StoredPrediction,
    Task,
    TrainingRun,
    Variant,
    VariantText,
    Writer,
)
from augment.results.comparison import Point, Predictions
from augment.results.recommended import Recommended
from augment.results.variants import VariantNames, name_variants


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that the report shows. `runs` are all of the experiment's, whatever their status.

    `writers` says who wrote each generation run. `predictions` are those of the points worth looking at: the best
    variant at its largest size first, then the baselines; `predicted` are those that gains are measured with.
    `label_counts` are texts per label of each variant; `samples` are a few texts per variant, as they were trained on;
    `test_counts` are test texts per label.
    """

    task: Task
    experiment: Experiment
    seed_set: SeedSet
    runs: Sequence[TrainingRun]
    writers: Mapping[int, Writer]
    predictions: Mapping[Point, Sequence[StoredPrediction]]
    label_counts: Mapping[Variant, Mapping[str, int]]
    samples: Mapping[Variant, Sequence[VariantText]]
    test_counts: Mapping[str, int]
    created_at: datetime
    recommended: Recommended | None = None
    predicted: Predictions = field(default_factory=dict)

    @property
    def names(self) -> VariantNames:
        """What the experiment's variants and their baselines are called."""
        config = self.experiment.config
        return name_variants([*config.variants, *(Variant(kind=kind) for kind in config.baselines)], self.writers)

    @property
    def finished(self) -> list[TrainingRun]:
        """The runs that count: a run that is under way or failed may have figures, but not its final ones."""
        return [run for run in self.runs if run.state.status is RunStatus.DONE and run.last is not None]
