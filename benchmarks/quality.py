"""What synthetic texts gain on the Emotion task, and what review adds: every variant, 10 RNG seeds, with intervals.

Seeds: the first ten texts of each label, as in the notebook. Texts: the notebook's own by GPT-3, GPT-J and GPT-Neo; the
embedded LM's by `mix` and `conditional`; label-word templates and EDA; real texts as the ceiling. The simulated
reviewer is MiniLM fine-tuned on all real train rows, never on validation or test rows. Where its label differs from the
LM's, the text is relabelled.

`--part variants` runs experiments of the workbench itself, stored in `--store`, so that a killed benchmark can resume.
`--part review` trains on 200 texts after 0 to 200 decisions, made in random order or in the order of the review queue
(the lowest probability from a classifier trained on the seeds first), using all texts or only the reviewed ones.
`--development` measures on the validation split instead, with probes only; methods were chosen this way. `--table`
writes docs/RESULTS.md, and the last line is then JSON with the macro-F1 of the best variants.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from augment import lms
from augment.data import read_files
from augment.data.draw_seeds import take_first_seeds
from augment.data.prepare import read_labelled
from augment.generation.strategies.word_templates import default_templates
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ClassifierKind,
    ExperimentConfig,
    GenerationConfig,
    LabelledText,
    LMKind,
    LMSpec,
    MetricPoint,
    Prediction,
    ReviewAction,
    RunKey,
    RunKind,
    RunMeasured,
    RunStatus,
    Sampling,
    Split,
    StoredText,
    Task,
    TextFilter,
    TextUse,
    TrainingConfig,
    TrainingRun,
    TrainingText,
    Variant,
    Verdict,
)
from augment.training.experiments import run_experiment
from augment.training.train import train
from benchmarks.labels import LABELS, read_emotion
from benchmarks.quality_table import (
    ALL_TEXTS,
    CONTRASTIVE,
    DECISIONS,
    PROBE,
    REVIEWED_ONLY,
    RNG_SEEDS,
    TUNED,
    Point,
    place_of,
    read_points,
    write_table,
)
from workbench.bench import Workbench, open_workbench
from workbench.experiments import list_writers, name_experiment_variants, resume_experiment, start_experiment
from workbench.generation import import_texts, start_generation

ML6 = Path(__file__).parents[2] / "shared" / "data" / "ml6_synthetic"
NOTEBOOK = {"GPT-3 davinci": "gpt-3_500", "GPT-J 6B": "gpt-j_200", "GPT-Neo 2.7B": "gpt-neo_200"}
REVIEWER = "simulated"
REVIEWED = ("GPT-J 6B", f"{lms.EMBEDDED_LM.name} · conditional")


# Texts and decisions, created once -----------------------------------------------------------------------------------


def prepare(bench: Workbench) -> Task:
    """Create the task, its seed set, every source of texts and the reviewer's decisions, unless they exist."""
    store = bench.store
    task = next(iter(store.tasks.all()), None) or store.tasks.create(read_emotion())
    if not store.tasks.seed_sets(task.id):
        pool = store.tasks.examples(task.id, Split.POOL)
        store.tasks.create_seed_set(task.id, "first ten of each", take_first_seeds(pool, LABELS, 10))
    there = {run.writer.name for run in store.generations.all(task.id)}
    for name, file in NOTEBOOK.items():
        if name not in there:
            table = read_files.read_file(f"{file}.jsonl", (ML6 / f"{file}.jsonl").read_bytes())
            import_texts(bench, task.id, name, read_labelled(table, "text", "label", LABELS))
    written = {run.config.strategy for run in store.generations.all(task.id) if run.config}
    version = store.prompts.save(task.id, DEFAULT_TEMPLATE)
    seed_set = store.tasks.seed_sets(task.id)[0]
    for strategy, lm, target in (
        ("mix", lms.EMBEDDED_LM, 500),
        ("conditional", lms.EMBEDDED_LM, 500),
        ("templates", LMSpec(LMKind.RULES, "label-word templates"), 200),
        ("eda", LMSpec(LMKind.RULES, "EDA"), 500),
    ):
        if strategy not in written:
            config = GenerationConfig(
                DEFAULT_TEMPLATE,
                LABELS,
                lm,
                Sampling(rng_seed=0),
                strategy=strategy,
                target=target,
                word_templates=default_templates(LABELS),
            )
            start_generation(bench, task.id, config, seed_set_id=seed_set.id, prompt_version_id=version.id)
            bench.runner.wait()
    _review(bench, task)
    return task


def _review(bench: Workbench, task: Task) -> None:
    """Store the simulated reviewer's decision on every pending text."""
    store = bench.store
    pending = [text for run in store.generations.all(task.id) for text in store.generations.texts([run.id])]
    pending = [text for text in pending if text.status == "pending"]
    if not pending:
        return
    labels = simulate_reviewer(bench, task, [text.text for text in pending])
    for text, label in zip(pending, labels, strict=True):
        action = ReviewAction.ACCEPT if label == text.label else ReviewAction.RELABEL
        store.reviews.decide(text.id, Verdict(action, label), reviewer=REVIEWER)


def simulate_reviewer(bench: Workbench, task: Task, texts: Sequence[str]) -> list[str]:
    """Label texts with a classifier trained on all real train rows."""
    rows = [TrainingText(example.text, example.label) for example in bench.store.tasks.examples(task.id, Split.POOL)]
    held_out = _labelled(bench, task, Split.VALIDATION)
    config = TrainingConfig(LABELS, steps=1200, batch_size=32, frozen_layers=2, eval_every=1200)
    records = list(train(config, rows, held_out, others=texts))
    points = [record for record in records if isinstance(record, MetricPoint)]
    print(f"the reviewer agrees with {points[-1].accuracy:.1%} of {len(held_out)} validation rows", flush=True)
    found = {record.index - len(held_out): record.label for record in records if isinstance(record, Prediction)}
    return [found[i] for i in range(len(texts))]


def _labelled(bench: Workbench, task: Task, split: Split) -> list[LabelledText]:
    return [LabelledText(example.text, example.label) for example in bench.store.tasks.examples(task.id, split)]


# Variants -------------------------------------------------------------------------------------------------------------


def list_variants(bench: Workbench, task: Task, kind: ClassifierKind) -> tuple[Variant, ...]:
    """Every variant: each source raw, accepted, relabelled and filtered; soft labels if it has any; real texts."""
    runs = {run.writer.name: run for run in bench.store.generations.all(task.id)}
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    found = [Variant(TextUse.REAL, kind=kind)]
    for run in reversed(runs.values()):
        found += [Variant(use, (run.id,), kind=kind) for use in (TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED)]
        found.append(Variant(TextUse.RAW, (run.id,), TextFilter(agrees=True), kind))
        if kind is PROBE:
            found.append(Variant(TextUse.RAW, (run.id,), TextFilter(agrees=True, is_balanced=True), kind))
            found.append(Variant(TextUse.RAW, (run.id,), TextFilter(keep_share=0.5), kind))
        if bench.store.experiments.count_texts(Variant(TextUse.SOFT, (run.id,)), seed_set_id):
            found.append(Variant(TextUse.SOFT, (run.id,), kind=kind))
    return tuple(found)


def list_contrastive(bench: Workbench, task: Task) -> tuple[Variant, ...]:
    """The variants people would choose: raw, relabelled and soft labels of the best sources, and the ceiling."""
    runs = {run.writer.name: run.id for run in bench.store.generations.all(task.id)}
    sources = ("GPT-3 davinci", "GPT-J 6B", "label-word templates", f"{lms.EMBEDDED_LM.name} · conditional")
    found = [
        Variant(use, (runs[source],), kind=CONTRASTIVE)
        for source in sources
        for use in (TextUse.RAW, TextUse.RELABELLED)
    ]
    return (
        *found,
        Variant(TextUse.SOFT, (runs[sources[-1]],), kind=CONTRASTIVE),
        Variant(TextUse.SOFT, tuple(sorted(runs[source] for source in sources[-2:])), kind=CONTRASTIVE),
        Variant(TextUse.REAL, kind=CONTRASTIVE),
    )


def configs_of(bench: Workbench, task: Task) -> dict[str, ExperimentConfig]:
    """The experiments, cheapest first. A variant with fewer texts than a size is trained on all its texts."""
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    recipe = TrainingConfig(LABELS, eval_every=125)  # only the final figures are needed
    found = {}
    for name, kind, sizes in (
        ("probes", PROBE, (10, 50, 100, 200, 300, 400, 500)),
        ("fine-tuned, 200", TUNED, (200,)),
        ("fine-tuned, 50", TUNED, (50,)),
        ("fine-tuned, others", TUNED, (10, 100)),
        ("fine-tuned, large", TUNED, (300, 400, 500)),
    ):
        found[name] = ExperimentConfig(
            seed_set_id, recipe, list_variants(bench, task, kind), sizes, RNG_SEEDS, baselines=(kind,)
        )
    for name, sizes in (("contrastive, 200", (200,)), ("contrastive, others", (50, 100, 500))):
        variants = list_contrastive(bench, task)
        found[name] = ExperimentConfig(seed_set_id, recipe, variants, sizes, RNG_SEEDS, baselines=(CONTRASTIVE,))
    ids = {run.writer.name: run.id for run in bench.store.generations.all(task.id)}
    both = (ids["label-word templates"], ids[f"{lms.EMBEDDED_LM.name} · conditional"])
    variants = tuple(Variant(use, tuple(sorted(both))) for use in (TextUse.SOFT, TextUse.RAW))
    found["together"] = ExperimentConfig(seed_set_id, recipe, variants, (200, 400), RNG_SEEDS)
    return found


def run_variants(bench: Workbench, task: Task, only: str) -> None:
    """Create missing experiments and run those that are not done."""
    known = {experiment.name: experiment for experiment in bench.store.experiments.all(task.id)}
    for name, config in configs_of(bench, task).items():
        if only not in name:
            continue
        if name not in known:
            start_experiment(bench, task.id, config, name=name)
        elif known[name].state.status is not RunStatus.DONE:
            resume_experiment(bench, known[name].id)
    while not bench.runner.wait(60):
        for _, state in bench.store.runs.unfinished(task.id)[:1]:
            print(f"{state.n_done} of {state.n_total} runs, {(state.eta_s or 0) / 60:.0f} min left", flush=True)


def develop(bench: Workbench, task: Task) -> None:
    """Print the probes' macro-F1 on the validation split; nothing is stored and the test split is not used."""
    config = replace(configs_of(bench, task)["probes"], sizes=(50, 200))
    experiment = bench.store.experiments.create(task.id, "", config)
    names = name_experiment_variants(bench, experiment)
    found: dict[tuple[Variant, int], list[float]] = {}
    material = bench.store.experiments.material(experiment.id)
    material = replace(material, test=material.validation)
    runs = {run.id: run for run in bench.store.experiments.runs(experiment.id)}
    for record in run_experiment(experiment, list(runs.values()), material, names.names):
        if isinstance(record, RunMeasured) and isinstance(record.record, MetricPoint):
            run = runs[record.run_id]
            found.setdefault((run.variant, run.n_synthetic), []).append(record.record.macro_f1)
    bench.store.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.CANCELLED, "")
    bench.store.experiments.remove(experiment.id)
    for (variant, size), values in sorted(found.items(), key=lambda item: -float(np.mean(item[1]))):
        print(f"{np.mean(values):.3f} {size:4} {names[variant]}")


# The value of review -------------------------------------------------------------------------------------------------


def order_texts(texts: Sequence[StoredText], order: str, rng_seed: int, likes: dict[str, float]) -> list[StoredText]:
    """Texts in review order. `likes`: the probability of each proposed label by a classifier trained on the seeds."""
    if order == "queue":
        return sorted(texts, key=lambda text: likes[text.text])
    return random.Random(rng_seed).sample(list(texts), len(texts))


def run_review(bench: Workbench, task: Task, kinds: Sequence[ClassifierKind], file: Path) -> None:
    """Train on 200 texts of each source after 0 to 200 decisions; append missing figures to `file`."""
    done = {replace(point, macro_f1=0.0): point.macro_f1 for point in read_points(file)}
    seeds = [TrainingText(example.text, example.label) for example in bench.store.tasks.seed_sets(task.id)[0].examples]
    test = _labelled(bench, task, Split.TEST)
    wanted = [run for run in bench.store.generations.all(task.id) if run.writer.name in REVIEWED]
    for kind, run in ((kind, run) for kind in kinds for run in wanted):
        texts = bench.store.generations.texts([run.id])[:200]
        likes = _like(seeds, texts)
        for rng_seed, n in product(RNG_SEEDS, DECISIONS):
            # With no decisions, or decisions on all texts, neither the order nor leaving texts out makes a difference.
            is_same = n in (0, len(texts))
            places = [
                Point(run.writer.name, kind, order, n, rng_seed, 0.0, trained_on)
                for order, trained_on in product(("queue", "random"), (ALL_TEXTS, REVIEWED_ONLY))
                if n or trained_on == ALL_TEXTS
            ]
            for group in [places] if is_same else [[place] for place in places]:
                if missing := [place for place in group if place not in done]:
                    known = [done[place] for place in group if place in done]
                    figure = known[0] if known else _review_figure(texts, likes, missing[0], seeds, test)
                    _add_points(file, [replace(place, macro_f1=figure) for place in missing])


def _review_figure(
    texts: Sequence[StoredText],
    likes: dict[str, float],
    place: Point,
    seeds: list[TrainingText],
    test: list[LabelledText],
) -> float:
    """Macro-F1 of a classifier trained after the first `n_decisions` decisions of an order."""
    decided = {text.id for text in order_texts(texts, place.order, place.rng_seed, likes)[: place.n_decisions]}
    rows = [
        TrainingText(text.text, text.label if text.id in decided else text.proposed_label)
        for text in texts
        if text.id in decided or place.trained_on == ALL_TEXTS
    ]
    config = TrainingConfig(LABELS, kind=place.kind, rng_seed=place.rng_seed, eval_every=125)
    points = [record for record in train(config, seeds + rows, test) if isinstance(record, MetricPoint)]
    return points[-1].macro_f1


def _like(seeds: Sequence[TrainingText], texts: Sequence[StoredText]) -> dict[str, float]:
    """The probability of each text's proposed label by a probe trained on the seeds, which sorts the queue."""
    config = TrainingConfig(LABELS, kind=PROBE)
    anything = [LabelledText(seeds[0].text, seeds[0].label)]
    records = train(config, seeds, anything, others=[text.text for text in texts])
    found = {record.index - 1: record.probs for record in records if isinstance(record, Prediction)}
    return {text.text: found[i][LABELS.index(text.proposed_label)] for i, text in enumerate(texts)}


def _add_points(file: Path, points: Sequence[Point]) -> None:
    lines = [json.dumps({name: getattr(point, name) for name in Point.__slots__}) for point in points]
    with file.open("a") as opened:
        opened.write("".join(f"{line}\n" for line in lines))
    print(*lines, sep="\n", flush=True)


def done_runs(bench: Workbench, task: Task) -> list[TrainingRun]:
    """Every finished training run."""
    return [
        run
        for experiment in bench.store.experiments.all(task.id)
        for run in bench.store.experiments.runs(experiment.id, status=RunStatus.DONE)
    ]


def done_elsewhere(bench: Workbench, task: Task, folder: Path) -> list[TrainingRun]:
    """The finished runs of another store, with variants that refer to the generation runs of this one."""
    other = open_workbench(f"sqlite:///{folder / 'quality.db'}")
    other_task = prepare(other)
    writers = list_writers(other, other_task.id)
    ids = {writer: run_id for run_id, writer in list_writers(bench, task.id).items()}
    return [
        replace(
            run,
            variant=replace(
                run.variant, generation_run_ids=tuple(ids[writers[run_id]] for run_id in run.variant.generation_run_ids)
            ),
        )
        for run in done_runs(other, other_task)
    ]


def main() -> None:
    """Run the chosen parts; with `--table`, write it and print the best variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("instance") / "quality")
    parser.add_argument("--part", choices=["all", "variants", "review", "none"], default="all")
    parser.add_argument("--only", default="", help="run only experiments whose name contains this")
    parser.add_argument("--kinds", nargs="*", type=ClassifierKind, default=[PROBE, TUNED, CONTRASTIVE])
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--also", nargs="*", type=Path, default=[], help="further stores to include in the table")
    parser.add_argument("--note", default="", help="note below the introduction, such as what is not measured yet")
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    bench = open_workbench(f"sqlite:///{options.store / 'quality.db'}")
    review_file = options.store / "review.jsonl"
    task = prepare(bench)
    if options.development:
        develop(bench, task)
        return
    if options.part in ("all", "variants"):
        run_variants(bench, task, options.only)
    if options.part in ("all", "review"):
        run_review(bench, task, options.kinds, review_file)
    points = list(read_points(review_file))
    if options.table:
        runs = done_runs(bench, task)
        for folder in options.also:
            known = {place_of(run) for run in runs}
            runs += [run for run in done_elsewhere(bench, task, folder) if place_of(run) not in known]
            points += [point for point in read_points(folder / "review.jsonl") if point not in points]
        print(json.dumps(write_table(runs, points, options.note, list_writers(bench, task.id))))


if __name__ == "__main__":
    main()
