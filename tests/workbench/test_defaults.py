"""The defaults without a page: the planned experiment, its consensus labels, and what is recommended."""

from dataclasses import replace

import pytest

from augment.records import (
    ClassifierKind,
    Experiment,
    LabelledText,
    PreparedData,
    ReviewAction,
    RunStatus,
    Split,
    StoredText,
    Task,
    TextFilter,
    TextUse,
    Variant,
    Verdict,
)
from augment.results.recommended import answer
from workbench.bench import Workbench
from workbench.comparisons import compare
from workbench.experiments import plan_experiment, resume_experiment, start_experiment
from workbench.generation import import_texts, plan_generation
from workbench.recommendations import recommend_variant
from workbench.tasks import create_example, save_seeds

WRITTEN = (  # half of them with a wrong label
    ("i am so happy about the new job", "anger"),
    ("what a lovely sunny morning, i feel great", "joy"),
    ("my neighbour parked on my lawn again, furious", "joy"),
    ("they lied to me twice and i am livid", "anger"),
    ("i did not expect a whole orchestra in the kitchen", "joy"),
    ("wow, the parcel came from 1987, speechless", "surprise"),
)


@pytest.fixture
def task(bench: Workbench) -> Task:
    """The example with six imported texts, of which a person decided the first."""
    made = create_example(bench)
    import_texts(bench, made.id, "an LM", [LabelledText(*row) for row in WRITTEN])
    first = texts_of(bench, made)[0]
    bench.store.reviews.decide(first.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Ada")
    return made


def texts_of(bench: Workbench, task: Task) -> list[StoredText]:
    return bench.store.generations.texts([run.id for run in bench.store.generations.all(task.id)])


def run_defaults(bench: Workbench, task: Task) -> Experiment:
    """The default experiment, smaller: one size, one RNG seed, few steps."""
    planned = plan_experiment(bench, task, bench.store.tasks.seed_sets(task.id)[0].id)
    config = replace(planned, sizes=(6,), rng_seeds=(0,), recipe=replace(planned.recipe, steps=5, eval_every=5))
    key = start_experiment(bench, task.id, config)
    assert bench.runner.wait(120)
    return bench.store.experiments.get(key.id)


def test_the_plan_compares_seeds_sentences_texts_and_real_texts(bench: Workbench, task: Task) -> None:
    (run,) = bench.store.generations.all(task.id)
    config = plan_experiment(bench, task, bench.store.tasks.seed_sets(task.id)[0].id)
    kind = ClassifierKind.CONTRASTIVE
    assert config.baselines == (kind,)
    assert config.variants == (
        Variant(kind=kind, has_sentences=True),
        Variant(TextUse.CONSENSUS, (run.id,), TextFilter(keep_share=0.25), kind, has_sentences=True),
        Variant(TextUse.REAL, kind=kind),
    )
    assert config.label_knowledge is not None
    assert LabelledText("This tweet is angry.", "anger") in config.label_knowledge.sentences


def test_a_preview_has_the_same_runs(bench: Workbench, task: Task) -> None:
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    planned = plan_experiment(bench, task, seed_set_id)
    preview = plan_experiment(bench, task, seed_set_id, is_preview=True)
    assert replace(preview, label_knowledge=planned.label_knowledge) == planned


def test_a_preview_shows_a_sentence_of_the_task(bench: Workbench, task: Task) -> None:
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    preview = plan_experiment(bench, replace(task, text_type="headline"), seed_set_id, is_preview=True)
    assert preview.label_knowledge is not None
    assert preview.label_knowledge.sentences[0].text.startswith("This headline is ")


def test_label_sentences_are_one_variant_in_a_comparison_unless_their_words_differ(
    bench: Workbench, task: Task
) -> None:
    planned = plan_experiment(bench, task, bench.store.tasks.seed_sets(task.id)[0].id, is_preview=True)
    assert planned.label_knowledge is not None
    other = replace(planned.label_knowledge, patterns=("{word}",))
    same = [bench.store.experiments.create(task.id, "", planned) for _ in range(2)]
    different = bench.store.experiments.create(task.id, "", replace(planned, label_knowledge=other))

    def numbers(*experiments: Experiment) -> set[int | None]:
        runs = compare(bench, experiments, only_finished=False).runs
        return {run.variant.experiment_id for run in runs if not run.variant.has_texts}

    assert numbers(*same) == {None}
    assert numbers(same[0], different) == {None, same[0].id, different.id}  # None: the seeds only


def test_a_label_sentence_that_is_a_test_text_is_not_trained_on(bench: Workbench) -> None:
    rows = [LabelledText(f"{label} text {i}", label) for i in range(5) for label in ("joy", "anger")]
    splits = {Split.POOL: tuple(rows), Split.TEST: (LabelledText("This text is HAPPY.", "joy"),)}
    task = bench.store.tasks.create(PreparedData("Feelings", "test", ("joy", "anger"), splits))
    seed_set = save_seeds(bench, task.id, bench.store.tasks.examples(task.id, Split.POOL)[:4])
    config = plan_experiment(bench, task, seed_set.id)
    experiment = bench.store.experiments.create(task.id, "", config)
    sentences = {sentence.text for sentence in bench.store.experiments.material(experiment.id).sentences}
    assert config.label_knowledge is not None
    assert {sentence.text for sentence in config.label_knowledge.sentences} - sentences == {"This text is happy."}


def test_labels_that_say_nothing_get_no_sentences(bench: Workbench) -> None:
    rows = tuple(LabelledText(f"text {i}", str(i % 2)) for i in range(8))
    task = bench.store.tasks.create(PreparedData("Numbers", "test", ("0", "1"), {Split.POOL: rows}))
    seeds = bench.store.tasks.examples(task.id, Split.POOL)[:4]
    config = plan_experiment(bench, task, save_seeds(bench, task.id, seeds).id)
    assert config.label_knowledge is None
    assert [variant.use for variant in config.variants] == [TextUse.REAL]


def test_the_default_generation_writes_every_label_with_the_embedded_lm(bench: Workbench, task: Task) -> None:
    config, version = plan_generation(bench, task)
    assert (config.strategy, config.labels, version.task_id) == ("conditional", task.labels, task.id)


def test_the_default_experiment_from_texts_to_an_answer(bench: Workbench, task: Task) -> None:
    experiment = run_defaults(bench, task)
    runs = bench.store.experiments.runs(experiment.id)
    assert {run.state.status for run in runs} == {RunStatus.DONE}
    assert {(run.variant.use, run.variant.has_sentences): run.n_synthetic for run in runs} == {
        (None, False): 0,
        (None, True): 0,
        (TextUse.CONSENSUS, True): 4,  # the decided one, and about half of each label's others
        (TextUse.REAL, False): 6,
    }
    labelled = {text.text: text for text in bench.store.experiments.texts(experiment.variants[1].id)}
    decided = labelled[WRITTEN[0][0]]
    assert (decided.label, decided.is_decided, max(decided.probs or ())) == ("surprise", True, 1.0)
    kept = {text: stored.label for text, stored in labelled.items() if not stored.is_decided}
    assert kept == {
        WRITTEN[1][0]: "joy",
        WRITTEN[3][0]: "anger",
        WRITTEN[5][0]: "surprise",
    }  # two wrong ones are left out
    assert all(abs(sum(text.probs or ()) - 1) < 1e-6 for text in labelled.values())
    n_validation = bench.store.tasks.count_split(task.id, Split.VALIDATION)
    assert len(bench.store.trainings.predictions([runs[0].id], split=Split.VALIDATION)) == n_validation
    comparison = compare(bench, [experiment])
    recommended = recommend_variant(bench, comparison)
    assert recommended is not None
    assert recommended.choice.n_validation == n_validation
    assert answer(comparison.runs, "macro_f1", comparison.names, recommended).startswith("Recommended: ")


def test_without_validation_texts_the_seeds_are_cross_validated_and_choose(bench: Workbench, task: Task) -> None:
    """The largest size of each variant and the seeds only, each seed once; never real texts."""
    seeds = bench.store.tasks.seed_sets(task.id)[0].examples
    splits = {Split.POOL: tuple(LabelledText(seed.text, seed.label) for seed in seeds)}
    splits[Split.TEST] = tuple(
        LabelledText(row.text, row.label) for row in bench.store.tasks.examples(task.id, Split.TEST)[:30]
    )
    small = bench.store.tasks.create(PreparedData("Small", "test", task.labels, splits, text_type="tweet"))
    save_seeds(bench, small.id, bench.store.tasks.examples(small.id, Split.POOL))
    import_texts(bench, small.id, "an LM", [LabelledText(*row) for row in WRITTEN])
    experiment = run_defaults(bench, small)
    found = {
        run.variant: len(bench.store.trainings.choosing_predictions([run.id]))
        for run in bench.store.experiments.runs(experiment.id)
    }
    assert found == {
        run.variant: 0 if run.variant.is_ceiling else len(seeds) for run in bench.store.experiments.runs(experiment.id)
    }
    recommended = recommend_variant(bench, compare(bench, [experiment]))
    assert recommended is not None
    assert (recommended.choice.n_validation, recommended.choice.n_seeds) == (0, len(seeds))
    assert recommended.choice.texts == "30 seeds in cross-validation"


def test_resumed_runs_keep_the_consensus_of_the_first_start(bench: Workbench, task: Task) -> None:
    experiment = run_defaults(bench, task)
    before = bench.store.experiments.texts(experiment.variants[1].id)
    other = texts_of(bench, task)[1]
    bench.store.reviews.decide(other.id, Verdict(ReviewAction.RELABEL, "anger"), reviewer="Ada")
    bench.store.experiments.extend(experiment.id, [1])
    resume_experiment(bench, experiment.id)
    assert bench.runner.wait(120)
    assert bench.store.experiments.texts(experiment.variants[1].id) == before
