"""Configs check themselves, and come back from JSON as they were."""

from collections.abc import Callable

import pytest

from augment import lms
from augment.errors import AugmentError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ArmSpec,
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
)
from storage.codec import from_json, to_json
from tests.augment.results.test_charts import NOW

NONE_WANTED = (0.0,) * 3
LABELS = ("a", "b")
RECIPE = TrainingConfig(LABELS)
REAL = ArmSpec(TextUse.REAL)


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
        (lambda: TrainingConfig(LABELS, learning_rate=3), "learning rate must lie between 0 and 1; found 3"),
        (lambda: TrainingConfig(LABELS, frozen_layers=-1), "Frozen layers must be 0 or more"),
        (lambda: ArmSpec(TextUse.RAW), "No generation run is chosen"),
        (lambda: TextFilter(keep_share=0), "share of texts to keep must lie above 0 and at most at 1; found 0"),
        (lambda: TrainingConfig(("a", "b"), synthetic_weight=0), "at most at 10; found 0. To leave them out"),
        (lambda: TrainingConfig(("a", "b"), patience=0), "Patience must be 1 or more; found 0"),
        (lambda: TrainingConfig(("a", "b"), inverse_regularisation=0), "probe's C must be above 0"),
        (lambda: ExperimentConfig(1, RECIPE, baselines=()), "choose an arm or the baseline"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL,), sizes=()), "No size is chosen"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL,), sizes=(0, 10)), "Sizes must be 1 or more; found 0"),
        (lambda: ExperimentConfig(1, RECIPE, rng_seeds=()), "No RNG seed is chosen"),
        (lambda: ExperimentConfig(1, RECIPE, (REAL, REAL)), "The arms hold one twice"),
        (lambda: ExperimentConfig(1, RECIPE, rng_seeds=(1, 1)), "The RNG seeds hold one twice"),
    ],
)
def test_a_config_that_cannot_be_says_what_was_expected_and_found(make: Callable[[], object], expected: str) -> None:
    with pytest.raises(AugmentError) as caught:
        make()
    assert expected in str(caught.value)


def test_configs_survive_their_json() -> None:
    generation = GenerationConfig(DEFAULT_TEMPLATE, LABELS, LMSpec(LMKind.OPENAI, "m", "http://x/v1"), target=7)
    training = TrainingConfig(LABELS, learning_rate=3e-5)
    assert from_json(GenerationConfig, to_json(generation)) == generation
    assert from_json(TrainingConfig, to_json(training)) == training


def test_the_time_left_follows_the_rate_so_far() -> None:
    running = RunState(RunStatus.RUNNING, "", 20, 50, 10.0, NOW, NOW, None)
    assert running.eta_s == 15.0
    assert RunState(RunStatus.RUNNING, "", 0, 50, 10.0, NOW, NOW, None).eta_s is None
    assert RunState(RunStatus.DONE, "", 50, 50, 10.0, NOW, NOW, NOW).eta_s is None
