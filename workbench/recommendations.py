"""Which variant of a comparison is recommended, from stored predictions for validation texts. Starts nothing."""

from collections.abc import Mapping, Sequence

from augment.records import Split, TrainingRun
from augment.results.bootstrap import Predicted, can_compare, compare_macro_f1, read_predicted
from augment.results.comparison import list_points
from augment.results.recommended import Point, Recommended, pick_largest, recommend
from workbench.bench import Workbench
from workbench.comparisons import Comparison


def recommend_variant(bench: Workbench, comparison: Comparison) -> Recommended | None:
    """The variant that validation texts recommend, each at its largest size, and its gain on the test texts.

    None while no baseline is finished, and where there are too few validation texts to choose by.
    """
    labels = comparison.experiments[0].config.recipe.labels
    points = list_points(comparison.runs)
    points = {point: points[point] for point in pick_largest(list(points))}
    chosen = recommend(_read_predicted(bench, points, labels, Split.VALIDATION), len(labels))
    if chosen is None:
        return None
    compared = [(chosen.variant, chosen.n_synthetic), (chosen.variant.baseline, 0)]
    on_test = _read_predicted(
        bench, {point: points[point] for point in compared if point in points}, labels, Split.TEST
    )
    if chosen.variant.is_baseline:
        return Recommended(chosen, None)
    if len(on_test) < len(compared) or not can_compare(on_test[compared[0]], on_test[compared[1]]):
        return None
    return Recommended(chosen, compare_macro_f1(on_test[compared[0]], on_test[compared[1]], len(labels)))


def _read_predicted(
    bench: Workbench, points: Mapping[Point, Sequence[TrainingRun]], labels: Sequence[str], split: Split
) -> dict[Point, Predicted]:
    found = {}
    for point, runs in points.items():
        rng_seeds = {run.id: run.config.rng_seed for run in runs}
        predicted = read_predicted(bench.store.trainings.predictions(list(rng_seeds), split=split), rng_seeds, labels)
        if predicted is not None:
            found[point] = predicted
    return found
