"""Follow the defaults on any data set: two files with the columns text and label, and the embedded models.

    python -m benchmarks.defaults TRAIN.csv TEST.csv --seeds 10 --rng-seeds 3 [--decisions 50 --reviewer FULL.csv]

Draws seeds from TRAIN, keeps a part of TRAIN as validation texts (which choose the recommended variant), lets the
embedded LM write texts, and runs the default experiment through `workbench`; TEST is only measured on. With decisions,
a simulated reviewer, a classifier trained on FULL.csv, corrects that many texts first, in the queue's order. The
last line is JSON; `consensus_right` is the share of consensus labels of undecided texts on which that reviewer agrees
(null without one), and `consensus_ece` their calibration error.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from augment.data.draw_seeds import draw_seeds
from augment.data.prepare import read_labelled
from augment.data.read_files import read_file
from augment.records import (
    ExperimentConfig,
    LabelledText,
    Prediction,
    PreparedData,
    QueueOrder,
    QueueRequest,
    ReviewAction,
    ReviewOrder,
    SeedSet,
    Split,
    Task,
    TextUse,
    TrainingConfig,
    TrainingText,
    Variant,
    VariantText,
    Verdict,
)
from augment.training.train import train
from workbench.bench import Workbench, open_workbench
from workbench.comparisons import Comparison, compare
from workbench.consensus import NEW_DECISIONS
from workbench.experiments import DEFAULT_KIND, plan_experiment, start_experiment
from workbench.generation import plan_generation, start_generation
from workbench.recommendations import recommend_variant
from workbench.tasks import save_seeds

VALIDATION_SHARE, MAX_VALIDATION = 0.2, 300
MAX_TEST = 2_000  # test texts: enough for intervals of a point or two
REVIEWER = "simulated"


def read_rows(path: Path) -> list[LabelledText]:
    """The rows of a file with the columns text and label; each text once."""
    tables = read_file(path.name, path.read_bytes())
    labels = sorted({str(label) for table in tables for label in table.frame["label"]})
    return list({row.text: row for row in read_labelled(tables, "text", "label", labels)}.values())


def create_task(
    bench: Workbench, train_rows: Sequence[LabelledText], test_rows: Sequence[LabelledText], n_seeds: int
) -> Task:
    """A task with a fifth of the training rows as validation texts, drawn per label; each label keeps its seeds.

    Training rows that are also test rows are left out.
    """
    tested_texts = {row.text for row in test_rows}
    train_rows = [row for row in train_rows if row.text not in tested_texts]
    labels = tuple(sorted({row.label for row in train_rows}))
    rng = random.Random(0)
    validation: list[LabelledText] = []
    share = min(VALIDATION_SHARE, MAX_VALIDATION / len(train_rows))
    for label in labels:
        of_label = [row for row in train_rows if row.label == label]
        validation += rng.sample(of_label, max(0, min(round(share * len(of_label)), len(of_label) - n_seeds)))
    held_out = {row.text for row in validation}
    pool = tuple(row for row in train_rows if row.text not in held_out)
    tested = [row for row in test_rows if row.label in labels]
    test = tuple(rng.sample(tested, min(MAX_TEST, len(tested))))
    splits = {Split.POOL: pool, Split.VALIDATION: tuple(validation), Split.TEST: test}
    data = PreparedData("Defaults", "files", labels, splits, text_type="text", label_type="label")
    return bench.store.tasks.create(data)


def generate_texts(bench: Workbench, task: Task, seed_set: SeedSet) -> None:
    """The planned generation run of the embedded LM."""
    config, version = plan_generation(bench, task)
    start_generation(bench, task.id, config, seed_set_id=seed_set.id, prompt_version_id=version.id)
    bench.runner.wait()


def ask_reviewer(task: Task, full: Sequence[LabelledText], texts: Sequence[str]) -> list[str]:
    """Labels by a classifier trained on `full`."""
    known = [row for row in full if row.label in task.labels]
    config = TrainingConfig(task.labels, steps=1200, batch_size=32, frozen_layers=2, eval_every=1200)
    records = train(config, [TrainingText(row.text, row.label) for row in known], known[:100], others=texts)
    found = {record.index: record.label for record in records if isinstance(record, Prediction)}
    return [found[len(known[:100]) + i] for i in range(len(texts))]


def review(bench: Workbench, task: Task, n_decisions: int, full: Sequence[LabelledText]) -> dict[int, str]:
    """Store that many decisions in the queue's default order; returns the reviewer's label of every text, by id."""
    texts = [text for run in bench.store.generations.all(task.id) for text in bench.store.generations.texts([run.id])]
    answers = ask_reviewer(task, full, [text.text for text in texts])
    labels = {text.id: answer for text, answer in zip(texts, answers, strict=True)}
    given = {text.id: text.label for text in texts}
    least_sure = QueueRequest(order=QueueOrder(ReviewOrder.LEAST_SURE))
    for done in range(0, n_decisions, NEW_DECISIONS):
        bench.consensus.refresh(task)
        bench.consensus.wait()
        for text_id in bench.store.review_queue.coming(task.id, least_sure, n=min(NEW_DECISIONS, n_decisions - done)):
            action = ReviewAction.ACCEPT if labels[text_id] == given[text_id] else ReviewAction.RELABEL
            bench.store.reviews.decide(text_id, Verdict(action, labels[text_id]), reviewer=REVIEWER)
    return labels


def extend_plan(config: ExperimentConfig, n_rng_seeds: int) -> ExperimentConfig:
    """The default experiment with so many RNG seeds, and raw labels beside it."""
    raw = [
        Variant(TextUse.RAW, variant.generation_run_ids, kind=variant.kind)
        for variant in config.variants
        if variant.use is TextUse.CONSENSUS
    ]
    return replace(config, variants=(*config.variants, *raw), rng_seeds=tuple(range(n_rng_seeds)))


def summarise(bench: Workbench, comparison: Comparison, reviewed: dict[int, str], minutes: float) -> dict[str, object]:
    """The figures of the last line: macro-F1 on the test texts, each variant at its largest size."""
    recommended = recommend_variant(bench, comparison)
    chosen = recommended.choice if recommended else None
    seeds_only = mean_macro_f1(comparison, Variant(kind=DEFAULT_KIND))
    of_use = {stored.variant.use: stored for stored in comparison.variants}
    consensus, raw = of_use.get(TextUse.CONSENSUS), of_use.get(TextUse.RAW)  # none where the LM wrote no text
    texts = bench.store.experiments.texts(consensus.id, includes_dropped=True) if reviewed and consensus else []
    asked = [text for text in texts if not text.is_decided and text.probs]
    gain = recommended.gain if recommended else None
    return {
        "seeds_only_f1": seeds_only,
        "recommended_f1": mean_macro_f1(comparison, chosen.variant) if chosen else seeds_only,
        "gain": round(gain.mean, 4) if gain else 0.0,
        "gain_low": round(gain.low, 4) if gain else 0.0,
        "gain_high": round(gain.high, 4) if gain else 0.0,
        "recommended": comparison.names[chosen.variant] if chosen else "seeds only",
        "label_sentences_f1": mean_macro_f1(comparison, Variant(kind=DEFAULT_KIND, has_sentences=True)),
        "consensus_f1": mean_macro_f1(comparison, consensus.variant) if consensus else None,
        "raw_f1": mean_macro_f1(comparison, raw.variant) if raw else None,
        "consensus_right": share([reviewed[text.id] == text.label for text in asked]),
        "written_right": share([reviewed[text.id] == text.proposed_label for text in asked]),
        "consensus_ece": measure_calibration(asked, reviewed),
        "chosen_on": chosen.texts if chosen else "",
        "minutes": round(minutes, 2),
    }


def measure_calibration(texts: Sequence[VariantText], truth: Mapping[int, str]) -> float | None:
    """The expected calibration error of consensus labels, in ten equal bins of confidence (arXiv 1706.04599)."""
    bins: dict[int, list[float]] = {}
    for text in texts:
        confidence = max(text.probs or ())
        bins.setdefault(min(int(10 * confidence), 9), []).append(confidence - (truth[text.id] == text.label))
    return round(sum(abs(sum(gaps)) for gaps in bins.values()) / len(texts), 4) if texts else None


def share(is_right: Sequence[bool]) -> float | None:
    """The share of hits; None without any text."""
    return round(sum(is_right) / len(is_right), 4) if is_right else None


def mean_macro_f1(comparison: Comparison, variant: Variant) -> float | None:
    """The mean test macro-F1 of a variant over its RNG seeds, at its largest size."""
    runs = [run for run in comparison.runs if run.variant == variant and run.last]
    largest = max((run.n_synthetic for run in runs), default=0)
    scores = [run.last.macro_f1 for run in runs if run.last and run.n_synthetic == largest]
    return round(sum(scores) / len(scores), 4) if scores else None


def main() -> None:
    """Read the arguments, follow the defaults and print what they gain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--seeds", type=int, default=10, help="per label")
    parser.add_argument("--rng-seeds", type=int, default=3)
    parser.add_argument("--decisions", type=int, default=0)
    parser.add_argument("--reviewer", type=Path)
    args = parser.parse_args()
    if args.decisions and not args.reviewer:
        sys.exit("Decisions need a reviewer: add --reviewer FULL.csv, a labelled file that it is trained on.")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        bench = open_workbench(f"sqlite:///{home}/defaults.db")
        task = create_task(bench, read_rows(args.train), read_rows(args.test), args.seeds)
        pool = bench.store.tasks.examples(task.id, Split.POOL)
        seed_set = save_seeds(bench, task.id, draw_seeds(pool, task.labels, args.seeds, rng_seed=0), rng_seed=0)
        generate_texts(bench, task, seed_set)
        reviewed = review(bench, task, args.decisions, read_rows(args.reviewer)) if args.reviewer else {}
        config = extend_plan(plan_experiment(bench, task, seed_set.id), args.rng_seeds)
        key = start_experiment(bench, task.id, config)
        bench.runner.wait()
        comparison = compare(bench, [bench.store.experiments.get(key.id)])
        minutes = (time.monotonic() - started) / 60
        print(json.dumps(summarise(bench, comparison, reviewed, minutes)))


if __name__ == "__main__":
    main()
