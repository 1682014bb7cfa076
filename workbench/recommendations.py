"""Which variant of a comparison is recommended, from stored predictions for validation texts and seeds."""

from augment.records import Split
from augment.results.bootstrap import can_compare, compare_predicted
from augment.results.recommended import Recommended, pick_largest, recommend
from workbench.bench import Workbench
from workbench.comparisons import Comparison, read_points


def recommend_variant(bench: Workbench, comparison: Comparison) -> Recommended | None:
    """The variant that validation texts recommend, each at its largest size, and its gain on the test texts.

    Where these are few, seeds choose too, in cross-validation. None while no baseline is finished, and without enough
    texts to choose by. Starts nothing.
    """
    trainings = bench.store.trainings
    labels, points = comparison.experiments[0].config.recipe.labels, comparison.points
    points = {point: points[point] for point in pick_largest(list(points))}
    n_validation = bench.store.tasks.count_split(comparison.experiments[0].task_id, Split.VALIDATION)
    choosing = read_points(comparison, points, trainings.choosing_predictions)
    choice = recommend(choosing, len(labels), n_validation=n_validation)
    if choice is None:
        return None
    if choice.variant.is_baseline:
        return Recommended(choice, None)
    chosen, baseline = (choice.variant, choice.n_synthetic), (choice.variant.baseline, 0)
    unread = {point: points[point] for point in (chosen, baseline) if point not in comparison.predicted}
    on_test = {**comparison.predicted, **read_points(comparison, unread, trainings.predictions)}
    if chosen not in on_test or baseline not in on_test or not can_compare(on_test[chosen], on_test[baseline]):
        return None
    return Recommended(choice, compare_predicted(on_test[chosen], on_test[baseline], "macro_f1", len(labels)).interval)
