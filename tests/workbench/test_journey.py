"""The whole journey in Python without a page: data, seeds, prompt, texts, review, training, comparison, report."""

import subprocess
import sys

import pytest

from augment import lms
from augment.data.draw_seeds import draw_seeds
from augment.data.prepare import DataChoice, prepare
from augment.data.read_files import read_file
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ClassifierKind,
    ExperimentConfig,
    GenerationConfig,
    LabelledText,
    QueueRequest,
    ReviewAction,
    ReviewStatus,
    RunStatus,
    Split,
    Task,
    TextUse,
    TrainingConfig,
    Variant,
    Verdict,
)
from augment.results.comparison import aggregate_runs
from augment.results.headlines import headline
from augment.results.next_steps import TextProgress, next_step
from augment.results.report.build import build_report
from augment.results.review_gains import review_gains
from workbench.bench import Workbench
from workbench.comparisons import compare, list_comparable, name_runs
from workbench.experiments import extend_experiment, start_experiment
from workbench.generation import import_texts, start_generation, try_prompt
from workbench.reports import gather_report
from workbench.text_progress import count_progress

LABELS = ("joy", "anger", "surprise")
WORDS = {"joy": "happy and glad", "anger": "furious and mad", "surprise": "amazed and stunned"}
PROBE = ClassifierKind.PROBE


def upload() -> bytes:
    rows = ["text,label"]
    rows += [f"i feel {WORDS[label]} about day {i} of it,{label}" for i in range(40) for label in LABELS]
    return "\n".join(rows).encode()


def read_task(bench: Workbench) -> Task:
    tables = read_file("feelings.csv", upload())
    choice = DataChoice("text", "label", {label: label for label in LABELS})
    return bench.store.tasks.create(prepare(tables, choice, name="Feelings", source="feelings.csv"))


def train(bench: Workbench, seed_set_id: int, *variants: Variant, sizes: tuple[int, ...]) -> ExperimentConfig:
    return ExperimentConfig(
        seed_set_id, TrainingConfig(LABELS), variants, sizes=sizes, rng_seeds=(0, 1), baselines=(PROBE,)
    )


@pytest.mark.models
def test_the_whole_journey_needs_no_page(bench: Workbench) -> None:
    store, task = bench.store, read_task(bench)
    seeds = draw_seeds(store.tasks.examples(task.id, Split.POOL), LABELS, 3, rng_seed=0)
    seed_set = store.tasks.create_seed_set(task.id, "9 seeds", seeds, rng_seed=0)
    version = store.prompts.save(task.id, DEFAULT_TEMPLATE)

    config = GenerationConfig(DEFAULT_TEMPLATE, LABELS, lms.EMBEDDED_LM, strategy="mix", target=24, batch_size=8)
    tried = try_prompt(bench, config, seed_set.examples, number=0, n=4)
    assert len(tried) == 4
    key = start_generation(bench, task.id, config, seed_set_id=seed_set.id, prompt_version_id=version.id)
    assert bench.runner.wait(120)
    assert store.runs.state(key).status is RunStatus.DONE
    assert len(store.generations.texts([key.id])) == 24

    cards = store.review_queue.take(task.id, QueueRequest(n=6), holder="a script")
    assert len(cards) == 6
    for card in cards[:3]:
        store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer="Ada")
    other = next(label for label in LABELS if label != cards[3].label)
    store.reviews.decide(cards[3].id, Verdict(ReviewAction.RELABEL, other), reviewer="Ada")
    store.reviews.decide(cards[4].id, ReviewAction.REJECT, reviewer="Ada")
    assert count_progress(bench, task) == TextProgress(19, 5, n_new_texts=24, n_new_decisions=5)
    assert store.reviews.count_status(task.id)[ReviewStatus.REJECTED] == 1

    variants = [Variant(use, (key.id,), kind=PROBE) for use in (TextUse.RAW, TextUse.RELABELLED)]
    started = start_experiment(
        bench, task.id, train(bench, seed_set.id, *variants, Variant(TextUse.REAL, kind=PROBE), sizes=(12, 24))
    )
    assert bench.runner.wait(120)
    extend_experiment(bench, started.id, 1)
    assert bench.runner.wait(120)
    experiment = store.experiments.get(started.id)
    assert (experiment.state.status, experiment.config.rng_seeds) == (RunStatus.DONE, (0, 1, 2))

    assert [[comparable.id for comparable in option] for option in list_comparable(bench, task.id)] == [[experiment.id]]
    comparison = compare(bench, [experiment])
    sizes = {point.variant.use: point.n_synthetic for point in aggregate_runs(comparison.runs, "macro_f1")}
    assert sizes == {None: 0, TextUse.RAW: 24, TextUse.RELABELLED: 23, TextUse.REAL: 24}  # one text was rejected
    assert [gain.sizes for gain in review_gains(comparison.runs, comparison.variants, "macro_f1")] == [[12]]
    assert comparison.names.shared == "SmolLM2-135M-Instruct · mix · linear probe"
    assert "the 9 seeds alone" in headline(comparison.runs, "macro_f1", comparison.names)
    progress = count_progress(bench, task)
    assert progress == TextProgress(19, 5)
    assert next_step(comparison.runs, "macro_f1", progress).sentence.startswith("Next: ")
    report = build_report(gather_report(bench, task, experiment))
    assert all(part in report for part in ("Feelings", "relabelled, 23 texts", "seeds only", "real texts"))


@pytest.mark.models
def test_misleading_lm_names_confuse_no_chart_headline_or_report(bench: Workbench) -> None:
    """Whatever an LM is named, its texts form their own line, separate from ceiling, baseline and other LMs."""
    task = read_task(bench)
    seeds = draw_seeds(bench.store.tasks.examples(task.id, Split.POOL), LABELS, 2, rng_seed=0)
    seed_set = bench.store.tasks.create_seed_set(task.id, "6 seeds", seeds)
    names = ("real texts, batch 2", "real texts", "seeds only", "x", "x · linear probe", "twin", "twin")
    runs = [
        import_texts(bench, task.id, name, [LabelledText(f"so {WORDS[label]} {name} {i}", label) for label in LABELS])
        for i, name in enumerate(names)
    ]
    variants = [Variant(TextUse.RAW, (run.id,), kind=PROBE) for run in runs]
    key = start_experiment(
        bench, task.id, train(bench, seed_set.id, *variants, Variant(TextUse.REAL, kind=PROBE), sizes=(3,))
    )
    assert bench.runner.wait(120)
    experiment = bench.store.experiments.get(key.id)
    comparison = compare(bench, [experiment])
    points = aggregate_runs(comparison.runs, "macro_f1")
    assert [point.variant for point in points][1:] == [*variants, Variant(TextUse.REAL, kind=PROBE)]
    shown = [comparison.names[point.variant] for point in points]
    assert len(set(shown)) == len(shown) == 9
    assert shown[0] == "seeds only"
    assert shown[-1] == "real texts"
    looks = [comparison.styles[point.variant] for point in points]
    assert len(set(looks)) == 9
    answer = headline(comparison.runs, "macro_f1", comparison.names)
    assert f"of {shown[-1]}:" not in answer  # the ceiling cannot win
    report = build_report(gather_report(bench, task, experiment))
    assert all(name in report for name in shown)
    named = name_runs(bench, comparison.runs)
    assert len(set(named.values())) == len(comparison.runs)


@pytest.mark.models
def test_two_experiments_with_the_same_variant_are_compared_side_by_side_and_not_averaged(bench: Workbench) -> None:
    task = read_task(bench)
    seeds = draw_seeds(bench.store.tasks.examples(task.id, Split.POOL), LABELS, 2, rng_seed=0)
    seed_set = bench.store.tasks.create_seed_set(task.id, "6 seeds", seeds)
    run = import_texts(bench, task.id, "LM", [LabelledText(f"so {WORDS[label]}", label) for label in LABELS])
    relabelled = Variant(TextUse.RELABELLED, (run.id,), kind=PROBE)
    ids = []
    for text in bench.store.generations.texts([run.id])[:2]:
        ids.append(start_experiment(bench, task.id, train(bench, seed_set.id, relabelled, sizes=(3,))).id)
        assert bench.runner.wait(60)
        bench.store.reviews.decide(text.id, ReviewAction.REJECT, reviewer="Ada")
    both = list_comparable(bench, task.id)[-1]
    assert [experiment.id for experiment in both] == ids[::-1]
    comparison = compare(bench, both)
    points = aggregate_runs(comparison.runs, "macro_f1")
    assert [(point.variant.experiment_id, point.n_synthetic, point.interval.n) for point in points] == [
        (None, 0, 2),  # the baseline of both counts once per RNG seed
        (ids[0], 3, 2),
        (ids[1], 2, 2),
    ]
    assert [comparison.names[point.variant] for point in points[1:]] == [
        f"relabelled · experiment {ids[0]}",
        f"relabelled · experiment {ids[1]}",
    ]


def test_workbench_is_used_without_streamlit() -> None:
    modules = ", ".join(f"workbench.{name}" for name in ("bench", "comparisons", "experiments", "generation", "jobs"))
    code = f"import sys, {modules}; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
