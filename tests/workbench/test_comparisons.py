"""What claims rest on: stored predictions of the test texts, from real runs of linear probes."""

import pytest

from augment.data.draw_seeds import draw_seeds
from augment.records import LabelledText, Split, TextUse, Variant
from augment.results.comparison import aggregate_runs, compare_with_baseline
from augment.results.recommended import Choice, Recommended, answer
from augment.results.report.build import build_report
from tests.workbench.test_journey import LABELS, PROBE, WORDS, read_task, train
from workbench.bench import Workbench
from workbench.comparisons import Comparison, compare, with_predictions
from workbench.experiments import extend_experiment, start_experiment
from workbench.generation import import_texts
from workbench.reports import gather_report

pytestmark = pytest.mark.models


def test_one_comparison_has_one_interval_everywhere(bench: Workbench) -> None:
    task = read_task(bench)
    seeds = draw_seeds(bench.store.tasks.examples(task.id, Split.POOL), LABELS, 2, rng_seed=0)
    seed_set = bench.store.tasks.create_seed_set(task.id, "6 seeds", seeds)
    rows = [LabelledText(f"so {WORDS[label]} on day {i}", LABELS[0]) for i in range(4) for label in LABELS]
    run = import_texts(bench, task.id, "LM", rows)  # every text is labelled joy, so they do harm
    raw = Variant(TextUse.RAW, (run.id,), kind=PROBE)
    key = start_experiment(bench, task.id, train(bench, seed_set.id, raw, sizes=(4, 12)))
    assert bench.runner.wait(120)
    experiment = bench.store.experiments.get(key.id)

    comparison = with_predictions(bench, compare(bench, [experiment]))
    assert set(comparison.predicted) == set(comparison.points)
    scores = {
        (point.variant, point.n_synthetic): point.interval.mean for point in aggregate_runs(comparison.runs, "macro_f1")
    }
    differences = compare_with_baseline(comparison.runs, "macro_f1", comparison.predicted)
    n_test = bench.store.tasks.count_split(task.id, Split.TEST)
    for difference in differences:
        assert difference.n_texts == n_test
        gain = scores[difference.variant, difference.n_synthetic] - scores[difference.variant.baseline, 0]
        assert difference.interval.mean == pytest.approx(
            gain, abs=1e-6
        )  # predictions are those that runs are judged by
    report = build_report(gather_report(bench, task, experiment))
    worst = differences[-1].interval
    low, high = (f"{100 * bound:+.1f}".replace("-", "−") for bound in (worst.low, worst.high))
    assert report.count(f"{low} to {high}") >= 2  # in words and in the table

    chosen = Recommended(Choice(Variant(kind=PROBE), 0, 0.5, 0.5, 60), None)
    sentence = answer(comparison.runs, "macro_f1", comparison.names, chosen, comparison.predicted)
    assert "raw, 12 texts (−" in sentence

    extend_experiment(bench, experiment.id, 1)
    assert bench.runner.wait(120)
    _assert_only_new_runs_are_read(bench, comparison)


def _assert_only_new_runs_are_read(bench: Workbench, before: Comparison) -> None:
    again = with_predictions(bench, before, before)
    assert all(again.predicted[point] is found for point, found in before.predicted.items())
    experiment = bench.store.experiments.get(before.experiments[0].id)
    after = with_predictions(bench, compare(bench, [experiment]), before)
    assert {len(found.found) for found in after.predicted.values()} == {3}
