"""What review gained: each use against raw, at the largest size that both have, with constructed results."""

from dataclasses import replace

import pytest
from scipy.stats import ttest_rel

from augment.records import ClassifierKind, ExperimentVariant, TextFilter, TextUse, TrainingRun, Variant
from augment.results.comparison import Difference
from augment.results.review_gains import ReviewPair, review_gains
from augment.results.variants import name_variants
from tests.augment.results.made_runs import PROBE, WRITERS, make_runs, predict_share


def store(
    number: int,
    use: TextUse,
    *,
    n_decisions: int = 0,
    n_texts: int = 200,
    kind: ClassifierKind = ClassifierKind.FINE_TUNED,
    text_filter: TextFilter = TextFilter(),  # noqa: B008 - frozen
) -> ExperimentVariant:
    return ExperimentVariant(number, Variant(use, (1,), text_filter, kind), n_texts, 0, n_decisions)


def measure(stored: ExperimentVariant, sizes: dict[int, float]) -> list[TrainingRun]:
    return [
        run
        for n, value in sizes.items()
        for run in make_runs(stored.variant, n, [value, value + 0.02], variant_id=stored.id)
    ]


def sizes_of(pairs: list[ReviewPair]) -> dict[TextUse, int]:
    return {pair.use: pair.n_synthetic for pair in pairs}


def over_raw(pairs: list[ReviewPair]) -> dict[TextUse, Difference]:
    return {pair.use: pair.over_raw for pair in pairs if pair.over_raw}


def test_each_use_is_compared_with_raw_at_the_largest_size_that_both_have() -> None:
    raw, reviewed = store(1, TextUse.RAW), store(2, TextUse.REVIEWED, n_decisions=143, n_texts=12)
    relabelled = store(3, TextUse.RELABELLED, n_decisions=120)
    runs = [
        *measure(raw, {10: 0.48, 50: 0.51}),
        *measure(reviewed, {10: 0.63, 12: 0.64}),
        *measure(relabelled, {10: 0.51, 50: 0.65}),
    ]
    (gain,) = review_gains(runs, [relabelled, raw, reviewed], "macro_f1")
    assert (gain.variant, gain.n_decisions) == (raw.variant, 143)
    assert sizes_of(gain.pairs) == {TextUse.REVIEWED: 10, TextUse.RELABELLED: 50}
    assert [(row.n_synthetic, row.use) for row in gain.rows] == [
        (50, TextUse.RAW),
        (50, TextUse.RELABELLED),
        (10, TextUse.RAW),
        (10, TextUse.REVIEWED),
    ]
    assert [row.interval.mean for row in gain.rows] == pytest.approx([0.52, 0.66, 0.49, 0.64])
    assert {use: difference.interval.mean for use, difference in over_raw(gain.pairs).items()} == pytest.approx(
        {TextUse.REVIEWED: 0.15, TextUse.RELABELLED: 0.14}
    )


def test_texts_are_the_same_only_if_none_is_left_out_and_one_experiment_drew_them() -> None:
    def is_same(raw: ExperimentVariant, other: ExperimentVariant, *, experiment_id: int = 1) -> bool:
        runs = [replace(run, experiment_id=experiment_id) for run in measure(other, {50: 0.6})]
        (gain,) = review_gains([*measure(raw, {50: 0.5}), *runs], [raw, other], "macro_f1")
        return gain.pairs[0].has_same_texts

    raw, balanced = store(1, TextUse.RAW), TextFilter(is_balanced=True)
    assert is_same(raw, store(2, TextUse.RELABELLED))
    assert not is_same(raw, store(2, TextUse.RELABELLED, n_texts=199))  # one was rejected
    assert not is_same(raw, store(2, TextUse.RELABELLED), experiment_id=2)
    assert not is_same(store(1, TextUse.RAW, text_filter=balanced), store(2, TextUse.RELABELLED, text_filter=balanced))


def test_the_gain_of_review_is_tested_in_pairs_and_adjusted_for_all_comparisons() -> None:
    uses = (TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED)
    raw, accepted, relabelled = (store(i, use) for i, use in enumerate(uses, start=1))
    values = {raw: [0.50, 0.60, 0.70], accepted: [0.52, 0.59, 0.72], relabelled: [0.60, 0.71, 0.80]}
    runs = [
        run for stored, scores in values.items() for run in make_runs(stored.variant, 50, scores, variant_id=stored.id)
    ]
    (gain,) = review_gains(runs, list(values), "macro_f1")
    found = over_raw(gain.pairs)
    p = {stored.variant.use: ttest_rel(values[stored], values[raw]).pvalue for stored in (accepted, relabelled)}
    assert {use: difference.p for use, difference in found.items()} == pytest.approx(p)
    assert found[TextUse.RELABELLED].p_adjusted == pytest.approx(2 * p[TextUse.RELABELLED])
    assert {use: difference.variant.use for use, difference in found.items()} == {use: use for use in p}
    # although the spread of raw is wide
    assert [difference.is_significant for difference in found.values()] == [False, True]


def test_the_verdict_on_review_comes_from_predictions_where_there_are_some() -> None:
    raw, relabelled = store(1, TextUse.RAW), store(2, TextUse.RELABELLED)
    runs = [
        run
        for stored, score in ((raw, 0.5), (relabelled, 0.7))
        for run in make_runs(stored.variant, 50, [score, score], variant_id=stored.id)
    ]
    predicted = {
        (raw.variant, 50): predict_share(600, 0.5, 0.5),
        (relabelled.variant, 50): predict_share(600, 0.7, 0.7),
    }
    (by_seeds,), (by_texts,) = (review_gains(runs, [raw, relabelled], "accuracy", found) for found in ({}, predicted))
    assert by_seeds.pairs[0].over_raw is not None
    assert by_seeds.pairs[0].over_raw.p is None
    assert by_texts.pairs[0].over_raw is not None
    assert by_texts.pairs[0].over_raw.is_better
    assert by_texts.pairs[0].over_raw.n_texts == 600


def test_variants_with_another_filter_or_kind_are_a_separate_source() -> None:
    raw, accepted = store(1, TextUse.RAW), store(2, TextUse.ACCEPTED)
    probes = [store(3, TextUse.RAW, kind=PROBE), store(4, TextUse.RELABELLED, kind=PROBE)]
    filtered = store(5, TextUse.RELABELLED, text_filter=TextFilter(agrees=True))
    variants = [raw, accepted, *probes, filtered, store(6, TextUse.SOFT)]
    runs = [run for stored in variants for run in measure(stored, {50: 0.6})]
    gains = review_gains(runs, variants, "macro_f1")
    assert [(gain.variant, list(sizes_of(gain.pairs))) for gain in gains] == [
        (raw.variant, [TextUse.ACCEPTED]),
        (probes[0].variant, [TextUse.RELABELLED]),
    ]
    names = name_variants([stored.variant for stored in variants], WRITERS)
    assert [names.sources[gain.variant] for gain in gains] == ["fine-tuned", "linear probe"]


def test_a_gain_of_review_needs_raw_texts_and_a_shared_size_and_takes_the_newest_variant_of_each_use() -> None:
    raw, accepted = store(1, TextUse.RAW), store(2, TextUse.ACCEPTED)
    newer, waiting = store(3, TextUse.ACCEPTED, n_decisions=90), store(4, TextUse.ACCEPTED, n_decisions=99)
    runs = [*measure(raw, {50: 0.5}), *measure(accepted, {50: 0.6}), *measure(newer, {50: 0.7})]
    (gain,) = review_gains(runs, [raw, accepted, newer, waiting], "macro_f1")
    assert gain.pairs[0].reviewed.mean == pytest.approx(0.71)
    assert gain.n_decisions == 90
    assert review_gains(runs, [raw, waiting], "macro_f1") == []
    assert review_gains([*runs, *measure(waiting, {10: 0.9})], [raw, waiting], "macro_f1") == []  # no size in common
    relabelled = store(5, TextUse.RELABELLED)
    assert review_gains([*runs, *measure(relabelled, {50: 0.9})], [newer, relabelled], "macro_f1") == []  # no raw texts


def test_review_is_compared_across_experiments_with_one_variant_each_or_the_same_variant() -> None:
    first, second, reviewed = store(1, TextUse.RAW), store(2, TextUse.RAW), store(3, TextUse.RELABELLED)
    first, second = (
        replace(stored, variant=replace(stored.variant, experiment_id=number))
        for number, stored in enumerate((first, second), start=1)
    )
    runs = [*measure(first, {50: 0.3}), *measure(second, {50: 0.5}), *measure(reviewed, {50: 0.7})]
    (gain,) = review_gains(runs, [first, second, reviewed], "macro_f1")
    assert gain.variant == second.variant
    assert gain.pairs[0].raw.mean == pytest.approx(0.51)
    assert over_raw(gain.pairs)[TextUse.RELABELLED].interval.mean == pytest.approx(0.2)
