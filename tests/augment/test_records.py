"""Configs validate themselves and survive JSON; sizes are limited to the available texts."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from augment import lms
from augment.errors import AugmentError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ClassifierKind,
    EncoderSpec,
    ExperimentConfig,
    GenerationConfig,
    LMKind,
    LMSpec,
    Price,
    RunState,
    RunStatus,
    Sampling,
    TextChecks,
    TextFilter,
    TextUse,
    TrainingConfig,
    TrainingRun,
    Variant,
    cut_runs,
    cut_sizes,
)
from storage.codec import from_json, to_json
from tests.augment.results.made_runs import NOW, make_run

NONE_WANTED = (0.0,) * 3
LABELS = ("a", "b")
RECIPE = TrainingConfig(LABELS)
REAL, RAW = Variant(TextUse.REAL), Variant(TextUse.RAW, (1,))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Sampling(temperature=0), "Temperature must be above 0"),
        (lambda: Sampling(top_p=1.5), "Top-p must be above 0 and at most 1; found 1.5"),
        (lambda: Sampling(top_k=-1), "Top-k must be 0"),
        (lambda: Sampling(max_new_tokens=0), "New tokens must be 1 to 2048"),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, target=0), "target must be 1 to"),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, n_seeds=0), "must be 1 to 16; found 0"),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, n_contrast=17), "0 to 16; found 17"),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, label_shares=(1,)), "1 label shares"),
        (
            lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, label_shares=(0,) * len(LABELS)),
            "above 0",
        ),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, budget=0), "budget must be above 0"),
        (lambda: Price(-1, 0), "price must be 0 or more"),
        (lambda: TextChecks(min_words=5, max_words=3), "found 5 to 3"),
        (lambda: GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, target=9, attempt_cap=3), "cap"),
        (lambda: LMSpec(LMKind.TRANSFORMERS, " "), "has no name"),
        (lambda: EncoderSpec(name=""), "encoder has no name"),
        (lambda: TrainingConfig(("a",)), "at least 2 labels; found 1"),
        (lambda: TrainingConfig(LABELS, steps=0), "Steps must be 1 or more"),
        (lambda: TrainingConfig(LABELS, learning_rate=3), "learning rate must be between 0 and 1; found 3"),
        (lambda: TrainingConfig(LABELS, frozen_layers=-1), "Frozen layers must be 0 or more"),
        (lambda: Variant(TextUse.RAW), "No generation run is chosen"),
        (lambda: TextFilter(keep_share=0), "share of texts to keep must be above 0 and at most 1; found 0"),
        (lambda: TrainingConfig(("a", "b"), synthetic_weight=0), "at most 10; found 0. To leave them out"),
        (lambda: TrainingConfig(("a", "b"), patience=0), "Patience must be 1 or more; found 0"),
        (lambda: TrainingConfig(("a", "b"), inverse_regularisation=0), "probe's C must be above 0"),
        (lambda: ExperimentConfig(1, RECIPE, baselines=()), "choose a variant or the baseline"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL,), sizes=()), "No size is chosen"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL,), sizes=(0, 10)), "Sizes must be 1 or more; found 0"),
        (lambda: ExperimentConfig(1, RECIPE, rng_seeds=()), "No RNG seed is chosen"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL, REAL)), "One of the variants is chosen twice"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL,), sizes=(10, 10)), "One of the sizes is chosen twice"),
        (lambda: ExperimentConfig(1, RECIPE, (Variant(),)), "'Seeds only' is the baseline, not a variant"),
        (lambda: ExperimentConfig(1, RECIPE, (replace(RAW, experiment_id=2),)), "Choose texts to add"),
        (lambda: ExperimentConfig(1, RECIPE, rng_seeds=(1, 1)), "One of the RNG seeds is chosen twice"),
    ],
)
def test_an_invalid_config_gives_an_error_that_says_what_was_expected_and_found(
    make: Callable[[], object], expected: str
) -> None:
    with pytest.raises(AugmentError) as caught:
        make()
    assert expected in str(caught.value)


def test_configs_survive_a_json_round_trip() -> None:
    generation = GenerationConfig(DEFAULT_TEMPLATE, LABELS, LMSpec(LMKind.OPENAI, "m", "http://x/v1"), target=7)
    training = TrainingConfig(LABELS, learning_rate=3e-5)
    assert from_json(GenerationConfig, to_json(generation)) == generation
    assert from_json(TrainingConfig, to_json(training)) == training
    variant = Variant(TextUse.SOFT, (3, 1), TextFilter(agrees=True, keep_share=0.5), ClassifierKind.PROBE)
    experiment = ExperimentConfig(1, training, (variant, REAL), (7,), (0, 4), (ClassifierKind.PROBE,))
    assert from_json(ExperimentConfig, to_json(experiment)) == experiment


# Variants and sizes --------------------------------------------------------------------------------------------------


def test_the_baseline_of_a_variant_is_seeds_only_with_the_same_kind_of_classifier() -> None:
    probe = Variant(TextUse.RAW, (1,), TextFilter(agrees=True), ClassifierKind.PROBE, experiment_id=3)
    assert probe.baseline == Variant(kind=ClassifierKind.PROBE) == probe.baseline.baseline
    assert RAW.baseline == REAL.baseline == Variant()
    assert [
        (variant.is_baseline, variant.is_ceiling, variant.is_synthetic) for variant in (Variant(), REAL, RAW, probe)
    ] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, False, True),
    ]


def test_variants_of_the_same_texts_differ_only_in_the_kind_of_classifier() -> None:
    assert replace(RAW, kind=ClassifierKind.PROBE).texts == RAW.texts == RAW
    others = (
        replace(RAW, use=TextUse.RELABELLED),
        replace(RAW, generation_run_ids=(1, 2)),
        replace(RAW, filter=TextFilter(is_balanced=True)),
        replace(RAW, experiment_id=2),
    )
    assert all(other.texts != RAW for other in others)


@pytest.mark.parametrize(
    ("sizes", "n_texts", "expected"),
    [
        ((10, 50, 100, 200), 500, (10, 50, 100, 200)),
        ((10, 50, 100, 200), 200, (10, 50, 100, 200)),
        ((10, 50, 100, 200), 60, (10, 50, 60)),  # 100 and 200 become one run with all 60
        ((10, 50, 100, 200), 50, (10, 50)),
        ((200, 10), 60, (10, 60)),
        ((10, 50), 3, (3,)),
        ((10, 50), 0, ()),
    ],
)
def test_sizes_are_limited_to_the_available_texts(sizes: tuple[int, ...], n_texts: int, expected: tuple[int]) -> None:
    assert cut_sizes(sizes, n_texts) == expected


def number(*runs: TrainingRun) -> list[TrainingRun]:
    """The runs with ids from 1, in the order given."""
    return [replace(run, id=i) for i, run in enumerate(runs, start=1)]


GRID = number(*(make_run(RAW, n, None, rng_seed=rng_seed) for rng_seed in (0, 1) for n in (10, 50, 100, 200)))


def test_of_runs_larger_than_the_available_texts_one_per_rng_seed_uses_all_of_them() -> None:
    kept = cut_runs(GRID[::-1], 60)
    assert {(run.id, run.config.rng_seed, run.n_synthetic, run.n_train) for run in kept} == {
        (1, 0, 10, 40),  # 30 seeds and the texts
        (2, 0, 50, 80),
        (3, 0, 60, 90),
        (5, 1, 10, 40),
        (6, 1, 50, 80),
        (7, 1, 60, 90),
    }
    assert len(kept) == 6


def test_a_run_with_exactly_the_available_texts_is_unchanged() -> None:
    kept = cut_runs(GRID[:4], 50)
    assert [(run.id, run.n_synthetic) for run in kept] == [(1, 10), (2, 50)]
    assert kept == GRID[:2]


def test_runs_are_unchanged_if_there_are_enough_texts_or_none() -> None:
    assert sorted(cut_runs(GRID, 200), key=lambda run: run.id) == GRID
    assert cut_runs(GRID, 0) == GRID  # they will fail with the reason
    assert cut_runs([], 60) == []


@pytest.mark.parametrize(
    ("n_per_label", "n", "n_balanced"),
    [((10, 4, 7), 21, 12), ((5, 5), 10, 10), ((9, 0), 9, 0), ((8,), 8, 8), ((), 0, 0)],
)
def test_balanced_texts_are_limited_by_the_rarest_label(n_per_label: tuple[int, ...], n: int, n_balanced: int) -> None:
    assert TextFilter().count_drawable(n_per_label) == n
    assert TextFilter(agrees=True, keep_share=0.5).count_drawable(n_per_label) == n  # these were counted before
    assert TextFilter(is_balanced=True).count_drawable(n_per_label) == n_balanced


# Runs ----------------------------------------------------------------------------------------------------------------


def test_the_time_left_follows_the_rate_so_far() -> None:
    running = RunState(RunStatus.RUNNING, "", 20, 50, 10.0, NOW, NOW, None)
    assert running.eta_s == 15.0
    assert RunState(RunStatus.RUNNING, "", 0, 50, 10.0, NOW, NOW, None).eta_s is None
    assert RunState(RunStatus.DONE, "", 50, 50, 10.0, NOW, NOW, NOW).eta_s is None
