"""Experiments on the real store and encoder: nesting, pairing, filters, failures, resuming after a kill."""

import multiprocessing
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from augment.errors import ShortageError, StorageError, TrainingError
from augment.records import (
    ClassifierKind,
    ConsensusLabel,
    Experiment,
    ExperimentConfig,
    LabelledText,
    MetricPoint,
    ReviewAction,
    RunEnded,
    RunKey,
    RunKind,
    RunStarted,
    RunStatus,
    SeedSet,
    Split,
    Task,
    TextFilter,
    TextJudged,
    TextUse,
    TrainingConfig,
    TrainingRun,
    Variant,
    VariantFiltered,
    VariantText,
    Verdict,
)
from augment.results.review_gains import REVIEW_USES
from augment.training.experiments import choose_final, order_runs, run_experiment
from augment.training.filters import draw_nested, draw_sentences, find_dropped
from augment.training.texts import choose_texts
from storage import Store

LABELS = ("joy", "anger", "surprise")
PROBE = ClassifierKind.PROBE


@pytest.fixture
def texts(store: Store, task: Task) -> list[int]:
    """Ids of 45 synthetic texts; simulated reviewers decided on 30 of them."""
    words = ("happy", "furious", "amazed")
    rows = [LabelledText(f"i feel {words[i % 3]} about number {i}", LABELS[i % 3]) for i in range(45)]
    run = store.generations.import_texts(task.id, "LM", rows)
    ids = [text.id for text in store.generations.texts([run.id])]
    for text_id in ids[:20]:
        store.reviews.decide(text_id, ReviewAction.ACCEPT, reviewer="a")
    for i in range(20, 25):
        store.reviews.decide(ids[i], Verdict(ReviewAction.RELABEL, LABELS[(i + 1) % 3]), reviewer="a")
    for text_id in ids[25:30]:
        store.reviews.decide(text_id, ReviewAction.REJECT, reviewer="a")
    return ids


def grid(seed_set: SeedSet, *variants: Variant, kind: ClassifierKind = PROBE, **changes: object) -> ExperimentConfig:
    config = ExperimentConfig(
        seed_set.id, TrainingConfig(LABELS), variants, sizes=(5, 15), rng_seeds=(0, 1), baselines=(kind,)
    )
    return replace(config, **changes)  # type: ignore[arg-type]


def create(store: Store, task: Task, config: ExperimentConfig) -> Experiment:
    return store.experiments.create(task.id, "", config)


def drive(store: Store, experiment: Experiment) -> list[object]:
    """Run the queued training runs and store their records, as the job runner does; returns every record."""
    seen: list[object] = []
    pending = []
    records = run_experiment(
        experiment,
        store.experiments.runs(experiment.id, status=RunStatus.QUEUED),
        store.experiments.material(experiment.id),
        defaultdict(str),
        n_done=experiment.state.n_done,
    )
    for record in records:
        seen.append(record)
        if hasattr(record, "n_total"):
            store.experiments.write(experiment.id, pending, record)
            pending = []
        else:
            pending.append(record)
    assert not pending
    return seen


# What runs are trained on --------------------------------------------------------------------------------------------


def draw(texts: Sequence[VariantText], size: int, rng_seed: int, *, is_balanced: bool = False) -> list[int]:
    drawn = draw_nested(
        texts, size, rng_seed, key=lambda text: str(text.id), label=lambda text: text.label, is_balanced=is_balanced
    )
    return [text.id for text in drawn]


def test_sizes_are_nested_per_rng_seed_and_variants_with_the_same_texts_draw_the_same_ones() -> None:
    texts = [VariantText(i, f"t{i}", LABELS[i % 3]) for i in range(60)]
    for rng_seed in range(3):
        assert draw(texts, 10, rng_seed) == draw(texts, 50, rng_seed)[:10]
    assert draw(texts, 10, 0) != draw(texts, 10, 1)
    some = [text for text in texts if text.id % 4]
    shared = [i for i in draw(texts, 60, 0) if i % 4]
    assert draw(some, 45, 0) == shared
    assert draw(texts[::-1], 10, 0) == draw(texts, 10, 0)  # regardless of the order in the store


def test_a_balanced_draw_takes_labels_in_turn_and_is_nested() -> None:
    texts = [VariantText(i, f"t{i}", "joy" if i < 40 else LABELS[i % 2 + 1]) for i in range(60)]
    of = {text.id: text.label for text in texts}
    for size in (1, 7, 20, 30):
        labels = [of[i] for i in draw(texts, size, 0, is_balanced=True)]
        counts = [labels.count(label) for label in LABELS]
        assert max(counts) - min(counts) <= 1
        assert draw(texts, size, 0, is_balanced=True) == draw(texts, 30, 0, is_balanced=True)[:size]
    with pytest.raises(TrainingError, match=r"31 texts needed; found 30 \(balanced, of 60\)"):
        draw(texts, 31, 0, is_balanced=True)


def test_filters_drop_disagreeing_texts_then_the_least_confident_per_label() -> None:
    import numpy as np

    given = ["joy", "joy", "joy", "anger", "anger", "surprise"]
    probs = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.1, 0.9, 0], [0.3, 0.7, 0], [0.2, 0.1, 0.7]])
    assert find_dropped(given, probs, LABELS, TextFilter(agrees=True)) == [2]
    assert find_dropped(given, probs, LABELS, TextFilter(keep_share=0.5)) == [2, 4]  # 2 of 3, 1 of 2, 1 of 1
    assert find_dropped(given, probs, LABELS, TextFilter(agrees=True, keep_share=0.5)) == [1, 2, 4]
    assert find_dropped(given, probs, LABELS, TextFilter()) == []


def test_each_label_gets_as_many_sentences_as_it_has_seeds_or_all_of_its_sentences() -> None:
    sentences = [LabelledText(f"{label} {i}", label) for i in range(4) for label in LABELS]
    seeds = [LabelledText(f"seed {i}", label) for i, label in enumerate(["joy"] * 2 + ["anger"] * 9)]
    drawn = draw_sentences(sentences, seeds, 0)
    assert Counter(sentence.label for sentence in drawn) == {"joy": 2, "anger": 4}  # surprise has no seed
    assert len(set(drawn)) == 6
    assert set(drawn) <= set(sentences)
    assert draw_sentences([], seeds, 0) == draw_sentences(sentences, [], 0) == []


def test_which_sentences_are_drawn_depends_only_on_the_rng_seed() -> None:
    sentences = [LabelledText(f"{label} {i}", label) for label in LABELS for i in range(20)]
    seeds = [LabelledText(f"seed {i}", LABELS[i % 3]) for i in range(15)]
    assert draw_sentences(sentences, seeds, 3) == draw_sentences(sentences, seeds, 3)
    assert set(draw_sentences(sentences[::-1], seeds, 3)) == set(draw_sentences(sentences, seeds, 3))
    assert set(draw_sentences(sentences, seeds, 3)) != set(draw_sentences(sentences, seeds, 4))


def test_each_use_takes_its_texts_with_their_labels_at_creation(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    run_id = store.generations.all(task.id)[0].id
    variants = [Variant(use, (run_id,)) for use in (*REVIEW_USES, TextUse.SOFT)]
    assert [store.experiments.count_texts(variant, seed_set.id) for variant in variants] == [45, 20, 25, 40, 0]
    with pytest.raises(ShortageError, match="There are no texts for 'soft labels'"):
        create(store, task, grid(seed_set, *variants))
    assert store.experiments.all(task.id) == []
    experiment = create(store, task, grid(seed_set, *variants[:-1], Variant(TextUse.REAL)))
    raw, accepted, reviewed, relabelled, real = (store.experiments.texts(stored.id) for stored in experiment.variants)
    assert [text.id for text in raw] == texts
    assert [text.label for text in raw] == [LABELS[i % 3] for i in range(45)]
    assert [text.id for text in accepted] == texts[:20]
    assert reviewed == relabelled[:25]  # texts not yet reviewed are left out
    assert [text.id for text in relabelled] == texts[:25] + texts[30:]
    assert [text.label for text in relabelled[20:25]] == [LABELS[(i + 1) % 3] for i in range(20, 25)]
    assert real == []
    assert [stored.n_decisions for stored in experiment.variants] == [30, 30, 30, 30, 0]
    store.reviews.decide(texts[0], Verdict(ReviewAction.RELABEL, "anger"), reviewer="a")
    store.reviews.decide(texts[40], ReviewAction.REJECT, reviewer="a")
    assert store.experiments.texts(experiment.variants[3].id) == relabelled  # fixed when the experiment was created
    assert store.experiments.count_labels(experiment.id)[experiment.variants[1].id] == {
        "joy": 7,
        "anger": 7,
        "surprise": 6,
    }


def test_real_texts_come_from_the_pool_and_are_never_seeds_or_held_out(
    store: Store, task: Task, seed_set: SeedSet
) -> None:
    experiment = create(store, task, grid(seed_set, Variant(TextUse.REAL)))
    material = store.experiments.material(experiment.id)
    pool = store.tasks.examples(task.id, Split.POOL)
    seeds = {seed.text for seed in seed_set.examples}
    assert {text.text for text in material.real} == {text.text for text in pool} - seeds
    run = next(training_run for training_run in store.experiments.runs(experiment.id) if training_run.n_synthetic == 15)
    rows, written = choose_texts(run, material)
    assert (len(rows), written) == (len(material.seeds) + 15, ())
    assert {text.text for text in rows[-15:]} <= {text.text for text in material.real}


def test_soft_labelled_texts_have_their_probabilities_and_the_weight_of_the_recipe(
    store: Store, task: Task, seed_set: SeedSet
) -> None:
    store.generations.import_texts(task.id, "LM", [LabelledText(f"t{i}", LABELS[i % 3]) for i in range(20)])
    experiment = create(store, task, grid(seed_set, Variant(TextUse.RAW, (1,))))
    material = store.experiments.material(experiment.id)
    rows = tuple(VariantText(i, f"t{i}", LABELS[i % 3], (0.2, 0.3, 0.5)) for i in range(20))
    (stored,) = experiment.variants
    material = replace(material, texts={stored.id: rows})
    run = next(training_run for training_run in store.experiments.runs(experiment.id) if training_run.n_synthetic == 5)
    run = replace(run, config=replace(run.config, synthetic_weight=0.5))
    for use, probs in ((TextUse.SOFT, (0.2, 0.3, 0.5)), (TextUse.RAW, None)):
        chosen, used = choose_texts(replace(run, variant=replace(run.variant, use=use)), material)
        assert {(text.probs, text.weight) for text in chosen[-5:]} == {(probs, 0.5)}
        assert {(text.probs, text.weight) for text in chosen[:-5]} == {(None, 1.0)}
        assert [text.text for text in chosen[-5:]] == [text.text for text in used]


# Running -------------------------------------------------------------------------------------------------------------


def test_runs_are_ordered_by_rng_seed() -> None:
    def fake(run_id: int, rng_seed: int, n: int) -> TrainingRun:
        config = TrainingConfig(LABELS, rng_seed=rng_seed)
        return TrainingRun(run_id, 1, 1, None, Variant(), n, n, config, None, None)  # type: ignore[arg-type]

    runs = [fake(1, 1, 0), fake(2, 1, 50), fake(3, 0, 50), fake(4, 0, 0)]
    assert [run.id for run in order_runs(runs)] == [4, 3, 1, 2]


def test_a_run_is_judged_by_its_best_step_on_validation_or_else_by_its_last() -> None:
    points = [MetricPoint(step, None, 1.0, 0.5, figure) for step, figure in ((20, 0.6), (40, 0.7), (60, 0.4))]
    assert choose_final(points).step == 60
    seen = [replace(point, validation_macro_f1=value) for point, value in zip(points, (0.5, 0.3, 0.5), strict=True)]
    assert choose_final(seen).step == 20


@pytest.mark.models
def test_an_experiment_of_probes_completes_with_sizes_limited_to_the_texts_of_each_variant(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    run_id = store.generations.all(task.id)[0].id
    agreed = TextFilter(agrees=True, is_balanced=True)
    config = grid(
        seed_set,
        Variant(TextUse.RAW, (run_id,), kind=PROBE),
        Variant(TextUse.RELABELLED, (run_id,), agreed, PROBE),
        Variant(TextUse.REAL, kind=PROBE),
    )
    experiment = create(store, task, config)
    records = drive(store, experiment)
    runs = store.experiments.runs(experiment.id)
    filtered = store.experiments.get(experiment.id).variants[1]
    assert filtered.n_dropped is not None
    assert 0 < filtered.n_dropped < 40
    left = Counter(text.label for text in store.experiments.texts(filtered.id))
    assert sum(left.values()) == 40 - filtered.n_dropped
    n_balanced = min(left.values()) * len(left)
    sizes = {run.n_synthetic for run in runs if run.variant_id == filtered.id}
    assert sizes == {min(5, n_balanced), min(15, n_balanced)}  # limited to the texts that the filter kept
    done = [run for run in runs if run.state.status is RunStatus.DONE]
    assert done == runs
    assert all(run.last is not None and run.last.macro_f1 > 0.2 for run in done)
    assert store.experiments.get(experiment.id).state.n_done == len(runs)
    predictions = store.trainings.predictions([done[0].id])
    test = store.tasks.examples(task.id, Split.TEST)
    assert [(prediction.example_id, prediction.truth) for prediction in predictions] == [
        (example.id, example.label) for example in test
    ]
    assert done[0].last is not None
    assert sum(prediction.label == prediction.truth for prediction in predictions) / len(test) == pytest.approx(
        done[0].last.accuracy
    )
    raw = next(
        run for run in done if run.variant.use is TextUse.RAW and run.n_synthetic == 15 and run.config.rng_seed == 0
    )
    taken = store.trainings.texts(raw.id)
    assert len(taken) == 15
    judged = {record.text_id for record in records if isinstance(record, TextJudged) and record.run_id == raw.id}
    assert judged == set(texts) - set(taken)
    assert store.trainings.count_judged(raw.id)[0] == 30
    assert {run.config.rng_seed for run in store.trainings.judging(task.id)} == {0}


@pytest.mark.models
def test_pairs_share_head_and_texts_so_that_only_labels_differ(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    """A variant whose labels nobody changed gives the same figures as raw for each RNG seed."""
    fresh = store.generations.import_texts(task.id, "LM", [LabelledText(f"joyful {i}", "joy") for i in range(6)])
    recipe = TrainingConfig(LABELS, steps=4, eval_every=4)
    variants = [Variant(use, (fresh.id,)) for use in (TextUse.RAW, TextUse.RELABELLED)]
    config = replace(grid(seed_set, *variants, kind=ClassifierKind.FINE_TUNED), recipe=recipe, sizes=(5,))
    experiment = create(store, task, config)
    drive(store, experiment)
    figures: dict[TextUse | None, list[float]] = {}
    for run in store.experiments.runs(experiment.id):
        assert run.last is not None
        figures.setdefault(run.variant.use, []).append(run.last.loss)
    raw, relabelled = figures[TextUse.RAW], figures[TextUse.RELABELLED]
    assert raw == relabelled
    assert raw[0] != raw[1]


@pytest.mark.models
def test_new_rng_seeds_and_failed_runs_are_trained_without_repeating_finished_ones(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    run_id = store.generations.all(task.id)[0].id
    experiment = create(store, task, grid(seed_set, Variant(TextUse.ACCEPTED, (run_id,), kind=PROBE)))
    drive(store, experiment)
    before = {run.id: run.state.finished_at for run in store.experiments.runs(experiment.id)}
    store.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.DONE, "")
    experiment = store.experiments.extend(experiment.id, [2, 3])
    assert experiment.config.rng_seeds == (0, 1, 2, 3)
    store.experiments.requeue(experiment.id)
    started = [
        record for record in drive(store, store.experiments.get(experiment.id)) if isinstance(record, RunStarted)
    ]
    after = store.experiments.runs(experiment.id)
    assert len(started) == 6
    assert len(after) == 12
    assert {run.id: run.state.finished_at for run in after if run.id in before} == before
    assert all(run.state.status is RunStatus.DONE for run in after)
    assert store.experiments.get(experiment.id).state.n_done == 12


@pytest.mark.models
def test_a_label_without_a_seed_fails_only_the_runs_that_need_it_with_a_clear_message(store: Store, task: Task) -> None:
    pool = store.tasks.examples(task.id, Split.POOL)
    chosen = [example for label in LABELS[:2] for example in [row for row in pool if row.label == label][:4]]
    seeds = store.tasks.create_seed_set(task.id, "two labels", chosen)
    run = store.generations.import_texts(task.id, "LM", [LabelledText(f"oh wow {i}", "surprise") for i in range(5)])
    raw = Variant(TextUse.RAW, (run.id,), kind=PROBE)
    config = replace(grid(seeds, raw, replace(raw, filter=TextFilter(agrees=True))), sizes=(5,), rng_seeds=(0,))
    experiment = create(store, task, config)
    ended = [record for record in drive(store, experiment) if isinstance(record, RunEnded)]
    states = {run.variant: run.state for run in store.experiments.runs(experiment.id)}
    filtered = replace(raw, filter=TextFilter(agrees=True))
    assert len(ended) == 3
    assert states[Variant(kind=PROBE)].message.startswith("No training text is labelled surprise")
    assert states[raw].status is RunStatus.DONE
    assert "no seed is labelled surprise" in states[filtered].message
    failures = {failure.variant: failure for failure in store.experiments.failures(experiment.id)}
    assert not failures[filtered].can_retry  # a seed set never changes
    assert failures[Variant(kind=PROBE)].can_retry
    store.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.DONE, "")
    store.experiments.requeue(experiment.id)
    queued = store.experiments.runs(experiment.id, status=RunStatus.QUEUED)
    assert {run.variant for run in queued} == {Variant(kind=PROBE)}


def test_a_running_experiment_cannot_be_extended_resumed_or_removed(
    store: Store, task: Task, seed_set: SeedSet
) -> None:
    """A second tab must not start an experiment again, or its runs would end without figures."""
    experiment = create(store, task, grid(seed_set))
    for change in (
        lambda: store.experiments.extend(experiment.id, [5]),
        lambda: store.experiments.requeue(experiment.id),
        lambda: store.experiments.remove(experiment.id),
    ):
        with pytest.raises(StorageError, match=r"is still running\. Cancel or pause it first"):
            change()
    key = RunKey(RunKind.EXPERIMENT, experiment.id)
    store.runs.finish(key, RunStatus.DONE, "")
    assert {run.state.status for run in store.experiments.runs(experiment.id)} == {RunStatus.INTERRUPTED}
    store.experiments.requeue(experiment.id)
    assert store.runs.state(key).status is RunStatus.QUEUED
    assert {run.state.status for run in store.experiments.runs(experiment.id)} == {RunStatus.QUEUED}


@pytest.mark.models
def test_a_filter_runs_once_and_its_result_is_kept(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    run_id = store.generations.all(task.id)[0].id
    half = Variant(TextUse.RAW, (run_id,), TextFilter(keep_share=0.5), PROBE)
    experiment = create(store, task, replace(grid(seed_set, half), sizes=(5,), rng_seeds=(0,)))
    assert experiment.variants[0].n_dropped is None
    assert any(isinstance(record, VariantFiltered) for record in drive(store, experiment))
    store.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.DONE, "")
    kept = store.experiments.texts(experiment.variants[0].id)
    store.experiments.extend(experiment.id, [1])
    store.experiments.requeue(experiment.id)
    again = store.experiments.get(experiment.id)
    assert again.variants[0].n_dropped == 45 - len(kept)
    assert not any(isinstance(record, VariantFiltered) for record in drive(store, again))
    assert store.experiments.texts(experiment.variants[0].id) == kept
    assert all(
        set(store.trainings.texts(run.id)) <= {text.id for text in kept} for run in store.experiments.runs(again.id)
    )


@pytest.mark.models
def test_texts_are_judged_by_the_label_that_people_see_not_by_their_consensus(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int]
) -> None:
    store.generations.import_texts(task.id, "LM", [LabelledText("i feel furious about the news", "joy")])
    run_ids = tuple(sorted(run.id for run in store.generations.all(task.id)))
    consensus = Variant(TextUse.CONSENSUS, run_ids, kind=PROBE)
    experiment = create(store, task, grid(seed_set, consensus, sizes=(5,), rng_seeds=(0,)))
    judged = [record for record in drive(store, experiment) if isinstance(record, TextJudged)]
    (wrong,) = [text for text in store.experiments.texts(experiment.variants[0].id) if text.text.endswith("the news")]
    assert wrong.label == "anger"
    baseline = next(run for run in store.experiments.runs(experiment.id) if run.variant.is_baseline)
    (of_wrong,) = [record for record in judged if (record.run_id, record.text_id) == (baseline.id, wrong.id)]
    assert (of_wrong.label, of_wrong.label_prob) == ("joy", of_wrong.prob)  # it agrees with what people see


def test_runs_cut_for_consensus_labels_stay_cut_if_the_filter_then_fails(
    store: Store, task: Task, seed_set: SeedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def label(_recipe: object, _material: object, found: Sequence[VariantText]) -> dict[int, ConsensusLabel]:
        names = [LABELS[0], *[LABELS[1]] * 5]
        return {text.id: ConsensusLabel(name, (0.5, 0.5, 0.0)) for text, name in zip(found, names, strict=True)}

    def fail(*_: object) -> set[int]:
        raise TrainingError("No memory.")

    monkeypatch.setattr("augment.training.experiments.find_consensus_labels", label)
    monkeypatch.setattr("augment.training.experiments._find_dropped", fail)
    run = store.generations.import_texts(
        task.id, "LM", [LabelledText(f"i feel something {i}", LABELS[i % 2]) for i in range(6)]
    )
    variant = Variant(TextUse.CONSENSUS, (run.id,), TextFilter(agrees=True, is_balanced=True), PROBE)
    config = grid(seed_set, variant, sizes=(4, 6), rng_seeds=(0,), baselines=())
    experiment = create(store, task, config)
    with pytest.raises(TrainingError, match=r"^Every training run failed\. The first error: No memory\.$"):
        drive(store, experiment)
    assert len(store.experiments.runs(experiment.id)) == 1  # of 2 texts: one of each label


def _run_until_killed(url: str, experiment_id: int) -> None:
    opened = Store.open(url)
    drive(opened, opened.experiments.get(experiment_id))


@pytest.mark.models
def test_a_killed_experiment_resumes_to_the_figures_of_an_undisturbed_one(
    store: Store, task: Task, seed_set: SeedSet, texts: list[int], tmp_path: Path
) -> None:
    run_id = store.generations.all(task.id)[0].id
    recipe = TrainingConfig(LABELS, steps=6, eval_every=3)
    config = grid(seed_set, Variant(TextUse.RAW, (run_id,)), kind=ClassifierKind.FINE_TUNED)
    config = replace(config, recipe=recipe, sizes=(5, 15))
    whole, killed = create(store, task, config), create(store, task, config)
    drive(store, whole)
    context = multiprocessing.get_context("forkserver")
    for _ in range(2):  # killed twice, each time during a run
        before = len(store.experiments.runs(killed.id, status=RunStatus.DONE))
        process = context.Process(target=_run_until_killed, args=(store.engine.url.render_as_string(), killed.id))
        process.start()
        deadline = time.monotonic() + 90
        while len(store.experiments.runs(killed.id, status=RunStatus.DONE)) <= before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert store.experiments.runs(killed.id, status=RunStatus.DONE)
        store.interrupt_dead(lambda _worker: False)
        store.experiments.requeue(killed.id)
    kept = {run.id: run.state.finished_at for run in store.experiments.runs(killed.id, status=RunStatus.DONE)}
    assert 2 <= len(kept) < config.n_runs
    drive(store, store.experiments.get(killed.id))
    after = store.experiments.runs(killed.id)
    assert {run.id: run.state.finished_at for run in after if run.id in kept} == kept
    for run, other in zip(after, store.experiments.runs(whole.id), strict=True):
        assert (run.variant, run.n_synthetic, run.config.rng_seed) == (
            other.variant,
            other.n_synthetic,
            other.config.rng_seed,
        )
        assert run.last is not None
        assert other.last is not None
        # Frozen outputs were computed in different batches, so their last digits differ.
        assert run.last.loss == pytest.approx(other.last.loss, abs=1e-3)
        assert run.last.accuracy == pytest.approx(other.last.accuracy, abs=0.02)
        assert store.trainings.texts(run.id) == store.trainings.texts(other.id)
    points = store.trainings.points([run.id for run in after])
    assert all([point.step for point in found] == [3, 6] for found in points.values())
