"""Gathers what the report of an experiment shows. Reads the store; starts nothing."""

from datetime import UTC, datetime

from augment.records import Experiment, Task
from augment.results.comparison import list_points
from augment.results.report.data import ReportData
from workbench.bench import Workbench
from workbench.comparisons import compare, count_test_labels, count_variant_labels, predictions_of, with_predictions
from workbench.experiments import list_writers
from workbench.recommendations import recommend_variant

N_SAMPLES = 5  # texts per variant that a report shows


def gather_report(bench: Workbench, task: Task, experiment: Experiment) -> ReportData:
    """All data for the report of an experiment."""
    store, comparison = bench.store, with_predictions(bench, compare(bench, [experiment]))
    points = list_points(comparison.runs, comparison.predicted)
    recommended = None if comparison.is_active else recommend_variant(bench, comparison)
    first = list(points)[:1]
    if recommended:
        first = [(recommended.choice.variant, recommended.choice.n_synthetic)]
    shown = first + [point for point in points if point[0].is_baseline]
    return ReportData(
        task=task,
        experiment=experiment,
        seed_set=store.tasks.seed_set(experiment.config.seed_set_id),
        runs=store.experiments.runs(experiment.id),
        writers=list_writers(bench, task.id),
        predictions={point: predictions_of(bench, points[point]) for point in dict.fromkeys(shown)},
        label_counts=count_variant_labels(bench, comparison),
        samples={
            stored.variant: store.experiments.texts(stored.id, limit=N_SAMPLES)
            for stored in experiment.variants
            if stored.variant.is_synthetic
        },
        test_counts=count_test_labels(bench, task),
        created_at=datetime.now(UTC),
        recommended=recommended,
        predicted=comparison.predicted,
    )
