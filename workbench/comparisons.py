"""Which experiments can be compared, and what charts, pages and the report need from them.

Reads the store; starts nothing. Knows nothing of Streamlit.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from augment.records import (
    Experiment,
    ExperimentVariant,
    RunStatus,
    Split,
    StoredPrediction,
    Task,
    TrainingRun,
    Variant,
)
from augment.results.bootstrap import Predicted, read_predicted
from augment.results.charts.styles import VariantStyle, variant_styles
from augment.results.comparison import Point, Predictions, first_per_rng_seed, group_runs
from augment.results.variants import VariantNames, name_recipe, name_run, name_variants
from workbench.bench import Workbench
from workbench.experiments import list_writers


@dataclass(frozen=True, slots=True)
class Comparison:
    """Finished runs that can be compared, with their experiments, variants, and the variants' names and styles.

    `predicted` is what the runs predict for the test texts, once `with_predictions` has read it.
    """

    experiments: tuple[Experiment, ...]
    runs: tuple[TrainingRun, ...]
    names: VariantNames
    styles: dict[Variant, VariantStyle]
    predicted: Predictions = field(default_factory=dict)

    @property
    def points(self) -> dict[Point, list[TrainingRun]]:
        """The runs of each variant and size, one per RNG seed."""
        return {point: first_per_rng_seed(runs) for point, runs in group_runs(self.runs).items()}

    @property
    def variants(self) -> tuple[ExperimentVariant, ...]:
        """The variants of all its experiments."""
        return tuple(variant for experiment in self.experiments for variant in experiment.variants)

    @property
    def is_active(self) -> bool:
        """Whether one of its experiments is queued or running."""
        return any(experiment.state.status.is_active for experiment in self.experiments)


def compare(bench: Workbench, experiments: Sequence[Experiment], *, only_finished: bool = True) -> Comparison:
    """The runs of experiments with the same task and recipe, by default only finished runs.

    If several experiments have the same variant, its texts or labels may have changed in between, so each counts as a
    separate variant. Label sentences alone are the same variant, like the seeds, unless the labels' words differ.
    """
    store, status = bench.store, RunStatus.DONE if only_finished else None
    repeated = Counter(variant for experiment in experiments for variant in experiment.config.variants)
    knowledge = {experiment.config.label_knowledge for experiment in experiments if experiment.config.label_knowledge}

    def split(variant: Variant, experiment_id: int) -> Variant:
        may_differ = variant.has_texts or len(knowledge) > 1
        return replace(variant, experiment_id=experiment_id) if may_differ and repeated[variant] > 1 else variant

    of_experiments = tuple(
        replace(
            experiment,
            variants=tuple(
                replace(stored, variant=split(stored.variant, experiment.id)) for stored in experiment.variants
            ),
        )
        for experiment in experiments
    )
    runs = tuple(
        replace(run, variant=split(run.variant, experiment.id))
        for experiment in experiments
        for run in store.experiments.runs(experiment.id, status=status)
        if run.last is not None or not only_finished
    )
    baselines = {Variant(kind=kind) for experiment in experiments for kind in experiment.config.baselines}
    variants = [*sorted(baselines, key=lambda variant: variant.kind)]
    variants += [stored.variant for experiment in of_experiments for stored in experiment.variants]
    task_id = experiments[0].task_id
    names = name_variants(variants, list_writers(bench, task_id))
    return Comparison(of_experiments, runs, names, variant_styles([*store.experiments.variants(task_id), *variants]))


def with_predictions(bench: Workbench, comparison: Comparison, known: Comparison | None = None) -> Comparison:
    """The comparison with its runs' predictions for the test texts, which verdicts and intervals of gains need.

    Points that are the same in `known` are not read again.
    """
    read = known.points if known else {}
    old = known.predicted if known else {}
    points = comparison.points
    kept = {point: old[point] for point in old if _ids(read[point]) == _ids(points.get(point, []))}
    rest = {point: runs for point, runs in points.items() if point not in kept}
    return replace(comparison, predicted={**kept, **read_points(comparison, rest, bench.store.trainings.predictions)})


def read_points(
    comparison: Comparison,
    points: Mapping[Point, Sequence[TrainingRun]],
    read: Callable[[Sequence[int]], list[StoredPrediction]],
) -> dict[Point, Predicted]:
    """What the runs of points predict, as `read` by the runs' ids; points whose runs stored nothing are left out."""
    labels = comparison.experiments[0].config.recipe.labels
    found = {}
    for point, runs in points.items():
        rng_seeds = {run.id: run.config.rng_seed for run in runs}
        predicted = read_predicted(read(list(rng_seeds)), rng_seeds, labels)
        if predicted is not None:
            found[point] = predicted
    return found


def _ids(runs: Sequence[TrainingRun]) -> set[int]:
    return {run.id for run in runs}


def list_comparable(bench: Workbench, task_id: int) -> list[tuple[Experiment, ...]]:
    """Each experiment with a finished run, newest first, then all experiments with the same recipe together."""
    experiments = bench.store.experiments.list_finished(task_id)
    by_recipe: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        by_recipe.setdefault(name_recipe(experiment), []).append(experiment)
    together = [tuple(group) for group in by_recipe.values() if len(group) > 1]
    return [*((experiment,) for experiment in experiments), *together]


def name_runs(bench: Workbench, runs: Sequence[TrainingRun]) -> dict[int, str]:
    """The names of runs of one task, by id; the runs may be from different experiments."""
    if not runs:
        return {}
    names = name_variants([run.variant for run in runs], list_writers(bench, runs[0].task_id))
    return {run.id: name_run(run, names) for run in runs}


def majority_of(bench: Workbench, task: Task) -> float | None:
    """Accuracy of always predicting the test split's most common label; None without a test split."""
    counts = list(count_test_labels(bench, task).values())
    return max(counts) / sum(counts) if sum(counts) else None


def count_test_labels(bench: Workbench, task: Task) -> dict[str, int]:
    """Test texts per label."""
    counts = bench.store.tasks.count_examples(task.id)
    return {label: counts.get((Split.TEST, label), 0) for label in task.labels}


def count_variant_labels(bench: Workbench, comparison: Comparison) -> dict[Variant, dict[str, int]]:
    """Texts per label that each variant may draw from, after its filter; variants of the same texts count once."""
    found: dict[Variant, dict[str, int]] = {}
    for experiment in comparison.experiments:
        counts = bench.store.experiments.count_labels(experiment.id)
        for stored in experiment.variants:
            if stored.id in counts and stored.variant.texts not in {variant.texts for variant in found}:
                found[stored.variant] = counts[stored.id]
    return found


def predictions_of(bench: Workbench, runs: Sequence[TrainingRun]) -> list[StoredPrediction]:
    """The runs' predictions for the test examples."""
    return bench.store.trainings.predictions([run.id for run in runs])
