"""What synthetic texts are worth on the Emotion task, and what review adds: every arm, 10 RNG seeds, mean and interval.

Seeds: the first ten texts of each label, as in the notebook. Texts: the notebook's own of GPT-3, GPT-J and GPT-Neo, the
embedded LM's by `mix` and `conditional`, label-word templates and EDA; real texts as the ceiling. Decisions are a
simulated reviewer's: MiniLM fine-tuned on every real train row, never on validation or test rows; its label takes the
place of the LM's where they differ. `--part arms` is one experiment of the workbench itself, stored in `--store`: a
killed benchmark goes on where it stood. `--part review` trains after so many decisions on 200 texts, in random order or
in the review queue's (what the seeds' classifier likes least first): on all of them, or on the reviewed ones only.
`--development` measures on the validation split instead, with probes only, and is what methods were chosen by.
`--table` writes docs/RESULTS.md.

Last line: JSON with the macro-F1 of the best arms.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from augment import datasets, lms, sources
from augment.arms import SEEDS_ONLY
from augment.classifiers import train
from augment.comparison import aggregate_runs
from augment.experiments import run_experiment
from augment.metrics import mean_interval
from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    ArmSpec,
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
)
from augment.seeds import take_first_seeds
from augment.word_templates import default_templates
from benchmarks.labels import LABELS, read_emotion
from pages._runs import Workbench, import_texts, open_workbench, resume_experiment, start_experiment, start_generation

ML6 = Path(__file__).parents[2] / "shared" / "data" / "ml6_synthetic"
RESULTS = Path(__file__).parents[1] / "docs" / "RESULTS.md"
NOTEBOOK = {"GPT-3 davinci": "gpt-3_500", "GPT-J 6B": "gpt-j_200", "GPT-Neo 2.7B": "gpt-neo_200"}
TUNED, PROBE, CONTRASTIVE = ClassifierKind.FINE_TUNED, ClassifierKind.PROBE, ClassifierKind.CONTRASTIVE
RNG_SEEDS = tuple(range(10))
DECISIONS = (0, 25, 50, 100, 200)
REVIEWER = "simulated"
ALL_TEXTS, REVIEWED_ONLY = "all", "reviewed only"
REVIEWED = ("GPT-J 6B", f"{lms.EMBEDDED_LM.name} · conditional")


# Texts and decisions, once ------------------------------------------------------------------------------------------


def prepare(bench: Workbench) -> Task:
    """The task, its seed set, every source of texts, and the reviewer's decisions; what is there is left as it is."""
    store = bench.store
    task = next(iter(store.tasks.all()), None) or store.tasks.create(read_emotion())
    if not store.tasks.seed_sets(task.id):
        pool = store.tasks.examples(task.id, Split.POOL)
        store.tasks.create_seed_set(task.id, "first ten of each", take_first_seeds(pool, LABELS, 10))
    there = {run.writer for run in store.generations.all(task.id)}
    for name, file in NOTEBOOK.items():
        if name not in there:
            table = sources.read_file(f"{file}.jsonl", (ML6 / f"{file}.jsonl").read_bytes())
            import_texts(bench, task.id, name, datasets.read_labelled(table, "text", "label", LABELS))
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
    """Decide on every text as the simulated reviewer does."""
    store = bench.store
    pending = [text for run in store.generations.all(task.id) for text in store.generations.texts([run.id])]
    pending = [one for one in pending if one.status == "pending"]
    if not pending:
        return
    labels = simulate_reviewer(bench, task, [one.text for one in pending])
    for one, label in zip(pending, labels, strict=True):
        action = ReviewAction.ACCEPT if label == one.label else ReviewAction.RELABEL
        store.reviews.decide(one.id, action, reviewer=REVIEWER, label=label)


def simulate_reviewer(bench: Workbench, task: Task, texts: Sequence[str]) -> list[str]:
    """Labels of a classifier trained on all real train rows."""
    rows = [TrainingText(one.text, one.label) for one in bench.store.tasks.examples(task.id, Split.POOL)]
    held_out = _labelled(bench, task, Split.VALIDATION)
    config = TrainingConfig(LABELS, steps=1200, batch_size=32, frozen_layers=2, eval_every=1200)
    records = list(train(config, rows, held_out, others=texts))
    points = [one for one in records if isinstance(one, MetricPoint)]
    print(f"the reviewer agrees with {points[-1].accuracy:.1%} of {len(held_out)} validation rows", flush=True)
    found = {one.index - len(held_out): one.label for one in records if isinstance(one, Prediction)}
    return [found[i] for i in range(len(texts))]


def _labelled(bench: Workbench, task: Task, split: Split) -> list[LabelledText]:
    return [LabelledText(one.text, one.label) for one in bench.store.tasks.examples(task.id, split)]


# Arms ----------------------------------------------------------------------------------------------------------------


def list_arms(bench: Workbench, task: Task, kind: ClassifierKind) -> tuple[ArmSpec, ...]:
    """Every arm: each source raw, accepted, relabelled, filtered; soft labels where there are any; real texts."""
    runs = {run.writer: run for run in bench.store.generations.all(task.id)}
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    arms = [ArmSpec(TextUse.REAL, kind=kind)]
    for run in reversed(runs.values()):
        arms += [ArmSpec(use, (run.id,), kind=kind) for use in (TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED)]
        arms.append(ArmSpec(TextUse.RAW, (run.id,), TextFilter(agrees=True), kind))
        if kind is PROBE:
            arms.append(ArmSpec(TextUse.RAW, (run.id,), TextFilter(agrees=True, is_balanced=True), kind))
            arms.append(ArmSpec(TextUse.RAW, (run.id,), TextFilter(keep_share=0.5), kind))
        if bench.store.experiments.count_texts(ArmSpec(TextUse.SOFT, (run.id,)), seed_set_id):
            arms.append(ArmSpec(TextUse.SOFT, (run.id,), kind=kind))
    return tuple(arms)


def list_contrastive(bench: Workbench, task: Task) -> tuple[ArmSpec, ...]:
    """What people would choose: raw, relabelled and soft labels of the best sources, and the ceiling."""
    runs = {run.writer: run.id for run in bench.store.generations.all(task.id)}
    sources_of = ("GPT-3 davinci", "GPT-J 6B", "label-word templates", f"{lms.EMBEDDED_LM.name} · conditional")
    arms = [
        ArmSpec(use, (runs[one],), kind=CONTRASTIVE) for one in sources_of for use in (TextUse.RAW, TextUse.RELABELLED)
    ]
    return (
        *arms,
        ArmSpec(TextUse.SOFT, (runs[sources_of[-1]],), kind=CONTRASTIVE),
        ArmSpec(TextUse.SOFT, tuple(sorted(runs[one] for one in sources_of[-2:])), kind=CONTRASTIVE),
        ArmSpec(TextUse.REAL, kind=CONTRASTIVE),
    )


def configs_of(bench: Workbench, task: Task) -> dict[str, ExperimentConfig]:
    """The experiments, cheapest first. A run whose arm has too few texts fails with a sentence; the others go on."""
    seed_set_id = bench.store.tasks.seed_sets(task.id)[0].id
    recipe = TrainingConfig(LABELS, eval_every=125)  # only the last figures are wanted
    found = {}
    for name, kind, sizes in (
        ("probes", PROBE, (10, 50, 100, 200, 300, 400, 500)),
        ("fine-tuned, 200", TUNED, (200,)),
        ("fine-tuned, 50", TUNED, (50,)),
        ("fine-tuned, others", TUNED, (10, 100)),
        ("fine-tuned, large", TUNED, (300, 400, 500)),
    ):
        found[name] = ExperimentConfig(
            seed_set_id, recipe, list_arms(bench, task, kind), sizes, RNG_SEEDS, baselines=(kind,)
        )
    for name, sizes in (("contrastive, 200", (200,)), ("contrastive, others", (50, 100, 500))):
        arms = list_contrastive(bench, task)
        found[name] = ExperimentConfig(seed_set_id, recipe, arms, sizes, RNG_SEEDS, baselines=(CONTRASTIVE,))
    ids = {run.writer: run.id for run in bench.store.generations.all(task.id)}
    both = (ids["label-word templates"], ids[f"{lms.EMBEDDED_LM.name} · conditional"])
    arms = tuple(ArmSpec(use, tuple(sorted(both))) for use in (TextUse.SOFT, TextUse.RAW))
    found["together"] = ExperimentConfig(seed_set_id, recipe, arms, (200, 400), RNG_SEEDS)
    return found


def run_arms(bench: Workbench, task: Task, only: str) -> None:
    """Make the experiments that are not there, and run what is not done."""
    known = {one.name: one for one in bench.store.experiments.all(task.id)}
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
    """The probes' macro-F1 on the validation split; nothing is stored, the test split is not looked at."""
    config = replace(configs_of(bench, task)["probes"], sizes=(50, 200))
    experiment = bench.store.experiments.create(
        task.id, "", config, arm_names=[str(i) for i in range(len(config.arms))], baselines=["seeds only"]
    )
    names = {run.id: run.writer for run in bench.store.generations.all(task.id)}
    found: dict[tuple[str, int], list[float]] = {}
    material = bench.store.experiments.material(experiment.id)
    material = replace(material, test=material.validation)
    runs = {run.id: run for run in bench.store.experiments.runs(experiment.id)}
    for record in run_experiment(experiment, list(runs.values()), material):
        if isinstance(record, RunMeasured) and isinstance(record.record, MetricPoint):
            run = runs[record.run_id]
            found.setdefault((run.arm, run.n_synthetic), []).append(record.record.macro_f1)
    bench.store.runs.finish(RunKey(RunKind.EXPERIMENT, experiment.id), RunStatus.CANCELLED, "")
    bench.store.experiments.remove(experiment.id)
    for (arm, size), values in sorted(found.items(), key=lambda item: -float(np.mean(item[1]))):
        spec = config.arms[int(arm)] if arm.isdecimal() else None
        what = f"{[names[i] for i in spec.generation_run_ids]} {spec.use} {spec.filter}" if spec else arm
        print(f"{np.mean(values):.3f} {size:4} {what}")


# The value of review -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """Macro-F1 of one run on 200 texts of which so many were reviewed."""

    source: str
    kind: ClassifierKind
    order: str
    n_decisions: int
    rng_seed: int
    macro_f1: float
    trained_on: str = ALL_TEXTS


def order_texts(texts: Sequence[StoredText], order: str, rng_seed: int, likes: dict[str, float]) -> list[StoredText]:
    """Which text is reviewed first. `likes`: what the seeds' classifier gives each text's proposed label."""
    if order == "queue":
        return sorted(texts, key=lambda one: likes[one.text])
    return random.Random(rng_seed).sample(list(texts), len(texts))


def run_review(bench: Workbench, task: Task, kinds: Sequence[ClassifierKind], file: Path) -> None:
    """Train on 200 texts of each source after so many decisions; figures are added to `file`, what is there is kept."""
    done = {replace(one, macro_f1=0.0): one.macro_f1 for one in read_points(file)}
    seeds = [TrainingText(one.text, one.label) for one in bench.store.tasks.seed_sets(task.id)[0].examples]
    test = _labelled(bench, task, Split.TEST)
    wanted = [run for run in bench.store.generations.all(task.id) if run.writer in REVIEWED]
    for kind, run in ((kind, run) for kind in kinds for run in wanted):
        texts = bench.store.generations.texts([run.id])[:200]
        likes = _like(seeds, texts)
        for rng_seed, n in product(RNG_SEEDS, DECISIONS):
            # With none, and with all of them, neither the order nor what is left out makes a difference.
            is_same = n in (0, len(texts))
            places = [
                Point(run.writer, kind, order, n, rng_seed, 0.0, trained_on)
                for order, trained_on in product(("queue", "random"), (ALL_TEXTS, REVIEWED_ONLY))
                if n or trained_on == ALL_TEXTS
            ]
            for group in [places] if is_same else [[one] for one in places]:
                if missing := [one for one in group if one not in done]:
                    known = [done[one] for one in group if one in done]
                    figure = known[0] if known else _review_figure(texts, likes, missing[0], seeds, test)
                    _add_points(file, [replace(one, macro_f1=figure) for one in missing])


def _review_figure(
    texts: Sequence[StoredText],
    likes: dict[str, float],
    place: Point,
    seeds: list[TrainingText],
    test: list[LabelledText],
) -> float:
    """Macro-F1 of a classifier trained after the first decisions of an order."""
    decided = {one.id for one in order_texts(texts, place.order, place.rng_seed, likes)[: place.n_decisions]}
    rows = [
        TrainingText(one.text, one.label if one.id in decided else one.proposed_label)
        for one in texts
        if one.id in decided or place.trained_on == ALL_TEXTS
    ]
    config = TrainingConfig(LABELS, kind=place.kind, rng_seed=place.rng_seed, eval_every=125)
    points = [one for one in train(config, seeds + rows, test) if isinstance(one, MetricPoint)]
    return points[-1].macro_f1


def _like(seeds: Sequence[TrainingText], texts: Sequence[StoredText]) -> dict[str, float]:
    """What a probe on the seeds gives each text's proposed label: what the queue of the Review page goes by."""
    config = TrainingConfig(LABELS, kind=PROBE)
    anything = [LabelledText(seeds[0].text, seeds[0].label)]
    records = train(config, seeds, anything, others=[one.text for one in texts])
    found = {one.index - 1: one.probs for one in records if isinstance(one, Prediction)}
    return {one.text: found[i][LABELS.index(one.proposed_label)] for i, one in enumerate(texts)}


def read_points(file: Path) -> Iterator[Point]:
    """What an earlier sitting measured."""
    if file.exists():
        for line in file.read_text().splitlines():
            values = json.loads(line)
            yield Point(**{**values, "kind": ClassifierKind(values["kind"])})


def _add_points(file: Path, points: Sequence[Point]) -> None:
    lines = [json.dumps({name: getattr(one, name) for name in Point.__slots__}) for one in points]
    with file.open("a") as opened:
        opened.write("".join(f"{line}\n" for line in lines))
    print(*lines, sep="\n", flush=True)


# The table -----------------------------------------------------------------------------------------------------------


def done_runs(bench: Workbench, task: Task) -> list[TrainingRun]:
    """Every run that was measured to its end."""
    return [
        run
        for experiment in bench.store.experiments.all(task.id)
        for run in bench.store.experiments.runs(experiment.id, status=RunStatus.DONE)
    ]


def write_table(runs: Sequence[TrainingRun], points: Sequence[Point], note: str) -> dict[str, float]:
    """docs/RESULTS.md of everything that is measured, under a note; returns the best arms' macro-F1."""
    parts = [_INTRODUCTION, note] if note else [_INTRODUCTION]
    best: dict[str, float] = {}
    for kind in (PROBE, TUNED, CONTRASTIVE):
        of_kind = [run for run in runs if run.config.kind is kind]
        parts.append(f"## {str(kind).capitalize()}\n\n" + _tabulate(of_kind, best))
    parts.append(_REVIEW_INTRODUCTION + _tabulate_review(points))
    RESULTS.write_text("\n\n".join(parts).rstrip() + "\n")
    return dict(sorted(best.items(), key=lambda item: -item[1])[:8])


def _place(run: TrainingRun) -> tuple[str, int, int]:
    return run.arm, run.n_synthetic, run.config.rng_seed


def _tabulate(runs: Sequence[TrainingRun], best: dict[str, float]) -> str:
    accuracy = {(one.arm, one.n_synthetic): one.interval for one in aggregate_runs(runs, "accuracy")}
    f1 = aggregate_runs(runs, "macro_f1")
    sizes = sorted({one.n_synthetic for one in f1})
    lines = ["| arm | " + " | ".join(f"{size}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    arms: dict[str, dict[int, str]] = {}
    for one in f1:
        of_accuracy = accuracy[one.arm, one.n_synthetic]
        half, half_accuracy = one.interval.high - one.interval.mean, 100 * (of_accuracy.high - of_accuracy.mean)
        if one.interval.n < len(RNG_SEEDS):  # too few for an interval worth printing
            n_seeds = f"{one.interval.n} RNG seed{'s' if one.interval.n > 1 else ''}"
            cell = f"{one.interval.mean:.3f}, {100 * of_accuracy.mean:.1f} % ({n_seeds})"
        else:
            cell = f"**{one.interval.mean:.3f}** ± {half:.3f}, {100 * of_accuracy.mean:.1f} ± {half_accuracy:.1f} %"
        arms.setdefault(one.arm, {})[one.n_synthetic] = cell
        best[f"{one.arm}, {one.n_synthetic}"] = round(one.interval.mean, 3)
    order = sorted(arms, key=lambda arm: (not arm.startswith(SEEDS_ONLY), arm))
    lines += [f"| {arm} | " + " | ".join(arms[arm].get(size, "") for size in sizes) + " |" for arm in order]
    return "\n".join(lines)


def _tabulate_review(points: Sequence[Point]) -> str:
    groups: dict[tuple[str, str, str, str], dict[int, list[float]]] = {}
    for one in points:
        group = groups.setdefault((one.source, str(one.kind), one.trained_on, one.order), {})
        group.setdefault(one.n_decisions, []).append(one.macro_f1)
    head = "| texts | classifier | trained on | order | " + " | ".join(map(str, DECISIONS)) + " |"
    lines = [head, "|---" * (len(DECISIONS) + 4) + "|"]
    for (source, kind, trained_on, order), values in sorted(groups.items()):
        found = {n: mean_interval(values[n]) for n in DECISIONS if len(values.get(n, [])) >= len(RNG_SEEDS)}
        if not found:  # not measured to its end
            continue
        cells = [
            f"**{found[n].mean:.3f}** ± {found[n].high - found[n].mean:.3f}" if n in found else "" for n in DECISIONS
        ]
        lines.append(f"| {source} | {kind} | {trained_on} | {order} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_INTRODUCTION = """# Results on the Emotion task

Written by `python -m benchmarks.quality --table`; its docstring says how. Three labels (joy, anger, surprise), 30
seeds (the first ten of each), 797 test texts (joy 537, anger 210, surprise 50: always "joy" is 67.4 % accurate and has
a macro-F1 of 0.268). Each cell: **macro-F1** ± half its 95 % interval, accuracy ± half its interval, over 10 RNG seeds,
by number of synthetic texts; an RNG seed draws which texts, their order, and the classifier's head. A probe on the
seeds, or on all texts that an arm has, has nothing to draw: its interval is 0. "accepted" and "relabelled" are by the
simulated reviewer."""

_REVIEW_INTRODUCTION = """## The value of review

Macro-F1 ± half its 95 % interval over 10 RNG seeds on 30 seeds and 200 texts, of which so many were reviewed by the
simulated reviewer. Trained on all: those that wait keep the label that the LM proposed; reviewed only: they are left
out. Queue: texts whose label the seeds' classifier likes least first.

"""


def main() -> None:
    """Do the parts that are asked for, and print the best arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("instance") / "quality")
    parser.add_argument("--part", choices=["all", "arms", "review", "none"], default="all")
    parser.add_argument("--only", default="", help="experiments whose name holds this")
    parser.add_argument("--kinds", nargs="*", type=ClassifierKind, default=[PROBE, TUNED])
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--also", nargs="*", type=Path, default=[], help="stores of other processes, for the table")
    parser.add_argument("--note", default="", help="stands in the table's file, such as what is not measured yet")
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    bench = open_workbench(f"sqlite:///{options.store / 'quality.db'}")
    review_file = options.store / "review.jsonl"
    task = prepare(bench)
    if options.development:
        develop(bench, task)
        return
    if options.part in ("all", "arms"):
        run_arms(bench, task, options.only)
    if options.part in ("all", "review"):
        run_review(bench, task, options.kinds, review_file)
    points = list(read_points(review_file))
    if options.table:
        runs = done_runs(bench, task)
        for folder in options.also:
            other = open_workbench(f"sqlite:///{folder / 'quality.db'}")
            runs += [
                run for run in done_runs(other, prepare(other)) if _place(run) not in {_place(one) for one in runs}
            ]
            points += [one for one in read_points(folder / "review.jsonl") if one not in points]
        print(json.dumps(write_table(runs, points, options.note)))


if __name__ == "__main__":
    main()
