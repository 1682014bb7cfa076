"""Synthetic texts as seeds: they have their own split, one example each, and never count twice in an experiment."""

from dataclasses import replace

import pytest

from augment.data.draw_seeds import draw_seeds
from augment.errors import StorageError
from augment.lms import EMBEDDED_LM
from augment.prompts.few_shot import FewShot
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Experiment,
    ExperimentConfig,
    GenerationConfig,
    LabelledText,
    PreparedData,
    ReviewAction,
    SeedSet,
    Split,
    StoredText,
    Task,
    TextUse,
    TrainingConfig,
    Variant,
    Verdict,
)
from augment.results.report.build import build_report
from augment.training.texts import choose_texts
from storage import Store
from tests.augment.results.test_report import make_data

LABELS = ("joy", "anger", "surprise")
USES = (TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED)


def write(store: Store, task: Task, *texts: str) -> list[StoredText]:
    """Import texts, with the labels assigned in turn."""
    rows = [LabelledText(text, LABELS[i % 3]) for i, text in enumerate(texts)]
    return store.generations.texts([store.generations.import_texts(task.id, "LM", rows).id])


@pytest.fixture
def texts(store: Store, task: Task) -> list[StoredText]:
    return write(store, task, *(f"written text {i}" for i in range(6)))


def create(store: Store, task: Task, seed_set: SeedSet, *variants: Variant, size: int = 2) -> Experiment:
    config = ExperimentConfig(seed_set.id, TrainingConfig(LABELS), variants, sizes=(size,), rng_seeds=(0,))
    return store.experiments.create(task.id, "", config)


# The new seed set ----------------------------------------------------------------------------------------------------


def test_the_new_set_is_the_old_one_followed_by_the_texts_with_their_current_labels(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="a")
    made = store.tasks.extend_seed_set(seed_set.id, [texts[4].id, texts[0].id], name="32 seeds")
    assert made.examples[:-2] == seed_set.examples
    assert [(example.text, example.label, example.split) for example in made.examples[-2:]] == [
        ("written text 4", "anger", Split.WRITTEN),
        ("written text 0", "surprise", Split.WRITTEN),
    ]
    assert (made.name, made.rng_seed, made.task_id) == ("32 seeds", None, task.id)
    assert store.tasks.seed_sets(task.id) == [made, seed_set]  # the old set is unchanged
    assert store.generations.texts([texts[0].run_id])[1:] == texts[1:]  # the texts are unchanged too


def test_a_text_made_a_seed_twice_shares_one_example_until_its_label_changes(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    first = store.tasks.extend_seed_set(seed_set.id, [texts[0].id], name="first")
    second = store.tasks.extend_seed_set(seed_set.id, [texts[1].id, texts[0].id], name="second")
    assert first.examples[-1] == second.examples[-1]
    assert len(store.tasks.examples(task.id, Split.WRITTEN)) == 2
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="a")
    third = store.tasks.extend_seed_set(seed_set.id, [texts[0].id], name="third")
    assert (third.examples[-1].text, third.examples[-1].label) == ("written text 0", "surprise")
    assert store.tasks.seed_set(first.id).examples[-1].label == "joy"  # a seed set never changes


def test_an_extended_set_can_be_extended_again(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    first = store.tasks.extend_seed_set(seed_set.id, [texts[0].id], name="first")
    second = store.tasks.extend_seed_set(first.id, [texts[1].id], name="second")
    assert second.examples[:-1] == first.examples
    with pytest.raises(StorageError, match=f"'written text 1' is already in seed set {second.id}"):
        store.tasks.extend_seed_set(second.id, [texts[1].id], name="third")


def test_texts_that_cannot_become_seeds_are_refused_with_a_clear_error_and_nothing_is_stored(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    store.reviews.decide(texts[1].id, ReviewAction.REJECT, reviewer="a")
    held = seed_set.examples[3]
    copy, again, other = write(store, task, held.text, "written text 0", "fine")
    good = texts[0].id
    for ids, sentence in (
        ([good, 9_999], "Text 9999 is not in this task any more"),
        ([good, texts[1].id], "'written text 1' was rejected. Accept it"),
        ([good, copy.id], f"'{held.text[:10]}.* is already in seed set {seed_set.id}"),
        ([good, again.id], "'written text 0' is already in seed set .* or was chosen twice"),
        ([], "No text is chosen"),
    ):
        with pytest.raises(StorageError, match=sentence):
            store.tasks.extend_seed_set(seed_set.id, ids, name="no")
    with pytest.raises(StorageError, match="There is no seed set 99"):
        store.tasks.extend_seed_set(99, [good], name="no")
    assert store.tasks.seed_sets(task.id) == [seed_set]
    assert store.tasks.examples(task.id, Split.WRITTEN) == []
    made = store.tasks.extend_seed_set(seed_set.id, [other.id, other.id], name="a double click")
    assert len(made.examples) == len(seed_set.examples) + 1


def test_a_text_of_another_task_is_refused(store: Store, seed_set: SeedSet, starter: PreparedData) -> None:
    other = store.tasks.create(starter)
    elsewhere = write(store, other, "from elsewhere")
    with pytest.raises(StorageError, match=f"Text {elsewhere[0].id} is not in this task any more"):
        store.tasks.extend_seed_set(seed_set.id, [elsewhere[0].id], name="no")


# What counts as real -------------------------------------------------------------------------------------------------


def test_written_examples_change_no_other_split_and_are_never_drawn(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    before = store.tasks.count_examples(task.id)
    made = store.tasks.extend_seed_set(seed_set.id, [text.id for text in texts], name="36 seeds")
    after = store.tasks.count_examples(task.id)
    assert {key: n for key, n in after.items() if key[0].is_real} == before
    assert sum(n for (split, _), n in after.items() if not split.is_real) == 6
    everything = [example for split in Split for example in store.tasks.examples(task.id, split)]
    drawn = draw_seeds(
        everything, task.labels, min(n for (split, _), n in before.items() if split is Split.POOL) - 1, rng_seed=0
    )
    assert all(example.split is Split.POOL for example in drawn)
    with pytest.raises(StorageError, match="from the written split"):
        store.tasks.create_seed_set(task.id, "by hand", made.examples[-1:])


def test_the_few_shot_prompt_shows_written_seeds(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    made = store.tasks.extend_seed_set(seed_set.id, [texts[0].id], name="31 seeds")
    config = GenerationConfig(DEFAULT_TEMPLATE, task.labels, EMBEDDED_LM, target=1, n_seeds=11)  # all seeds of joy
    drawn = FewShot(config, made.examples).conditional_prompt("joy", "0")
    assert "written text 0" in drawn.text
    assert made.examples[-1].id in drawn.seed_ids


def test_the_report_distinguishes_written_seeds_from_real_ones() -> None:
    data = make_data()
    *real, last = data.seed_set.examples
    seeds = replace(data.seed_set, examples=(*real, replace(last, split=Split.WRITTEN)), rng_seed=None)
    report = build_report(replace(data, seed_set=seeds))
    assert "Seeds: 29 real texts and 1 synthetic text added by hand (joy 10, anger 10, surprise 10)" in report


# Experiments ---------------------------------------------------------------------------------------------------------


def test_a_text_that_became_a_seed_is_in_no_variant_with_that_seed_set(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    for text in texts:
        store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="a")
    made = store.tasks.extend_seed_set(seed_set.id, [texts[0].id, texts[3].id], name="32 seeds")
    variants = [Variant(use, (texts[0].run_id,)) for use in USES]
    assert [store.experiments.count_texts(variant, seed_set.id) for variant in variants] == [6, 6, 6]
    assert [store.experiments.count_texts(variant, made.id) for variant in variants] == [4, 4, 4]
    experiment = create(store, task, made, *variants, size=4)
    assert [stored.n_texts for stored in experiment.variants] == [4, 4, 4]
    material = store.experiments.material(experiment.id)
    for run in store.experiments.runs(experiment.id):
        rows, _ = choose_texts(run, material)
        assert len({row.text for row in rows}) == len(rows) == run.n_train  # no text occurs twice
        assert {"written text 0", "written text 3"} <= {row.text for row in rows}


def test_a_seed_stays_out_of_the_variants_when_its_synthetic_text_is_edited_afterwards(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    made = store.tasks.extend_seed_set(seed_set.id, [texts[0].id], name="31 seeds")
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.EDIT, text="written text 0, corrected"), reviewer="a")
    store.reviews.decide(texts[1].id, Verdict(ReviewAction.EDIT, text="another, corrected"), reviewer="a")
    edited = store.tasks.extend_seed_set(seed_set.id, [texts[1].id], name="31 others")
    raw = Variant(TextUse.RAW, (texts[0].run_id,))
    for chosen, left_out in ((made, texts[0].id), (edited, texts[1].id)):
        stored = create(store, task, chosen, raw).variants[0]
        assert {text.id for text in store.experiments.texts(stored.id)} == {text.id for text in texts} - {left_out}


def test_the_real_ceiling_counts_the_pool_without_seeds_regardless_of_written_texts(
    store: Store, task: Task, seed_set: SeedSet, texts: list[StoredText]
) -> None:
    pool = store.tasks.examples(task.id, Split.POOL)
    seeds = {seed.id for seed in seed_set.examples}
    copied = next(example for example in pool if example.id not in seeds)
    copy = write(store, task, copied.text)[0]
    real = Variant(TextUse.REAL)
    n = len(pool) - len(seeds)
    assert store.experiments.count_texts(real, seed_set.id) == n
    made = store.tasks.extend_seed_set(seed_set.id, [texts[0].id, texts[1].id], name="32 seeds")
    assert store.experiments.count_texts(real, made.id) == n
    with_copy = store.tasks.extend_seed_set(made.id, [copy.id], name="33 seeds")
    assert store.experiments.count_texts(real, with_copy.id) == n - 1  # it would occur twice
    experiment = create(store, task, with_copy, real)
    found = store.experiments.material(experiment.id).real
    assert len(found) == experiment.variants[0].n_texts == n - 1
    assert copied.text not in {text.text for text in found}
    assert not {text.text for text in found} & {seed.text for seed in with_copy.examples}
